"""The play command."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("what", metavar="[GAME|MAP|FOLDER]", required=False)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the first level. [default: a new one]")
@click.option("--difficulty", type=click.FloatRange(0, 1), help="Of the first level, 0 (easy) to 1 (hard).")
@click.option(
    "--adaptive/--fixed",
    default=None,
    help="Whether difficulty follows the player. [default: unless --difficulty is given]",
)
@click.option("--game", help="The game of a map that does not say it itself (text).")
@click.option("--pack", type=click.Path(path_type=Path), help="Another pack folder than the game's.")
@click.option("--record", type=click.Path(path_type=Path), help="Write a GIF of the first 20 seconds.")
@click.option("--frames", type=click.IntRange(0), default=0, hidden=True)
def play(
    what: str | None,
    seed: int | None,
    difficulty: float | None,
    adaptive: bool | None,
    game: str | None,
    pack: Path | None,
    record: Path | None,
    frames: int,
) -> None:
    """Play levels that are made while you play, or a map of your own.

    Without GAME or MAP the title screen opens. A FOLDER of levels, such as 'levelforge campaign' writes, is
    played level by level. Needs the 'demo' extra.

    \b
    Examples:
      levelforge play
      levelforge play dungeon --seed 7
      levelforge play my-map.tmx
      levelforge play out/dungeon-campaign
      levelforge play platformer --difficulty 0.4 --adaptive
    """
    import os

    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    from levelforge.demo_game.launch import launch
    from levelforge.errors import LevelForgeError, MissingExtraError
    from levelforge.game import bundled_games, load_game

    try:
        from levelforge.demo_game.app import Options
    except ImportError as error:
        if (error.name or "").startswith("levelforge"):
            raise
        raise MissingExtraError("the demo", "demo") from None
    level = None
    if what is not None and what not in bundled_games():
        path = Path(what)
        campaign = path.is_dir() and not (path / "game.toml").is_file()
        if campaign or (path.is_file() and path.suffix != ".toml"):
            level = path
        elif path.exists():
            game = what
        else:
            try:
                load_game(what)
            except LevelForgeError as error:
                raise LevelForgeError(f"{error}; nor is {what} a map or a folder of maps") from None
    elif what is not None:
        game = what
    launch(
        Options(
            game=game, level=level, seed=seed, difficulty=difficulty, adaptive=adaptive, pack=pack, record=record,
            frames=frames,
        )
    )  # fmt: skip
