"""The pixel art of the bundled games, as code: palette, sprites, and the terrain painters."""
