"""Starting from another game's networks: what has a counterpart is copied, the rest is new.

A pack holds ONNX files, whose initialisers carry the names of the networks' parameters. Most parameters mean the
same in every game (the playtester sees roles, a generator's inner features have no names at all). The
others have an axis whose entries stand for something: a terrain, an entity, an action, a place in
the view. Those are matched entry by entry (*labels*): tiles by role, and within a role by name, then by order;
actions by name; places in the view by where they lie seen from the player.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levelforge.errors import LevelForgeError
from levelforge.exporters.onnx_pack import HALF
from levelforge.game import Game, Tile
from levelforge.pack import CARD, CRITIC, GENERATOR, INFO, PLAYTESTER, Pack, read_pack
from levelforge.playtest.observation import VIEW_SIZE
from levelforge.training.critic_net import CriticNet
from levelforge.training.gan_nets import STYLE_CHANNELS
from levelforge.training.loop import Loop
from levelforge.training.playtester_net import MAP_SHAPE, PERSONAS, NetConfig, PlaytesterNet

HEADS = ("terrain.", "entities.", "value.", "advantage.")
"""Parameters that make the networks' outputs; they go on learning where the trunk is frozen."""

Label = Hashable
Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Axis:
    """One axis of a parameter whose entries stand for something, here and in the pack.

    Attributes:
        axis: its number.
        here, there: what each entry stands for.
        words: what an entry that has no counterpart is called in the log; None leaves it out.
    """

    axis: int
    here: Sequence[Label]
    there: Sequence[Label]
    words: Callable[[Label], str] = str


@dataclass
class Report:
    """What became of each parameter.

    Attributes:
        kind: ``generator``, ``playtester`` or ``critic``.
        whole: names of parameters copied whole, in another order perhaps.
        partly: for those copied in part, the entries that have no counterpart.
        fresh: names of parameters the pack has nothing for.
        frozen: numbers (of ``numbers``) that will not move.
        numbers, copied: numbers in the network, and copied ones.
    """

    kind: str
    whole: list[str] = field(default_factory=list)
    partly: dict[str, list[str]] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    frozen: int = 0
    numbers: int = 0
    copied: int = 0

    def lines(self, source: Pack) -> list[str]:
        """For the log: one line in all, then one for each parameter that is not a plain copy."""
        share = self.copied / max(1, self.numbers)
        frozen = f", {self.frozen} of them frozen" if self.frozen else ""
        tensors = f"{len(self.whole)} tensors whole, {len(self.partly)} in part, {len(self.fresh)} new"
        origin = f"{self.kind} from the {source.game.name} pack {source.hash[:12]}"
        found = [f"{origin}: {self.copied} of {self.numbers} numbers copied ({share:.0%}){frozen}; {tensors}"]
        found += [f"  {name}: new for {', '.join(missing)}" for name, missing in self.partly.items()]
        found += [f"  {name}: new" for name in self.fresh]
        return found


# --- the source --------------------------------------------------------------------------------


def keep_source(pack: Pack, folder: Path) -> Pack:
    """Copy a pack into a run folder, so that a resume does not depend on where it came from."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*pack.info["files"], CARD, INFO):
        shutil.copyfile(pack.folder / name, folder / name)
    return read_pack(folder)


def read_tensors(path: Path) -> Tensors:
    """The parameters in an ONNX file by name: its initialisers, those that share one and those stored as float16 included.

    Raises:
        LevelForgeError: the file cannot be read or is no ONNX file.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[Tensors, dict[str, str]]:
    """The parameters in an ONNX file, and what it says of itself."""
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise LevelForgeError(f"{path}: cannot be read: {error.strerror}") from None
    except DecodeError:
        raise LevelForgeError(f"{path}: is no ONNX file; get or write the pack again") from None
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    floats = [t for t in model.graph.initializer if t.data_type in kinds]
    tensors = {t.name.removesuffix(HALF): np.array(numpy_helper.to_array(t), np.float32) for t in floats}
    told = {entry.key: entry.value for entry in model.metadata_props}
    shared = json.loads(told.get("shared", "{}"))
    return tensors | {name: tensors[kept] for name, kept in shared.items() if kept in tensors}, told


# --- copying -----------------------------------------------------------------------------------


def transplant(
    module: nn.Module, tensors: Tensors, axes: Mapping[str, Axis], where: str, *, freeze: bool = False
) -> Report:
    """Copy tensors into a module's parameters, in place.

    Args:
        module: the network.
        tensors: by the names of its parameters.
        axes: the parameters with entries to match; all others are copied whole.
        where: the file's name for messages.
        freeze: keep what was copied from moving, heads excepted (their gradient becomes zero).

    Raises:
        LevelForgeError: the file has none of the parameters, or one of another shape than this
            network's.
    """
    report = Report(Path(where).stem)
    parameters = dict(module.named_parameters())
    if not parameters.keys() & tensors.keys():
        raise LevelForgeError(
            f"{where}: has none of this network's tensors (such as {next(iter(parameters))!r}); "
            "it was not written by this version, so train without --from"
        )
    for name, parameter in parameters.items():
        report.numbers += parameter.numel()
        found = tensors.get(name)
        if found is None:
            report.fresh.append(name)
            continue
        axis = axes.get(name)
        expected = list(parameter.shape)
        if axis is not None:
            expected[axis.axis] = len(axis.there)
        if list(found.shape) != expected:
            raise LevelForgeError(
                f"{where}: {name} has shape {_shape(found.shape)} where {_shape(expected)} is needed; "
                "it is of a network of other widths, so train without --from"
            )
        mask = _copy(parameter, torch.from_numpy(found).to(parameter.device), axis, report, name)
        if freeze and not name.startswith(HEADS):
            report.frozen += int(mask.sum())
            moving = 1.0 - mask
            parameter.register_hook(moving.mul)
    return report


def _copy(parameter: nn.Parameter, found: Tensor, axis: Axis | None, report: Report, name: str) -> Tensor:
    """Copy one parameter; returns 1 where it was copied and 0 elsewhere, in its shape."""
    mask = torch.ones_like(parameter, requires_grad=False)
    with torch.no_grad():
        if axis is None or list(axis.here) == list(axis.there):
            parameter.copy_(found)
            report.whole.append(name)
        else:
            place = {label: i for i, label in enumerate(axis.there)}
            pairs = [(i, place[label]) for i, label in enumerate(axis.here) if label in place]
            here = torch.tensor([i for i, _ in pairs], dtype=torch.long, device=parameter.device)
            there = torch.tensor([j for _, j in pairs], dtype=torch.long, device=parameter.device)
            parameter.index_copy_(axis.axis, here, found.index_select(axis.axis, there))
            mask.zero_().index_fill_(axis.axis, here, 1.0)
            missing = [axis.words(label) for label in axis.here if label not in place]
            if missing:
                report.partly[name] = list(dict.fromkeys(missing))
            else:
                report.whole.append(name)
    report.copied += int(mask.sum())
    return mask


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape)


def playtester_net(source: Pack) -> NetConfig | None:
    """The shape of the network in a pack's playtester, so that one that starts from it can be like it; None if it has none
    of that network's tensors.

    Raises:
        LevelForgeError: the file cannot be read or is no ONNX file.
    """
    tensors, told = _read(source.folder / PLAYTESTER)
    found = [tensors.get(f"{layer}.weight") for layer in ("view.0", "view.2", "map.0", "map.2", "trunk.0")]
    v1, v2, m1, m2, hidden = (0 if tensor is None else len(tensor) for tensor in found)
    last = _personal(tensors).get("value.last")
    head = 0 if last is None else last.shape[1]
    if not (v1 and v2 and m1 and m2 and hidden and head):
        return None
    return NetConfig((v1, v2), (m1, m2), hidden, head, told.get("facing") == "true")


# --- what the entries stand for ----------------------------------------------------------------


def match_tiles(here: Sequence[Tile], there: Sequence[Tile]) -> tuple[list[Label], list[Label]]:
    """Labels that are equal where two tiles match: those of one role and name first, then by order within a role.

    Returns:
        One label a tile of ``here`` and of ``there``; a tile without a counterpart has one of its own.
    """
    mine: dict[int, Label] = {}
    theirs: dict[int, Label] = {}
    for by_name in (True, False):
        for i, tile in enumerate(here):
            for j, other in enumerate(there):
                same = tile.role is other.role and (not by_name or tile.name == other.name)
                if same and i not in mine and j not in theirs:
                    mine[i] = theirs[j] = ("tile", tile.name)
    return (
        [mine.get(i, ("tile", tile.name)) for i, tile in enumerate(here)],
        [theirs.get(j, ("there", tile.name)) for j, tile in enumerate(there)],
    )


def _name(label: Label) -> str:
    """What the entry of a tile is called."""
    return str(label[1]) if isinstance(label, tuple) else str(label)


def generator_axes(here: Game, there: Game, features: int) -> dict[str, Axis]:
    """The generator's parameters with entries to match; ``features`` is the width of its finest layer."""
    terrain = match_tiles(here.terrain, there.terrain)
    entities = match_tiles(here.entities, there.entities)
    style: list[Label] = [("style", i) for i in range(STYLE_CHANNELS)] + ["difficulty"]
    fine: list[Label] = [("feature", i) for i in range(features)]
    return {
        "styler.0.weight": Axis(1, style + entities[0], style + entities[1], _name),
        "terrain.weight": Axis(0, *terrain, _name),
        "terrain.bias": Axis(0, *terrain, _name),
        "furnish.weight": Axis(1, fine + terrain[0], fine + terrain[1], _name),
        "entities.weight": Axis(0, *entities, _name),
        "entities.bias": Axis(0, *entities, _name),
    }


def playtester_axes(net: PlaytesterNet, here: Game, there: Game) -> dict[str, Axis]:
    """The playtester's parameters with entries to match."""
    actions = [action.name for action in here.actions], [action.name for action in there.actions]
    places = [_places(net, VIEW_SIZE[game.movement]) for game in (here, there)]
    # what follows (scalars, persona) is the same in all games
    inputs = dict(net.named_parameters())["trunk.0.weight"].shape[1]
    others: list[Label] = [("other", i) for i in range(inputs - len(places[0]))]

    def words(label: Label) -> str:
        return "places of the view" if isinstance(label, tuple) else str(label)

    return {
        "trunk.0.weight": Axis(1, places[0] + others, places[1] + others, words),
        "advantage.last": Axis(2, *actions),
        "advantage.last_bias": Axis(2, *actions),
    }


def critic_axes(net: CriticNet, here: Game, there: Game) -> dict[str, Axis]:
    """The critic's parameters with entries to match: those that tell tiles apart."""
    tiles = match_tiles(here.tiles, there.tiles)
    seen = net.enter.in_channels - len(here.tiles)
    counted = net.dense.in_features - len(here.tiles)
    before: list[Label] = [("feature", i) for i in range(counted - CriticNet.AFTER_COUNTS)]
    after: list[Label] = [("way", i) for i in range(CriticNet.AFTER_COUNTS)]
    ways: list[Label] = [("way", i) for i in range(seen)]
    return {
        "enter.weight": Axis(1, tiles[0] + ways, tiles[1] + ways, _name),
        "dense.weight": Axis(1, before + tiles[0] + after, before + tiles[1] + after, _name),
    }


def _personal(tensors: Tensors) -> Tensors:
    """The tensors of a playtester in which all personas share their heads, as of one in which each has its own."""
    found = dict(tensors)
    for head in ("value", "advantage"):
        for layer, name in (("0", "first"), ("2", "last")):
            for kind, suffix in (("weight", ""), ("bias", "_bias")):
                shared = found.pop(f"{head}.{layer}.{kind}", None)
                if shared is not None:
                    found[f"{head}.{name}{suffix}"] = np.stack([np.atleast_2d(shared.T)] * PERSONAS)
    return found


def _places(net: PlaytesterNet, view: tuple[int, int]) -> list[Label]:
    """What the trunk's first inputs stand for: features of places in the view and on the map.

    Their order is that of ``PlaytesterNet.forward``. A place in the view is called by its distance from the player.
    """
    near, far = net.config.view_channels[1], net.config.map_channels[1]
    # after a patch of 3x3 at stride 2 and one at stride 1, both unpadded, cell i is centred on tile 2 i + 3
    rows, columns = ((side - 3) // 2 - 1 for side in view)
    labels: list[Label] = [
        ("view", 2 * y + 3 - view[0] // 2, 2 * x + 3 - view[1] // 2, c)
        for y in range(rows)
        for x in range(columns)
        for c in range(near)
    ]
    height, width = -(-MAP_SHAPE[0] // 4), -(-MAP_SHAPE[1] // 4)
    return labels + [("map", y, x, c) for y in range(height) for x in range(width) for c in range(far)]


# --- starting the trainers ---------------------------------------------------------------------


def start_generator(trainer: Any, source: Pack, *, freeze: bool = False) -> Report:
    """Let a :class:`~levelforge.training.gan.GanTrainer` start from a pack's generator; encoder and
    discriminator are in no pack and stay new.
    """
    path = source.folder / GENERATOR
    net = trainer.generator
    axes = generator_axes(trainer.game, source.game, net.terrain.in_channels)
    report = transplant(net, read_tensors(path), axes, str(path), freeze=freeze)
    for other in (trainer.average, trainer.best):
        other.load_state_dict(net.state_dict())
    return report


def start_playtester(trainer: Any, source: Pack, *, freeze: bool = False) -> Report:
    """Let a :class:`~levelforge.training.dqn.DqnTrainer` start from a pack's playtester."""
    path = source.folder / PLAYTESTER
    net = trainer.net
    axes = playtester_axes(net, trainer.game, source.game)
    report = transplant(net, _personal(read_tensors(path)), axes, str(path), freeze=freeze)
    for other in (trainer.target, trainer.actor, trainer.average):
        other.load_state_dict(net.state_dict())
    return report


def start_critic(trainer: Any, source: Pack) -> Report:
    """Let a :class:`~levelforge.training.critic.CriticTrainer` start from a pack's critic.

    Raises:
        LevelForgeError: see :func:`transplant`; nothing is copied then.
    """
    path = source.folder / CRITIC
    net = copy.deepcopy(trainer.net)
    report = transplant(net, read_tensors(path), critic_axes(net, trainer.game, source.game), str(path))
    trainer.net.load_state_dict(net.state_dict())
    return report


STARTS: dict[str, Callable[..., Report]] = {"generator": start_generator, "playtester": start_playtester}
"""What of a pack can be started from alone, and how."""


class Starting:
    """Makers whose trainers start from a pack.

    Args:
        makers: what builds the trainers.
        source: the pack.
        freeze: see :func:`transplant`.
        log: told what was copied.
        only: ``generator`` or ``playtester`` to start that one alone; None starts both.
    """

    def __init__(
        self, makers: Any, source: Pack, freeze: bool, log: Callable[[str], None], only: str | None = None
    ) -> None:
        self.makers, self.source, self.freeze, self.log, self.only = makers, source, freeze, log, only
        self._told: set[str] = set()

    def gan(self, *args: Any) -> Any:
        """As the makers', started."""
        return self._started(self.makers.gan(*args), "generator")

    def dqn(self, *args: Any) -> Any:
        """As the makers', started."""
        return self._started(self.makers.dqn(*args), "playtester")

    def loop(self, *args: Any) -> Any:
        """As the makers', its critic started, too: it goes on learning whatever is frozen, since the levels do.

        Where the playtester has no frames to learn from, the pack's playtesters judge the levels, as they will in
        ``levelforge generate``; the critic then foresees what the whole panel would say.
        """
        loop = self.makers.loop(*args)
        same = isinstance(loop, Loop) and loop.game.digest == self.source.game.digest
        if same and self.only != "generator" and not loop.dqn.config.total_frames:
            loop.judge = self.source
            self.log("levels are played by the pack's playtesters, which do not learn on")
        if self.only is None and isinstance(loop, Loop) and CRITIC in self.source.info["files"]:
            try:
                self._tell(start_critic(loop.critic, self.source))
            except LevelForgeError as error:  # hours into a run a critic is no reason to end it
                self.log(f"the critic begins new, as without --from: {error}")
        return loop

    def _started(self, trainer: Any, network: str) -> Any:
        if self.only not in (None, network):
            return trainer
        self._tell(STARTS[network](trainer, self.source, freeze=self.freeze))
        return trainer

    def _tell(self, report: Report) -> None:
        if report.kind not in self._told:
            self._told.add(report.kind)
            for line in report.lines(self.source):
                self.log(line)
