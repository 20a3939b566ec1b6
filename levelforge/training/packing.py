"""From a finished run to a pack: the two ONNX files, what they expect, and a model card."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters.onnx_pack import half_stored
from levelforge.exporters.onnx_quick import quickened
from levelforge.game import Game, load_game
from levelforge.pack import CARD, CRITIC, Pack, numbered, read_pack, write_pack
from levelforge.pack import INFO as PACK_INFO
from levelforge.playtest.observation import PERSONAS, VIEW_SIZE, view_codes
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
    "loop.imbalance": "shares of terrain: how many doublings they are off the corpus', on average",
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


CHOSEN = re.compile(r"(.+):(\d+(?:,\d+)*)")
"""``PACK:1,3``: a pack and some of its playtesters."""


@dataclass(frozen=True)
class Members:
    """Playtesters of a pack that go into another.

    Attributes:
        pack: the pack.
        numbers: which of its playtesters, from 1.
    """

    pack: Pack
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """The pack's hash in short, with the numbers if they are not all: how a card's commands name it."""
        some = ":" + ",".join(map(str, self.numbers))
        return self.pack.hash[:12] + some * (len(self.numbers) < len(self.pack.playtesters))

    def files(self) -> list[bytes]:
        """Their ONNX files."""
        return [self.pack.playtesters[k - 1].path.read_bytes() for k in self.numbers]

    def origins(self) -> list[dict[str, Any]]:
        """Where each comes from: the pack it was trained for, and how that was made."""
        own = _origin(self.pack)
        known = {entry.get("file"): entry for entry in self.pack.info["playtester"].get("panel", [])}
        return [known.get(numbered(k), own) for k in self.numbers]


def members(text: str | Path, game: Game | None = None) -> Members:
    """Read ``PACK`` (all of its playtesters) or ``PACK:2,3`` (those only).

    Raises:
        LevelForgeError: no pack, a pack of another game, or a playtester that it has not.
    """
    found = CHOSEN.fullmatch(str(text))
    folder = Path(found[1] if found else text)
    pack = read_pack(folder, game)
    has = len(pack.playtesters)
    numbers = tuple(int(k) for k in found[2].split(",")) if found else tuple(range(1, has + 1))
    for k in numbers:
        if not 1 <= k <= has:
            only = "1 only" if has == 1 else f"1 to {has}"
            raise LevelForgeError(f"{folder}: has no playtester {k}; there are: {only}")
    return Members(pack, numbers)


def is_pack(source: str | Path) -> bool:
    """Whether it is a pack, or some playtesters of one, rather than a run."""
    return bool(CHOSEN.fullmatch(str(source))) or (Path(source) / PACK_INFO).exists()


def pack_run(
    run: str | Path, out: str | Path, panel: Sequence[str | Path] = (), *, apart: bool = False
) -> Pack:
    """Make a pack of a run whose training is done.

    Args:
        run: the run folder.
        out: the pack folder; an older pack there is replaced.
        panel: other packs of the game, whose playtesters are to share the playtests with the run's; see
            :func:`members`. All of them are stored as float16 then.
        apart: leave the playtests to the others.

    Raises:
        LevelForgeError: no run, a run that is not done, another game than it was trained for, a panel's pack of
            another game, nobody left to playtest, or a folder that cannot be written.
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
    critic = (folder.export / CRITIC).read_bytes() if (folder.export / CRITIC).is_file() else None
    known = json.loads(described)
    if critic is None:
        known.pop("critic", None)  # a run that was told to go without
    figures = latest_figures(folder)
    training = {key: config[key] for key in ("seed", "corpus_hash", "budget", "started", "levelforge")}
    training |= {"command": portable(config["command"])} | _source(config, folder)
    playing = {
        "view": list(VIEW_SIZE[game.movement]),
        "actions": [action.name for action in game.actions],
        "personas": list(PERSONAS),
    }
    info = known | {"playtester": playing, "figures": figures, "training": training}
    company = _Company([members(other, game) for other in panel], apart)
    card = model_card(config, figures, info, folder)
    command = training["command"] or f"levelforge train {game.name} --seed {training['seed']}"
    made = [*_earlier(training), command]
    return company.write(
        Path(out), game, (generator, playtester, critic), info, card, made, shlex.quote(folder.path.name)
    )


def pack_again(
    pack: str | Path, out: str | Path, panel: Sequence[str | Path] = (), *, apart: bool = False
) -> Pack:
    """Make a pack of a pack: its models, with other playtesters beside its first.

    Args:
        pack: the pack, with the numbers of those playtesters that stay if not all do (see :func:`members`).
        out, panel, apart: as of :func:`pack_run`.

    Raises:
        LevelForgeError: no such pack, one whose first playtester is to go, or as :func:`pack_run`.
    """
    kept = members(pack)
    source = kept.pack
    if kept.numbers[0] != 1:
        raise LevelForgeError(
            f"{source.folder}: its figures are those of playtester 1; name it first, as in PACK:1,3"
        )
    info = {key: value for key, value in source.info.items() if key in KEPT}
    others = Members(source, kept.numbers[1:])
    company = _Company([members(other, source.game) for other in panel], apart, [others])
    path = source.folder / CRITIC
    critic = path.read_bytes() if CRITIC in source.info["files"] else None
    models = (source.folder / GENERATOR).read_bytes(), kept.files()[0], critic
    card = (source.folder / CARD).read_text(encoding="utf-8").rpartition("\nPack hash: ")[0]
    made = _making(kept.origins()[0])
    return company.write(Path(out), source.game, models, info, card, made, kept.name)


KEPT = ("generator", "playtester", "critic", "count_distribution", "figures", "training")
"""Of ``pack.json``, what a pack made of a pack keeps."""


@dataclass(frozen=True)
class _Company:
    """Further playtesters of a pack to write, and whether the first leaves the playtests to them.

    Attributes:
        guests: those that were asked for.
        apart: whether it does.
        kept: those that the pack's source brings itself; they come before the guests.
    """

    guests: Sequence[Members]
    apart: bool
    kept: Sequence[Members] = ()

    def write(
        self,
        out: Path,
        game: Game,
        models: tuple[bytes, bytes, bytes | None],
        info: Mapping[str, Any],
        card: str,
        made: Sequence[str],
        source: str,
    ) -> Pack:
        """Write a pack.

        Args:
            out, game, info, card: as of :func:`~levelforge.pack.write_pack`; what info and card say of further
                playtesters, and the card's commands, are replaced.
            models: generator, playtester, critic.
            made: the commands that made the pack's source.
            source: what ``levelforge pack`` was told to take.
        """
        generator, playtester, critic = models
        others = [*self.kept, *self.guests]
        files = [half_stored(content) for some in others for content in some.files()]
        if self.apart and not files:
            raise LevelForgeError(
                f"{out}: with --apart the first playtester leaves the playtests to others, but there are none; add --panel"
            )
        origins = [origin for some in others for origin in some.origins()]
        entries = [{**origin, "file": numbered(k)} for k, origin in enumerate(origins, 2)]
        playing = {key: value for key, value in info["playtester"].items() if key not in {"panel", "apart"}}
        card = SHARED_ROW.sub("", card)
        if entries:
            playing["panel"] = entries
            playtester = half_stored(playtester)
            told = ", ".join(f"`{entry['file']}` of the pack `{entry['pack'][:12]}`" for entry in entries)
            row = f"| {SHARED[self.apart]} | {told} |\n| LevelForge |"
            card = card.replace("| LevelForge |", row, 1)
        if self.apart:
            playing["apart"] = True
        commands = dict.fromkeys([*(line for entry in entries for line in _making(entry)), *made])
        words = "".join(f" --panel {guest.name}" for guest in self.guests)
        pack = f"levelforge pack {source}{words}{' --apart' * self.apart} --out {shlex.quote(out.name)}"
        card = MADE.sub(lambda _: "\n".join(["```sh", *commands, pack, "```"]), card, count=1)
        # those that an older version exported are not quick yet
        playtester, *files = (quickened(content, view_codes(game)) for content in (playtester, *files))
        return write_pack(
            out, game, generator, playtester, {**info, "playtester": playing}, card, critic, files
        )


MADE = re.compile(r"```sh\n.*?```", re.DOTALL)
"""A card's commands."""
SHARED = ("shares the playtests with", "leaves the playtests to")
"""What a card's row on further playtesters is called: the first plays, too, or it is apart."""
SHARED_ROW = re.compile(rf"\| (?:{'|'.join(SHARED)}) \|.*\n")


def _source(config: Mapping[str, Any], folder: RunFolder) -> dict[str, Any]:
    """What a run started from, and how that was trained: ``{"start": …}``, or nothing."""
    start = config.get("start")
    if not start:
        return {}
    return {"start": {**start, **_origin(read_pack(folder.path / START))}}


def _origin(pack: Pack) -> dict[str, Any]:
    """A pack and how it was made: ``{"pack": hash, "training": …}``; with ``made``, its card's commands, where further
    playtesters came in after the training.
    """
    origin = {"pack": pack.hash, "training": pack.info.get("training", {})}
    found = MADE.search((pack.folder / CARD).read_text(encoding="utf-8"))
    if found and pack.info["playtester"].get("panel"):
        origin["made"] = found[0].splitlines()[1:-1]
    return origin


def _earlier(training: Mapping[str, Any]) -> list[str]:
    """Commands of the runs before this one, the first one first, each with its pack's hash."""
    start = training.get("start")
    return _making(start) if start else []


def _making(origin: Mapping[str, Any]) -> list[str]:
    """Commands that made a pack, given as by :func:`_origin`."""
    training = origin.get("training", {})
    usual = [*_earlier(training), training.get("command", "# somebody's training")]
    *before, last = origin.get("made", usual)
    return [*before, f"{last}  # gave the pack {origin['pack'][:12]}"]


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
    figures: Mapping[str, float],
    described: Mapping[str, Any],
    folder: RunFolder,
) -> str:
    """The model card, Markdown: what the models are, how well they do; the commands that made them are filled in later."""
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
