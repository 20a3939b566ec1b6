"""Campaigns: a run of certified levels of rising difficulty, kept as a folder with an index that lists them in order.

The levels are those that :func:`levelforge.generate.generate` gives for a range of difficulties, in the order in which
they measured. What is asked of the places rises evenly, so this order is also the one that comes nearest to it in
total (the rearrangement inequality).

Any folder of levels can be read back as a list to play: in the order of its ``index.json``, of a single ``.world``, or
else of the files' names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levelforge.errors import LevelForgeError
from levelforge.files import INDEX, Options, read_files
from levelforge.level import Level

if TYPE_CHECKING:
    from levelforge.generate import GenerateConfig, Generated, Progress
    from levelforge.pack import Pack

FORMAT = 1
MOST = 500
"""Levels of a list at most."""


@dataclass(frozen=True)
class Campaign:
    """Levels in the order in which they are to be played.

    Attributes:
        title: for people.
        levels: at least one, all of one game.
        asked: the difficulty asked for at each place, as far as it is known.
    """

    title: str
    levels: tuple[Level, ...]
    asked: tuple[float | None, ...]


def make_campaign(pack: Pack, config: GenerateConfig, progress: Progress | None = None) -> Generated:
    """Make ``config.n`` levels that get harder from one to the next.

    Args:
        pack: a trained pack.
        config: what to make; its ``difficulty`` is the (low, high) of the curve.
        progress: told how far each stage is.

    Raises:
        LevelForgeError: as for :func:`levelforge.generate.generate`.
    """
    from levelforge.generate import generate

    made = generate(pack, config, progress)
    order = sorted(range(len(made.levels)), key=lambda i: _hardness(made, i))
    levels = [
        made.levels[i].with_(id=f"{pack.game.name}-campaign-{config.seed}-{place:02d}")
        for place, i in enumerate(order, start=1)
    ]
    return replace(
        made,
        levels=tuple(levels),
        requested_counts=made.requested_counts[order],
        measured=None if made.measured is None else tuple(made.measured[i] for i in order),
        predicted_difficulty=None
        if made.predicted_difficulty is None
        else tuple(made.predicted_difficulty[i] for i in order),
    )


def write_campaign(
    made: Generated,
    pack: Pack,
    config: GenerateConfig,
    folder: Path,
    formats: Sequence[str],
    tell: Progress,
    *,
    options: Options | None = None,
    report: bool = False,
) -> tuple[list[list[str]], float]:
    """Write a campaign as ``generate`` writes its levels, and say in the index that it is one.

    Arguments and what is returned are those of :func:`levelforge.output.write_generated`.
    """
    from levelforge.output import write_generated

    files, seconds = write_generated(
        made, pack, config, folder, formats, tell, options=options, report=report
    )
    path = folder / INDEX
    index = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps({"campaign": campaign_facts(pack, config)} | index, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return files, seconds


def campaign_facts(pack: Pack, config: GenerateConfig) -> dict[str, Any]:
    """What an index says of a campaign as a whole."""
    low, high = config.aims or (None, None)
    return {"format": FORMAT, "title": f"{pack.game.title} {config.seed}", "curve": [low, high]}


def read_campaign(folder: Path, game: str | None = None) -> Campaign:
    """The levels of a folder as a list to play.

    Args:
        folder: a campaign, or any folder of levels.
        game: a game's name or ``game.toml``, for files that do not say theirs.

    Raises:
        LevelForgeError: one line with the file and the mend: no levels, or of several games, or an index that lists
            what is not there.
    """
    index = _index(folder)
    if index is None:
        worlds = sorted(folder.glob("*.world"))
        found = read_files(worlds if len(worlds) == 1 else [folder], game, playable=False, one_game=True)
        asked: list[float | None] = [None] * len(found)
        title = folder.resolve().name
    else:
        paths = [_file_of(folder, entry, place) for place, entry in enumerate(index["levels"], start=1)]
        # a format that holds several levels names one file for all of them
        found = read_files(list(dict.fromkeys(paths)), game, every_format=True, playable=False, one_game=True)
        asked = [_share(entry.get("requested_difficulty")) for entry in index["levels"]]
        about = index.get("campaign")
        named = about.get("title") if isinstance(about, dict) else None
        title = named[:60] if isinstance(named, str) and named.isprintable() else folder.resolve().name
    if len(found) > MOST:
        raise LevelForgeError(f"{folder}: holds {len(found)} levels; a list to play has {MOST} at most")
    return Campaign(title, tuple(item.level.with_(id=item.id) for item in found), tuple(asked[: len(found)]))


def _index(folder: Path) -> dict[str, Any] | None:
    """The folder's index where it lists levels, or None."""
    path = folder / INDEX
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        raise LevelForgeError(
            f"{path}: cannot be read; make the campaign anew, or remove this file to play by name"
        ) from None
    levels = found.get("levels") if isinstance(found, dict) else None
    if not isinstance(levels, list) or not all(isinstance(entry, dict) for entry in levels):
        return None  # some other program's index
    about = found.get("campaign")
    if isinstance(about, dict) and isinstance(about.get("format"), int) and about["format"] > FORMAT:
        raise LevelForgeError(
            f"{path}: was written by a newer version (format {about['format']}, this one knows {FORMAT})"
        )
    return found if levels else None


def _file_of(folder: Path, entry: dict[str, Any], place: int) -> Path:
    """The file that an index names for a level: plain names within the folder alone, the first that can be read."""
    from levelforge.exporters import readable_extensions

    known = readable_extensions()
    names = entry.get("files")
    for name in names if isinstance(names, list) else ():
        if not isinstance(name, str) or name != Path(name).name or "\0" in name:
            continue
        path = folder / name
        if path.suffix in known and path.is_file():
            return path
    raise LevelForgeError(
        f"{folder / INDEX}: level {place} names no readable file of this folder; write it with --format json"
    )


def _hardness(made: Generated, i: int) -> tuple[float, int]:
    length = len(made.levels[i].solution or ())
    if made.measured is not None:
        return made.measured[i].difficulty, length
    return (0.0 if made.predicted_difficulty is None else made.predicted_difficulty[i]), length


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None
