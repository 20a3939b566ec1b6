"""``python -m levelforge.demo_game``: the same as ``levelforge play``."""

from __future__ import annotations

import sys


def main() -> None:
    """Open the demo."""
    from levelforge.cli import cli

    cli.main(["play", *sys.argv[1:]], "levelforge")


if __name__ == "__main__":
    main()
