"""Training: networks, the GAN, the DQN playtester and the run that drives both. Needs the `train` extra."""
