"""A session as a moving picture: terrain, items, patrols, the player between two ticks, overlays, camera."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.art import Art, Terrain
from levelforge.demo_game.effects import Effects
from levelforge.demo_game.fog import Fog
from levelforge.demo_game.parallax import Parallax
from levelforge.demo_game.session import Session
from levelforge.game import Role

HEAT = ((67, 51, 91), (168, 50, 72), (245, 140, 60), (255, 241, 166))
SAFE_HEAT = ((0, 52, 96), (70, 98, 112), (166, 157, 117), (255, 234, 70))  # after cividis
SLIDE = 2.5
"""Tiles a body may move between two ticks and still be drawn sliding; farther, it jumps there."""


class View:
    """Draws one session.

    Args:
        session: what is played.
        art: the game's pictures.
        size: (width, height) of the picture to fill.
        zoom: whole number of logical pixels a tileset's pixel.
        safe: colours for colour-blind players, and outlines round what hurts.
    """

    def __init__(
        self, session: Session, art: Art, size: tuple[int, int], zoom: int = 2, *, safe: bool = False
    ) -> None:
        self.session, self.art, self.safe = session, art, safe
        self.terrain = Terrain(art, session.level.tiles)
        self.effects = Effects()
        self.fog = Fog(session) if session.game.movement == "topdown" else None
        self.fog_shown = self.fog is not None
        self.overlay: Any = None
        self.path: Sequence[tuple[int, int]] = ()
        self.marks: Sequence[tuple[int, int]] = ()
        self.values: Mapping[str, float] = {}
        self.facing = 1
        self._items = self._find_items()
        self._heat: pygame.Surface | None = None
        self._heat_of: Any = None
        self._outlines: dict[int, list[tuple[int, int]]] = {}
        self._camera: tuple[float, float] | None = None
        self.resize(size, zoom)

    def resize(self, size: tuple[int, int], zoom: int) -> None:
        """Fill another size, or at another zoom."""
        self.size, self.zoom = size, zoom
        self._small = pygame.Surface((-(-size[0] // zoom), -(-size[1] // zoom)))
        self._parallax = Parallax(self._small.get_height()) if self.art.open_air else None
        self._camera = None

    # --- time ----------------------------------------------------------------------------------

    def update(self, dt: float, alpha: float, focus: tuple[float, float] | None = None) -> None:
        """Let the camera and the effects move on; ``focus`` (y, x) in tiles instead of the player."""
        y, x = self.player(alpha) if focus is None else focus
        step = self.art.size
        goal = self._clamped((x + 0.5) * step, (y + 0.5) * step)
        if self._camera is None:
            self._camera = goal
        share = 1 - math.exp(-dt * 9)
        self._camera = tuple(now + (to - now) * share for now, to in zip(self._camera, goal, strict=True))  # type: ignore[assignment] # two numbers
        self.effects.update(dt)
        if self.fog is not None:
            self.fog.update(dt)

    def turned(self) -> None:
        """Look again after a turn or tick."""
        if self.fog is not None:
            self.fog.look()
        old, new = self.session.before, self.session.state
        if new.x != old.x and abs(new.x - old.x) < SLIDE:
            self.facing = 1 if new.x > old.x else -1

    def restarted(self) -> None:
        """Forget what belongs to the last try."""
        if self.fog is not None:
            self.fog.look()
        self.effects = Effects()

    def player(self, alpha: float) -> tuple[float, float]:
        """(y, x) of the player in tiles, ``alpha`` of the way from the last tick's place to this one's."""
        old, new = self.session.before, self.session.state
        if abs(new.y - old.y) + abs(new.x - old.x) > SLIDE + 1:
            return new.y, new.x
        return old.y + (new.y - old.y) * alpha, old.x + (new.x - old.x) * alpha

    def cell_at(self, place: tuple[int, int]) -> tuple[int, int] | None:
        """(y, x) of the tile under a pixel of the picture, or None beyond the level."""
        left, top = self._corner()
        x = (place[0] // self.zoom + left) // self.art.size
        y = (place[1] // self.zoom + top) // self.art.size
        level = self.session.level
        return (y, x) if 0 <= y < level.height and 0 <= x < level.width else None

    def rect_of(self, y: int, x: int) -> pygame.Rect:
        """The pixels of a tile in the picture."""
        left, top = self._corner()
        step = self.art.size
        return pygame.Rect(
            (x * step - left) * self.zoom, (y * step - top) * self.zoom, step * self.zoom, step * self.zoom
        )

    # --- drawing -------------------------------------------------------------------------------

    def draw(self, target: pygame.Surface, place: tuple[int, int], alpha: float, seconds: float) -> None:
        """Draw into ``target`` at ``place``."""
        small = self._small
        shake_x, shake_y = self.effects.offset()
        left, top = self._corner()
        left, top = left + shake_x, top + shake_y
        if self._parallax is not None:
            self._parallax.draw(small, left, top, seconds)
            self._abyss(small, top)
        else:
            small.fill((13, 9, 20))
        self.terrain.draw(small, left, top)
        self._draw_items(small, left, top, seconds)
        self._draw_patrols(small, left, top, alpha, seconds)
        self._draw_player(small, left, top, alpha, seconds)
        if self.fog is not None and self.fog_shown:
            self.fog.draw(small, left, top, self.art.size)
        self._draw_overlays(small, left, top)
        if self.values:
            self._draw_values(small, left, top, alpha)
        self.effects.draw(small, left, top)
        self.effects.draw_flash(small)
        if self.zoom == 1:
            target.blit(small, place)
        else:
            target.blit(pygame.transform.scale_by(small, self.zoom), place, ((0, 0), self.size))

    def _abyss(self, small: pygame.Surface, top: int) -> None:
        """Below the map there is nothing to stand on: say so."""
        edge = self.session.level.height * self.art.size - top
        if edge < small.get_height():
            small.fill((40, 34, 60), (0, max(0, edge), small.get_width(), small.get_height()))

    def _find_items(self) -> list[tuple[int, int, str, int, Role]]:
        game, tiles = self.session.game, self.session.level.tiles
        roles, found = game.roles[tiles], []
        moving = (Role.ENEMY_H, Role.ENEMY_V, Role.START)
        for y, x in np.argwhere((self.terrain.entities >= 0) & ~np.isin(roles, moving)):
            tile = game.tiles[int(tiles[y, x])]
            found.append((int(y), int(x), tile.name, int(self.terrain.entities[y, x]), tile.role))
        return found

    def _draw_items(self, small: pygame.Surface, left: int, top: int, seconds: float) -> None:
        size, width = self.art.size, self.session.level.width
        right, bottom = left + small.get_width(), top + small.get_height()
        for y, x, name, index, role in self._items:
            if not (left - size < x * size < right and top - size < y * size < bottom):
                continue
            if role in (Role.KEY, Role.DOOR, Role.HEAL, Role.COLLECTIBLE) and not self.session.there(
                y * width + x
            ):
                continue
            bob = 0
            moves = name in self.art.tileset.frames
            shown = self.art.frame(name, "move", seconds + (x * 7 + y * 3) % 5 * 0.1) if moves else index
            if role in (Role.KEY, Role.HEAL, Role.COLLECTIBLE):
                bob = round(math.sin(seconds * 3 + x + y * 2) * 1.2)
            self._sprite(small, shown, x * size - left, y * size - top + bob, danger=role is Role.HAZARD)

    def _draw_patrols(self, small: pygame.Surface, left: int, top: int, alpha: float, seconds: float) -> None:
        s, size, width = self.session, self.art.size, self.session.level.width
        tiles = s.level.tiles.ravel()
        places = zip(s.patrols(0), s.patrols(s.before.ticks), s.patrols(s.ticks), strict=True)
        for number, (home, old, new) in enumerate(places):
            y = old // width + (new // width - old // width) * alpha
            x = old % width + (new % width - old % width) * alpha
            cell = (round(y), round(x))
            if self.fog is not None and self.fog_shown and not self.fog.visible[cell]:
                continue
            name = s.game.tiles[int(tiles[home])].name
            ahead = s.patrols(s.ticks + 1)[number] if new == old else new
            way = ahead % width - (old % width if new != old else new % width)
            index = self.art.frame(name, "move", seconds + number * 0.13)
            hover = round(math.sin(seconds * 5 + number) * 1.5) if s.game.movement == "topdown" else 0
            self._sprite(
                small, index, round(x * size) - left, round(y * size) - top + hover, flip=way < 0, danger=True
            )

    def _draw_player(self, small: pygame.Surface, left: int, top: int, alpha: float, seconds: float) -> None:
        s, size = self.session, self.art.size
        y, x = self.player(alpha)
        old, new = s.before, s.state
        moving = (old.y, old.x) != (new.y, new.x) and alpha < 1
        hop = 0
        if s.game.movement == "platformer":
            cell = min(max(new.y, 0), s.level.height - 1) * s.level.width + new.x
            on_ladder = s.batch.role[0, cell] == Role.LADDER
            way = (
                "climb"
                if on_ladder
                else "jump"
                if new.jump or old.y != new.y
                else "walk"
                if moving
                else "idle"
            )
            beat = seconds if moving or way == "idle" else 0.0
        else:
            way, beat = ("walk" if moving else "idle"), seconds
            hop = -round(math.sin(alpha * math.pi) * 2) if moving else 0
        index = self.art.frame("player", way, beat)
        if index < 0:
            index = self.art.tileset.icon(s.game.of_role(Role.START)[0].name)
        px, py = round(x * size) - left, round(y * size) - top
        if s.game.movement == "topdown":
            shadow = pygame.Surface((size, size), pygame.SRCALPHA)
            pygame.draw.ellipse(shadow, (0, 0, 0, 90), (3, size - 5, size - 6, 5))
            small.blit(shadow, (px, py))
        white = self.effects.blink > 0 and int(self.effects.blink * 14) % 2 == 0
        small.blit(self.art.picture(index, flip=self.facing < 0, white=white), (px, py + hop))

    def _sprite(
        self, small: pygame.Surface, index: int, x: int, y: int, *, flip: bool = False, danger: bool = False
    ) -> None:
        picture = self.art.picture(index, flip=flip)
        if danger and self.safe:
            if index not in self._outlines:
                self._outlines[index] = pygame.mask.from_surface(self.art.picture(index)).outline()
            points = [(self.art.size - 1 - a if flip else a, b) for a, b in self._outlines[index]]
            for a, b in points:
                small.fill(ui.SAFE["bad"], (x + a - 1, y + b - 1, 3, 3))
        small.blit(picture, (x, y))

    # --- overlays ------------------------------------------------------------------------------

    def _draw_overlays(self, small: pygame.Surface, left: int, top: int) -> None:
        size, colors = self.art.size, ui.SAFE if self.safe else ui.PLAIN
        if self.overlay is not None and float(np.max(self.overlay, initial=0)) > 0:
            self._draw_heat(small, left, top)
        if len(self.path) > 1:
            half = size // 2
            points = [(x * size + half - left, y * size + half - top) for y, x in self.path]
            pygame.draw.lines(small, ui.NIGHT, False, points, 4)
            pygame.draw.lines(small, colors["path"], False, points, 2)
            pygame.draw.circle(small, colors["good"], points[0], 4)
            pygame.draw.circle(small, colors["bad"], points[-1], 4)
        for y, x in self.marks:
            a, b = x * size - left + 4, y * size - top + 4
            for shift, color in ((1, ui.NIGHT), (0, colors["bad"])):
                pygame.draw.line(small, color, (a + shift, b + shift), (a + 8 + shift, b + 8 + shift), 2)
                pygame.draw.line(small, color, (a + 8 + shift, b + shift), (a + shift, b + 8 + shift), 2)

    def _draw_heat(self, small: pygame.Surface, left: int, top: int) -> None:
        """The part of the overlay in view; its colours are kept until the overlay changes."""
        if self._heat_of is not self.overlay or self._heat is None:
            values = np.sqrt(np.asarray(self.overlay, np.float64))  # a few cells hold most visits
            share = values / values.max()
            stops = np.linspace(0, 1, 4)
            table = SAFE_HEAT if self.safe else HEAT
            color = np.stack([np.interp(share, stops, [c[i] for c in table]) for i in range(3)], -1)
            alpha = np.where(share > 0, 90 + 110 * share, 0)[..., None]
            pixels = np.concatenate([color, alpha], -1).astype(np.uint8)
            self._heat = pygame.image.frombytes(pixels.tobytes(), share.shape[::-1], "RGBA")
            self._heat_of = self.overlay
        size = self.art.size
        view = pygame.Rect(
            left // size, top // size, small.get_width() // size + 2, small.get_height() // size + 2
        )
        seen = view.clip(self._heat.get_rect())
        if seen.width and seen.height:
            part = pygame.transform.scale_by(self._heat.subsurface(seen), size)
            small.blit(part, (seen.x * size - left, seen.y * size - top))

    def _draw_values(self, small: pygame.Surface, left: int, top: int, alpha: float) -> None:
        """The playtester's values of the actions: the longer and brighter an arrow, the better."""
        size, colors = self.art.size, ui.SAFE if self.safe else ui.PLAIN
        y, x = self.player(alpha)
        cx, cy = x * size + size / 2 - left, y * size + size / 2 - top
        low, high = min(self.values.values()), max(self.values.values())
        for name, value in self.values.items():
            share = (value - low) / (high - low) if high > low else 0.0
            best = value == high
            color = colors["path"] if best else tuple(round(90 + 90 * share) for _ in range(3))
            dx = ("right" in name) - ("left" in name)
            dy = ("down" in name) - ("up" in name or "jump" in name)
            if dx == dy == 0:
                pygame.draw.circle(small, ui.NIGHT, (cx, cy + size * 0.9), 4)
                pygame.draw.circle(small, color, (cx, cy + size * 0.9), 1 + round(2 * share))
                continue
            norm = math.hypot(dx, dy)
            ux, uy = dx / norm, dy / norm
            start, end = size * 0.7, size * (0.85 + 0.9 * share)
            a, b = (cx + ux * start, cy + uy * start), (cx + ux * end, cy + uy * end)
            head = [
                (b[0] + ux * 4, b[1] + uy * 4),
                (b[0] - uy * 3, b[1] + ux * 3),
                (b[0] + uy * 3, b[1] - ux * 3),
            ]
            pygame.draw.line(small, ui.NIGHT, a, b, 4)
            pygame.draw.polygon(small, ui.NIGHT, head, 3)
            pygame.draw.line(small, color, a, b, 2)
            pygame.draw.polygon(small, color, head)

    # --- camera --------------------------------------------------------------------------------

    def _clamped(self, x: float, y: float) -> tuple[float, float]:
        """The corner that shows (x, y) in the middle, as far as the level goes; small levels lie in the middle."""
        corner = []
        level = self.session.level
        for centre, span, tiles in zip((x, y), self._small.get_size(), level.size, strict=True):
            length = tiles * self.art.size
            corner.append(
                (length - span) / 2 if length <= span else min(max(centre - span / 2, 0), length - span)
            )
        return corner[0], corner[1]

    def _corner(self) -> tuple[int, int]:
        x, y = self._camera or (0.0, 0.0)
        return round(x), round(y)
