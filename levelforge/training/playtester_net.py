"""The playtester's network: a small duelling Q network over what a player sees.

Duelling heads after Wang et al. 2016 (https://arxiv.org/abs/1511.06581); LayerNorm in the trunk,
since it keeps replayed, bootstrapped targets from diverging (Gallici et al. 2024,
https://arxiv.org/abs/2407.04811). The observation's parts are described in
``levelforge/playtest/observation.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from levelforge.exporters.onnx_pack import export_model
from levelforge.exporters.onnx_quick import quickened
from levelforge.game import Game
from levelforge.playtest.observation import LEFT, RIGHT, view_codes

VIEW_CODES = 18
MAP_CHANNELS = 9
MAP_SHAPE = (12, 16)
SCALARS = 20
PERSONAS = 4
INPUT_NAMES = ("view", "map", "scalars", "persona")
GOAL_X, GOAL_SIDE = 14, 16
"""Scalars that change their sign in a mirror: how far the nearest goal is to the right, and on which side."""


@dataclass(frozen=True)
class NetConfig:
    """Widths of the playtester's network; the defaults make 0.2 to 0.3 M parameters.

    A compromise: wider ones learn more from a frame, narrower ones play more frames a second.

    Attributes:
        view_channels, map_channels, hidden, head: the widths.
        facing: whether it sees everything in a mirror while the goal is to the left. What it learns then serves a
            level and its mirror image alike (van der Pol et al. 2020, https://arxiv.org/abs/2006.16908, in its simplest
            form: every state has one of two poses, and both are played from one).
    """

    view_channels: tuple[int, int] = (16, 64)
    map_channels: tuple[int, int] = (16, 32)
    hidden: int = 192
    head: int = 96
    facing: bool = False


class PersonaHeads(nn.Module):
    """A layer and an output layer a persona, all of one size; input float32[P, N, inputs], output float32[P, N, outputs].

    Personas differ in what they want of the same surroundings, so they share what sees and not what decides.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()

        def uniform(*shape: int, fan_in: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).uniform_(-(fan_in**-0.5), fan_in**-0.5))  # as nn.Linear

        self.first = uniform(PERSONAS, inputs, hidden, fan_in=inputs)
        self.first_bias = uniform(PERSONAS, 1, hidden, fan_in=inputs)
        self.last = uniform(PERSONAS, hidden, outputs, fan_in=hidden)
        self.last_bias = uniform(PERSONAS, 1, outputs, fan_in=hidden)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs; an input float32[1, N, inputs] is every persona's."""
        hidden = torch.relu(x @ self.first + self.first_bias)
        found: Tensor = hidden @ self.last + self.last_bias
        return found


class PlaytesterNet(nn.Module):
    """Q values of every action, from one observation a row.

    Args:
        actions: names of the game's A actions.
        view: (height, width) of the egocentric view, both odd.
        config: widths.

    Input shapes: ``view`` float32[N, 3, VH, VW] (codes, visits, way), ``map`` float32[N, 9, 12, 16] in
    0..255, ``scalars`` float32[N, 20], ``persona`` float32[N, 4]. uint8 is taken as well.
    Output: float32[N, A].
    """

    one_hot: Tensor
    mirrored: Tensor
    sides: Tensor

    def __init__(
        self,
        actions: Sequence[str],
        view: tuple[int, int],
        config: NetConfig | None = None,
    ) -> None:
        super().__init__()
        config = config or NetConfig()
        self.view_shape, self.config = view, config
        v1, v2 = config.view_channels
        m1, m2 = config.map_channels
        # A row of the identity a code: the first convolution is then the codes' embedding.
        self.register_buffer("one_hot", torch.eye(VIEW_CODES), persistent=False)
        self.register_buffer("mirrored", torch.tensor(mirrored_actions(actions)), persistent=False)
        sides = torch.ones(SCALARS)
        sides[[GOAL_X, GOAL_SIDE]] = -1.0
        self.register_buffer("sides", sides, persistent=False)
        # Stride 2 without padding keeps the player's cell in the middle of a patch.
        self.view = nn.Sequential(
            nn.Conv2d(VIEW_CODES + 3, v1, 3, stride=2), nn.ReLU(), nn.Conv2d(v1, v2, 3), nn.ReLU()
        )
        self.map = nn.Sequential(
            nn.Conv2d(MAP_CHANNELS, m1, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(m1, m2, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        view_cells = ((view[0] - 3) // 2 - 1) * ((view[1] - 3) // 2 - 1)
        map_cells = -(-MAP_SHAPE[0] // 4) * -(-MAP_SHAPE[1] // 4)
        self.trunk = nn.Sequential(
            nn.Linear(v2 * view_cells + m2 * map_cells + SCALARS + PERSONAS, config.hidden),
            nn.LayerNorm(config.hidden),
            nn.ReLU(),
        )
        self.value = PersonaHeads(config.hidden, config.head, 1)
        self.advantage = PersonaHeads(config.hidden, config.head, len(actions))
        # Convolutions on the CPU are about twice as fast with channels last.
        for part in (self.view, self.map):
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs

    def forward(self, view: Tensor, overview: Tensor, scalars: Tensor, persona: Tensor) -> Tensor:
        """Q values, float32[N, A]; the class describes the inputs, ``overview`` is the ``map``."""
        return self.heads(self.features(view, overview, scalars, persona), scalars, persona)

    def features(self, view: Tensor, overview: Tensor, scalars: Tensor, persona: Tensor) -> Tensor:
        """float32[N, hidden]: what the heads read the values from."""
        hidden: Tensor = self.trunk(torch.cat([self._seen(view, overview, scalars), persona], dim=1))
        return hidden

    def features_all(self, view: Tensor, overview: Tensor, scalars: Tensor) -> Tensor:
        """float32[P, N, hidden]: :meth:`features` of each persona, for little more than those of one."""
        seen = self._seen(view, overview, scalars)
        first, *others = self.trunk
        assert isinstance(first, nn.Linear)
        hidden = F.linear(seen, first.weight[:, :-PERSONAS], first.bias)
        hidden = hidden + first.weight[:, -PERSONAS:].T[:, None]
        for layer in others:
            hidden = layer(hidden)
        return hidden

    def _seen(self, view: Tensor, overview: Tensor, scalars: Tensor) -> Tensor:
        """All of the trunk's inputs but the persona."""
        view = self._turned(view, scalars)
        codes = view[:, 0]
        if self.config.facing:
            sideways = (codes == RIGHT) | (codes == LEFT)
            codes = torch.where(self._away(scalars, 3) & sideways, RIGHT + LEFT - codes, codes)
        codes = F.embedding(codes.long(), self.one_hot)  # (N, VH, VW, 18)
        return self._flattened(codes, view[:, 1:], overview, scalars)

    def values(
        self, codes: Tensor, beside: Tensor, overview: Tensor, scalars: Tensor, persona: Tensor
    ) -> Tensor:
        """As :meth:`forward`, from one-hot codes ``f32[N, 18, VH, VW]``, so that gradients reach the cells.

        ``beside`` is the view's other channels, visits and way.
        """
        codes, beside = self._turned(codes, scalars), self._turned(beside, scalars)
        if self.config.facing:
            swapped = torch.cat([codes[:, :RIGHT], codes[:, [LEFT, RIGHT]], codes[:, LEFT + 1 :]], dim=1)
            codes = torch.where(self._away(scalars, 4), swapped, codes)
        seen = self._flattened(codes.permute(0, 2, 3, 1), beside, overview, scalars)
        return self.heads(self.trunk(torch.cat([seen, persona], dim=1)), scalars, persona)

    def heads(self, hidden: Tensor, scalars: Tensor, persona: Tensor) -> Tensor:
        """Q values from :meth:`features`: the personas', in proportion to their weights."""
        return (self.heads_all(hidden[None], scalars) * persona[:, :, None]).sum(dim=1)

    def heads_all(self, hidden: Tensor, scalars: Tensor) -> Tensor:
        """Q values of each persona, float32[N, P, A], from :meth:`features_all`."""
        advantage = self.advantage(hidden)
        q: Tensor = self.value(hidden) + advantage - advantage.mean(dim=2, keepdim=True)
        q = q.transpose(0, 1)
        if self.config.facing:
            q = torch.where(self._away(scalars, 3), q[:, :, self.mirrored], q)
        return q

    def _flattened(self, codes: Tensor, beside: Tensor, overview: Tensor, scalars: Tensor) -> Tensor:
        """As :meth:`_seen`, from codes f32[N, VH, VW, 18]: channels last, in which putting them together is cheap.

        Codes and what is beside them are turned already.
        """
        overview = self._turned(overview, scalars)
        beside = beside.permute(0, 2, 3, 1).float()
        visits = torch.log1p(beside[..., :1]) * 0.5  # once 0.35, 6 times 1, 255 times 2.8
        way = beside[..., 1:2]
        seen = (way > 0).float()
        steps = ((way - 128.0) * 0.125).clamp(-2.0, 2.0) * seen  # 8 steps farther: 1
        near = self.view(torch.cat([codes, visits, steps, seen], dim=3).permute(0, 3, 1, 2))
        far = self.map(overview.permute(0, 2, 3, 1).float().mul(1.0 / 255.0).permute(0, 3, 1, 2))
        if self.config.facing:
            scalars = torch.where(self._away(scalars, 2), scalars * self.sides, scalars)
        return torch.cat([_flat(near), _flat(far), scalars], dim=1)

    def _turned(self, cells: Tensor, scalars: Tensor) -> Tensor:
        """Rows of (N, C, H, W) in a mirror where the goal is to the left."""
        if not self.config.facing:
            return cells
        return torch.where(self._away(scalars, 4), cells.flip(3), cells)

    @staticmethod
    def _away(scalars: Tensor, rank: int) -> Tensor:
        """Where the goal is to the left: bool (N, 1, …) of that rank."""
        return (scalars[:, GOAL_SIDE] < 0).view(-1, *[1] * (rank - 1))


def mirrored_actions(actions: Sequence[str]) -> list[int]:
    """For each action, the place of the one that does the same in a mirror.

    Examples:
        >>> mirrored_actions(["idle", "left", "right", "jump+left", "jump+right"])
        [0, 2, 1, 4, 3]
    """
    swap = {"left": "right", "right": "left"}
    names = ["+".join(swap.get(word, word) for word in action.split("+")) for action in actions]
    return [list(actions).index(name) for name in names]


def _flat(x: Tensor) -> Tensor:
    """(N, C, H, W), channels last in memory, to (N, H * W * C) without moving anything."""
    return x.permute(0, 2, 3, 1).flatten(1)


def example_inputs(
    net: PlaytesterNet, n: int = 2, codes: Sequence[int] = range(VIEW_CODES)
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random float32 inputs of the right shapes and ranges, with these cell codes, the same ones at every call."""
    rng = torch.Generator().manual_seed(0)
    vh, vw = net.view_shape
    view = torch.randint(0, 256, (n, 3, vh, vw), generator=rng).float()
    view[:, 0] = torch.tensor(codes)[torch.randint(0, len(codes), (n, vh, vw), generator=rng)].float()
    far = torch.randint(0, 256, (n, MAP_CHANNELS, *MAP_SHAPE), generator=rng).float()
    persona = torch.eye(PERSONAS)[torch.randint(0, PERSONAS, (n,), generator=rng)]
    return view, far, torch.rand(n, SCALARS, generator=rng), persona


def export_playtester(net: PlaytesterNet, game: Game, metadata: Mapping[str, Any] | None = None) -> bytes:
    """The bytes of the ONNX file: inputs ``view``, ``map``, ``scalars``, ``persona``, output ``q``; for views of this game.

    Raises:
        LevelForgeError: see :func:`levelforge.exporters.onnx_pack.export_model`.
    """
    facts = {
        "kind": "playtester",
        "game": game.name,
        "game_digest": game.digest,
        "view": list(net.view_shape),
        "actions": [action.name for action in game.actions],
        **({"facing": True} if net.config.facing else {}),
        **(metadata or {}),
    }
    axes = {name: {0: "batch"} for name in (*INPUT_NAMES, "q")}
    return quickened(
        export_model(net, example_inputs(net), INPUT_NAMES, ["q"], axes, facts), view_codes(game)
    )
