"""The web kit: a static folder in which visitors make, play and download levels, with nothing but a browser.

The JavaScript lies in ``exporters/web_kit/``. Everything it knows of a game (rules, vocabulary, observation) is
written here from the Python side, so that there is one source of truth.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role
from levelforge.pack import Pack
from levelforge.tileset import Tileset
from levelforge.web_vendor import Say, libraries, vendor_files

MARK = "kit.json"
"""The file that tells a web kit's folder from any other."""
PAGE = ("index.html", "style.css", "page", "levelforge")


def kit_folder() -> Path:
    """The folder of the kit's own sources."""
    return Path(str(resources.files("levelforge"))) / "exporters" / "web_kit"


def export_web_kit(
    pack: Pack, out: Path, *, node_modules: Path | None = None, say: Say = lambda _message: None
) -> list[str]:
    """Write the kit of a pack's game.

    Args:
        pack: whose networks the page runs.
        out: folder to make; an older kit there is replaced.
        node_modules: where to take the JavaScript libraries from; None looks for them, see
            :func:`levelforge.web_vendor.vendor_files`.
        say: told of anything that takes a while.

    Returns:
        The files written, as paths within ``out``.

    Raises:
        LevelForgeError: ``out`` is something else than a kit, cannot be written, or a library cannot be had.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).is_file())):
        raise LevelForgeError(f"{out}: is not empty and no web kit; choose another --out")
    source = kit_folder()
    vendor = vendor_files(source, node_modules, say)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as name:
            draft = Path(name) / "kit"
            draft.mkdir()
            files = _write(pack, draft, source, vendor)
            if out.exists():
                os.replace(out, Path(name) / "old")
            os.replace(draft, out)
    except OSError as error:
        raise LevelForgeError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None
    return files


def _write(pack: Pack, folder: Path, source: Path, vendor: dict[str, Path]) -> list[str]:
    from levelforge.exporters.tiled_tileset import PROGRAM, VERSION, tiled_tileset

    for name in PAGE:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copyfile(source / name, folder / name)
    page = folder / "index.html"
    page.write_text(
        page.read_text(encoding="utf-8").replace("{{title}}", _html(pack.game.title)), encoding="utf-8"
    )
    (folder / "vendor").mkdir()
    for name, path in vendor.items():
        shutil.copyfile(path, folder / "vendor" / name)
    notes = [f"{x.name} {x.version}: {x.licence}\n" for x in libraries(source)]
    (folder / "vendor" / "LICENCES.txt").write_text("".join(notes), encoding="utf-8")
    (folder / "pack").mkdir()
    for name in ("pack.json", "model_card.md", *sorted(pack.info["files"])):
        shutil.copyfile(pack.folder / name, folder / "pack" / name)
    shared = tiled_tileset(pack.game)
    (folder / "game").mkdir()
    (folder / "game" / shared.image_name).write_bytes(shared.image)
    tiled = {"version": VERSION, "tiledversion": PROGRAM, "tileset": json.loads(shared.json)}
    for name, content in (
        ("game", game_facts(pack.game)),
        ("tileset", tileset_facts(shared.tileset)),
        ("tiled", tiled),
    ):
        (folder / "game" / f"{name}.json").write_text(_json(content), encoding="utf-8")
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    mark = {"format": 1, "game": pack.game.name, "pack": pack.hash, "files": files}
    (folder / MARK).write_text(_json(mark, indent=1), encoding="utf-8")
    return sorted([*files, MARK])


def game_facts(game: Game) -> dict[str, Any]:
    """All that the JavaScript modules know of a game (``game.json``): its rules, vocabulary and contracts as data.

    Most keys are those of ``game.toml``; besides, ``roles`` has the number of each role, ``sampling`` the constants of
    :func:`levelforge.decode.sample_counts`, ``observation`` those of :mod:`levelforge.playtest.observation`, and
    ``playing`` those of :mod:`levelforge.playtest.decide`.
    """
    from levelforge.playtest.decide import TREMBLE

    header = game.header
    return {
        "name": game.name,
        "title": game.title,
        "description": header.description,
        "digest": game.digest,
        "movement": game.movement,
        "size": list(header.size),
        "min_size": list(header.min_size),
        "max_size": list(header.max_size),
        "rules": asdict(game.rules),
        "constraints": asdict(game.constraints),
        "measures": asdict(game.measures),
        "tiles": [
            {"name": t.name, "symbol": t.symbol, "role": t.role.word, "place": t.place, "scales": t.scales}
            for t in game.tiles
        ],
        "counts": {name: list(span) for name, span in game.count_ranges.items()},
        "actions": [asdict(action) for action in game.actions],
        "roles": {role.word: int(role) for role in Role},
        "sampling": _sampling(),
        "observation": observation_facts(game),
        "playing": {"tremble": TREMBLE},
    }


def _sampling() -> dict[str, Any]:
    from levelforge.decode import DANGERS, INTENSITY_GAIN, INTENSITY_REACH, LEAST_WEIGHT

    return {
        "intensity_gain": INTENSITY_GAIN,
        "intensity_reach": INTENSITY_REACH,
        "least_weight": LEAST_WEIGHT,
        "dangers": [role.word for role in DANGERS],
    }


def observation_facts(game: Game) -> dict[str, Any]:
    """Sizes, codes and planes of the playtester's observation, by the names of its module."""
    from levelforge.playtest import observation as o

    rows, columns = o.VIEW_SIZE[game.movement]
    planes = {
        name.removeprefix("PLANE_").lower(): value
        for name, value in vars(o).items()
        if name.startswith("PLANE_")
    }
    names = {value: name for name, value in planes.items()}
    return {
        "view": {"rows": rows, "columns": columns},
        "map": {"rows": o.MAP_ROWS, "columns": o.MAP_COLUMNS, "planes": o.MAP_PLANES},
        "scalars": o.N_SCALARS,
        "personas": list(o.PERSONAS),
        "codes": {"outside": o.OUTSIDE, "right": o.RIGHT, "left": o.LEFT, "down": o.DOWN, "up": o.UP},
        "planes": planes,
        "share_planes": [names[plane] for plane in o.SHARE_PLANES],
    }


def tileset_facts(tileset: Tileset) -> dict[str, Any]:
    """A tileset as the page's autotiling reads it (``tileset.json``)."""
    rules = {}
    for name, rule in tileset.rules.items():
        ends = (rule.first + rule.length).tolist()
        rules[name] = {
            "neighbours": list(rule.neighbours),
            "match": list(rule.match),
            "outside": rule.outside,
            "table": [rule.variants[a:b].tolist() for a, b in zip(rule.first.tolist(), ends, strict=True)],
            "stamps": [
                {"cells": s.cells.tolist(), "block": list(s.block), "chance": s.chance} for s in rule.stamps
            ],
        }
    frames = {
        name: {move: {"tiles": list(f.tiles), "ms": f.ms} for move, f in moves.items()}
        for name, moves in tileset.frames.items()
    }
    return {
        "tile_size": tileset.tile_size,
        "columns": tileset.columns,
        "count": tileset.count,
        "background": tileset.background,
        "rules": rules,
        "frames": frames,
    }


def _json(content: Any, indent: int | None = None) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=indent) + "\n"


def _html(text: str) -> str:
    import html

    return html.escape(text)
