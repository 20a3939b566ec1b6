"""What ``levelforge generate -n 1000 --seed 7 --no-playtest`` gives, checked from the files it wrote.

    python benchmarks/generate_quality.py [-n 1000] [--seed 7] [--packs DIR] [--format json] [--out quality.json]

For each game: levels written, levels whose certificate wins when replayed from the exported file, exact
duplicates, levels with exactly the requested counts, the share of candidates beatable before repair, the median
edits of the repaired levels, the median novelty, and whether a second run wrote the same bytes. Prints a table,
writes JSON; exit status 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from levelforge.exporters import read_levels
from levelforge.game import bundled_games
from levelforge.generate import GenerateConfig, generate
from levelforge.level import faults
from levelforge.output import write_generated
from levelforge.pack import Pack, load_pack
from levelforge.solver import verify_solution


def write(pack: Pack, config: GenerateConfig, formats: list[str], folder: Path) -> Any:
    """Generate into a folder."""
    made = generate(pack, config)
    write_generated(made, pack, config, folder, formats, lambda _stage, _done, _total: None)
    return made


def digest(folder: Path) -> str:
    """SHA-256 (hex) of all files of a folder with their names."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def measure(pack: Pack, n: int, seed: int, formats: list[str]) -> dict[str, Any]:
    config = GenerateConfig(n, seed=seed, playtest=False)
    with tempfile.TemporaryDirectory() as name:
        first, second = Path(name, "first"), Path(name, "second")
        first.mkdir()
        second.mkdir()
        made = write(pack, config, formats, first)
        write(pack, config, formats, second)
        same = digest(first) == digest(second)
        read = [level for _, level in read_levels([first])]
    wanted = {
        level.id: counts.tolist() for level, counts in zip(made.levels, made.requested_counts, strict=True)
    }
    edits = [level.edits for level in made.levels if level.edits]
    novelties = [level.novelty for level in made.levels if level.novelty is not None]
    return {
        "game": pack.game.name,
        "pack": pack.hash,
        "written": len(read) // len(formats),
        "verified": sum(
            level.solution is not None and verify_solution(level, level.solution) for level in read
        )
        // len(formats),
        "well_formed": sum(not faults(level) for level in read) // len(formats),
        "duplicates": len(made.levels) - len({level.tiles.tobytes() for level in read}),
        "counts_met": sum(list(level.counts().values()) == wanted[level.id] for level in read)
        // len(formats),
        "raw_beatable": round(made.raw_beatable, 4),
        "repaired": len(edits),
        "median_edits_of_repaired": statistics.median(edits) if edits else 0,
        "median_novelty": round(statistics.median(novelties), 4) if novelties else None,
        "byte_identical": same,
        "candidates": made.candidates,
        "rejected": dict(made.rejected),
    }


def missed(row: dict[str, Any], n: int) -> list[str]:
    """The bars a row misses."""
    bars = {
        "written": row["written"] == n,
        "verified": row["verified"] == n,
        "well_formed": row["well_formed"] == n,
        "duplicates": row["duplicates"] == 0,
        "counts_met": row["counts_met"] == n,
        "raw_beatable": row["raw_beatable"] >= 0.80,
        "median_edits_of_repaired": row["median_edits_of_repaired"] <= 4,
        "median_novelty": (row["median_novelty"] or 0) >= 0.10,
        "byte_identical": row["byte_identical"],
    }
    return [name for name, met in bars.items() if not met]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--packs", type=Path, help="folder with one pack folder a game, instead of the bundled packs"
    )
    parser.add_argument(
        "--format", default="json", help="readable formats to write and read back, comma separated"
    )
    parser.add_argument("--out", type=Path, default=Path("generate_quality.json"))
    args = parser.parse_args()
    rows = [
        measure(
            load_pack(args.packs / game if args.packs else game), args.n, args.seed, args.format.split(",")
        )
        for game in bundled_games()
    ]
    for key in rows[0]:
        print(f"{key:<26}" + "".join(f"{str(row[key])[:44]:>46}" for row in rows))
    args.out.write_text(
        json.dumps({"n": args.n, "seed": args.seed, "rows": rows}, indent=2) + "\n", encoding="utf-8"
    )
    failing = [f"{row['game']}: {name}" for row in rows for name in missed(row, args.n)]
    print("all bars met" if not failing else "missed: " + ", ".join(failing))
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
