"""Drafts the level corpora of the bundled games; run ``python -m tools.make_corpus``."""
