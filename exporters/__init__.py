"""Level formats behind one small protocol, and the writers of model files."""
