"""The games that come with LevelForge: `games/<name>/{game.toml, corpus/, tileset/, pack/}`."""
