"""Maps from files, made playable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from levelforge.demo_game.campaign import Campaign
from levelforge.demo_game.run import Run
from levelforge.demo_game.session import proven
from levelforge.demo_game.supply import Made
from levelforge.errors import LevelForgeError
from levelforge.game import Role, bundled_games
from levelforge.level import Level


def open_folder(app: Any, folder: Path, game: str | None = None) -> Run:
    """A folder of levels as a campaign, from the first level that was not won yet.

    Raises:
        LevelForgeError: as :func:`levelforge.campaign.read_campaign`, or a level with nothing to stand on.
    """
    from levelforge.campaign import read_campaign

    found = read_campaign(folder, game or app.options.game)
    made = []
    for level, asked in zip(found.levels, found.asked, strict=True):
        playable, note = with_start(level, level.id)
        if not proven(playable):
            playable = playable.with_(solution=None, difficulty=None)
        made.append(Made(playable, asked, "file", note))
    name = _ticket_name(app, made[0].level)
    campaign = Campaign.of_folder(folder, found.title, made, app.save)
    return Run(name, "campaign", 0, index=campaign.next, campaign=campaign)


def open_map(app: Any, path: Path, game: str | None = None) -> Run:
    """Read a map of any format that levelforge imports.

    A map without a start gets one on its first free tile; whether it can be won is looked into while it is played.

    Args:
        app: the program.
        path: the file; of a file with several levels, the first level.
        game: its game, where the file does not say; by default that of the command line.

    Raises:
        LevelForgeError: unreadable, of a game that is not at hand, or nothing to stand on.
    """
    from levelforge.exporters import read_levels

    name = game or app.options.game
    levels = read_levels([path], app.game(name) if name else None)
    if not levels:
        raise LevelForgeError(f"{path}: holds no level")
    level = levels[0][1].with_(id=path.stem)  # the player knows it by its file
    level, note = with_start(level, str(path))
    if level.solution is not None and not proven(level):
        level = level.with_(
            solution=None, difficulty=None
        )  # the map was changed since its certificate was written
    return Run(_ticket_name(app, level), "single", 0, made=Made(level, None, "file", note))


def with_start(level: Level, origin: str) -> tuple[Level, str]:
    """The level with exactly one start, and what was done about it."""
    roles = level.game.roles[level.tiles]
    starts = np.argwhere(roles == Role.START)
    if len(starts) == 1:
        return level, ""
    tiles = level.tiles.copy()
    start = level.game.of_role(Role.START)[0].id
    if len(starts):
        for y, x in starts[1:]:
            tiles[y, x] = level.game.empty.id
        return level.with_(tiles=tiles, solution=None), f"{len(starts)} starts: the first one counts"
    free = np.argwhere(roles == Role.EMPTY)
    if not len(free):
        raise LevelForgeError(f"{origin}: has no start and no free tile for one")
    tiles[tuple(free[0])] = start
    return level.with_(tiles=tiles, solution=None), "This map has no start: you begin on its first free tile"


def _ticket_name(app: Any, level: Level) -> str:
    """A name for the level's game under which the worker can load it, too."""
    game = level.game
    if game.name in bundled_games() and app.game(game.name).digest == game.digest:
        return game.name
    if game.path is None:
        raise LevelForgeError(f"{level.id}: its game {game.name!r} has no game.toml here")
    name = str(game.path)
    app.games.setdefault(name, game)
    return name
