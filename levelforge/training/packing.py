"""From a finished run to a pack: the two ONNX files, what they expect, and a model card."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters.onnx_pack import half_stored
from levelforge.game import load_game
from levelforge.pack import CRITIC, Pack, numbered, read_pack, write_pack
from levelforge.pack import INFO as PACK_INFO
from levelforge.playtest.observation import PERSONAS, VIEW_SIZE
from levelforge.training.budget import format_seconds
from levelforge.training.folder import RunFolder
from levelforge.training.phases import GENERATOR, INFO, PLAYTESTER
from levelforge.training.run import START

FIGURES = {
    "gan.step": "generator steps before the loop",
    "loop.gan_step": "generator steps in all",
    "loop.round": "rounds of the loop",
    "loop.beatable": "candidates beatable before repair",
    "loop.beatable_asked": "the same where a difficulty was asked for",
    "loop.novelty": "median novelty of candidates",
    "loop.diversity": "mean share of differing tiles between two candidates",
    "loop.duplicates": "share of candidates that repeat another",
    "loop.style": "pattern divergence from the corpus (bits)",
    "loop.fun": "mean fun of candidates, as playtested",
    "loop.difficulty": "mean difficulty of candidates, as playtested",
    "loop.dial_rank": "rank correlation of asked and measured difficulty, generator alone (no selection)",
    "loop.critic_difficulty_mae": "critic: mean absolute error of difficulty, on levels it was not trained on",
    "loop.critic_difficulty_rank": "critic: rank correlation of predicted and measured difficulty, likewise",
    "loop.critic_fun_mae": "critic: mean absolute error of fun, likewise",
    "loop.critic_beatable_brier": "critic: Brier score of beatable, likewise",
    "loop.dqn_frames": "playtester frames",
    "loop.dqn_train_win_rate": "playtester's win rate in training (with exploration)",
    "loop.dqn_heldout_best": "playtester's win rate on held-out levels, best skill",
}


def pack_run(run: str | Path, out: str | Path, panel: Sequence[str | Path] = ()) -> Pack:
    """Make a pack of a run whose training is done.

    Args:
        run: the run folder.
        out: the pack folder; an older pack there is replaced.
        panel: other packs of the game, whose playtesters are to share the playtests with the run's.

    Raises:
        LevelForgeError: no run, a run that is not done, another game than it was trained for, a panel's pack of
            another game, or a folder that cannot be written.
    """
    folder = RunFolder(Path(run))
    config = folder.config()
    contents = []
    for name in (GENERATOR, PLAYTESTER, INFO):
        path = folder.export / name
        if not path.is_file():
            raise LevelForgeError(
                f"{folder.path}: is not done; finish it first: levelforge train --resume {folder.path}"
            )
        contents.append(path.read_bytes())
    game = load_game(config["game_path"])
    if game.digest != config["game_digest"]:
        raise LevelForgeError(
            f"{game.path}: changed since {folder.path} was trained (tiles or rules differ); put it back or train again"
        )
    generator, playtester, described = contents
    packs = [read_pack(Path(other), game) for other in panel]
    others = [half_stored(player.path.read_bytes()) for other in packs for player in other.panel]
    critic = (folder.export / CRITIC).read_bytes() if (folder.export / CRITIC).is_file() else None
    known = json.loads(described)
    if critic is None:
        known.pop("critic", None)  # a run that was told to go without
    figures = latest_figures(folder)
    training = {key: config[key] for key in ("seed", "corpus_hash", "budget", "started", "levelforge")}
    training |= {"command": portable(config["command"])} | _source(config, folder)
    info = known | {
        "playtester": {
            "view": list(VIEW_SIZE[game.movement]),
            "actions": [action.name for action in game.actions],
            "personas": list(PERSONAS),
            **_panel(packs),
        },
        "figures": figures,
        "training": training,
    }
    return write_pack(
        Path(out),
        game,
        generator,
        playtester,
        info,
        model_card(config, training, figures, info, folder, Path(out)),
        critic,
        others,
    )


def _panel(packs: Sequence[Pack]) -> dict[str, Any]:
    """Where further playtesters come from: ``{"panel": …}``, or nothing.

    A pack whose own playtester has company brings all of them.
    """
    origins: list[dict[str, Any]] = []
    for pack in packs:
        training = pack.info.get("training", {})
        origins.append({"pack": pack.hash, "training": training})
        origins += pack.info["playtester"].get("panel", [])
    entries = [{**origin, "file": numbered(k)} for k, origin in enumerate(origins, 2)]
    return {"panel": entries} if entries else {}


def _source(config: Mapping[str, Any], folder: RunFolder) -> dict[str, Any]:
    """What a run started from, and how that was trained: ``{"start": …}``, or nothing."""
    start = config.get("start")
    if not start:
        return {}
    training = json.loads((folder.path / START / PACK_INFO).read_text(encoding="utf-8")).get("training", {})
    return {"start": {**start, "training": training}}


def _earlier(training: Mapping[str, Any]) -> list[str]:
    """Commands of the runs before this one, the first one first, each with its pack's hash."""
    start = training.get("start")
    return _making(start) if start else []


def _making(origin: Mapping[str, Any]) -> list[str]:
    """Commands that made a pack, given as ``{"pack": hash, "training": …}``."""
    training = origin.get("training", {})
    command = training.get("command", "# somebody's training")
    return [*_earlier(training), f"{command}  # gave the pack {origin['pack'][:12]}"]


def portable(command: str) -> str:
    """A command line whose absolute paths are cut to their last part: where somebody keeps things is not a pack's to tell.

    Examples:
        >>> portable("levelforge train dungeon --levels=/home/jo/maps --out /tmp/run")
        'levelforge train dungeon --levels=maps --out run'
    """
    words = []
    for word in shlex.split(command):
        name, equals, value = word.rpartition("=")
        words.append(f"{name}{equals}{Path(value).name if Path(value).is_absolute() else value}")
    return shlex.join(words)


def latest_figures(folder: RunFolder) -> dict[str, float]:
    """The latest value of every figure of a run, by ``phase.name``."""
    return {f"{phase}.{name}": value for _, phase, name, value in folder.read_metrics()}


def model_card(
    config: Mapping[str, Any],
    training: Mapping[str, Any],
    figures: Mapping[str, float],
    described: Mapping[str, Any],
    folder: RunFolder,
    out: Path,
) -> str:
    """The model card, Markdown: what the models are, how they were made, how well they do."""
    rows = folder.read_metrics()
    seconds = max((row[0] for row in rows), default=0.0)
    levels = config["corpus_levels"]
    skills = {
        name.removeprefix("loop.dqn_heldout_"): value
        for name, value in figures.items()
        if name.startswith("loop.dqn_heldout_") and not name.endswith("_best")
    }
    table = [f"| {text} | {figures[name]:.4g} |" for name, text in FIGURES.items() if name in figures]
    if skills:
        rates = ", ".join(f"{skill}: {rate:.3f}" for skill, rate in skills.items())
        table.append(f"| held-out win rate by skill (chance of another key) | {rates} |")
    panel = described["playtester"].get("panel", [])
    command = training["command"] or f"levelforge train {config['game']} --seed {config['seed']}"
    before = dict.fromkeys([*_earlier(training), *(line for entry in panel for line in _making(entry))])
    company = "".join(f" --panel {entry['pack'][:12]}" for entry in panel)
    pack_command = f"levelforge pack {shlex.quote(folder.path.name)}{company} --out {shlex.quote(out.name)}"
    return "\n".join(
        [
            f"# Pack for {config['game']}",
            "",
            "A generator of levels (`generator.onnx`), a playtester that plays them (`playtester.onnx`) and a critic that",
            "foresees what a playtest would say (`critic.onnx`), all small convolutional networks at ONNX opset 15.",
            "Inputs, outputs and vocabulary are in `pack.json`.",
            "",
            "## How it was made",
            "",
            "```sh",
            *before,
            command,
            pack_command,
            "```",
            "",
            "| | |",
            "|---|---|",
            f"| seed | {config['seed']} |",
            f"| corpus | {levels['train']} levels to train on, {levels['heldout']} held out |",
            f"| corpus hash | `{config['corpus_hash']}` |",
            f"| game digest | `{config['game_digest']}` |",
            f"| trained for | {format_seconds(seconds)} on {config.get('hardware', 'the processor')} |",
            f"| loss | {config['gan'].get('loss', '')}, steered by: {config['loop'].get('steer', '')} |",
            *_started_from(config.get("start")),
            *_company(panel),
            f"| LevelForge | {config['levelforge']} |",
            "",
            "## Figures",
            "",
            "| | |",
            "|---|---|",
            *table,
            "",
            *_reliability(described.get("critic", {})),
            "## Limits",
            "",
            "The generator imitates its corpus: what the corpus lacks, it does not make. Its levels are candidates until",
            "the solver has certified them; `levelforge generate` writes only certified ones. The playtester estimates",
            "how hard a level is for players like itself; it is no proof that a level cannot be won.",
        ]
    )


def _started_from(start: Mapping[str, Any] | None) -> list[str]:
    """The card's row on the pack that a run started from, if any."""
    if not start:
        return []
    frozen = ", what was copied frozen" if start["freeze"] else ""
    part = f"the {start['only']} of " if start.get("only") else ""
    return [f"| started from | {part}the {start['game']} pack `{start['pack'][:12]}`{frozen} |"]


def _company(panel: Sequence[Mapping[str, Any]]) -> list[str]:
    """The card's row on further playtesters, if any."""
    if not panel:
        return []
    told = ", ".join(f"`{entry['file']}` of the pack `{entry['pack'][:12]}`" for entry in panel)
    return [f"| shares the playtests with | {told} |"]


def _reliability(critic: Mapping[str, Any]) -> list[str]:
    """The card's table of how far the critic's word on difficulty holds."""
    rows = critic.get("reliability") or []
    if not rows:
        return []
    table = [f"| {row['predicted']:.3f} | {row['measured']:.3f} | {row['levels']} |" for row in rows]
    return [
        "## Reliability of the critic",
        "",
        "Levels that it was not trained on, in bins of equal size by predicted difficulty.",
        "",
        "| predicted | measured | levels |",
        "|---|---|---|",
        *table,
        "",
    ]
