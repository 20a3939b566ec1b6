"""The demo: play generated levels in a window. Needs the `demo` extra (pygame)."""
