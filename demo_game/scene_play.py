"""Playing and watching a level, and the wait for one."""

from __future__ import annotations

from typing import Any

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene
from levelforge.demo_game.pilot import CertificatePilot, DqnPilot
from levelforge.demo_game.run import Run
from levelforge.demo_game.session import Session, path_of
from levelforge.demo_game.stage import SPEEDS, Stage
from levelforge.demo_game.supply import Made
from levelforge.demo_game.view import View
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role
from levelforge.playtest import PERSONAS
from levelforge.playtest.difficulty import SKILLS

HUD = 24
VIEW = (SIZE[0], SIZE[1] - HUD)
OVERLAYS = ("", "solution", "visits", "losses", "tension")
PAUSE_AFTER = 1.1
"""Seconds between the end of a level and the page of results."""


class WaitScene(Scene):
    """Until the level is made."""

    def __init__(self, run: Run) -> None:
        self.run, self._seconds = run, 0.0

    def press(self, word: str) -> None:
        """Escape leaves."""
        if word == "back":
            self.app.back_to_map()

    def update(self, dt: float) -> None:
        """Ask, and go on when the level is there."""
        self._seconds += dt
        made: Made | str | None = self.run.given()
        if made is None:
            self.app.supply.ask(self.run.ticket(), quick=self.run.hurried)
            made = self.app.supply.get(self.run.ticket())
        if isinstance(made, str):
            self.app.note(made)
            self.app.back_to_map()
        elif made is not None:
            try:
                scene = PlayScene(self.app, made, self.run)
            except LevelForgeError as error:
                self.app.note(str(error))
                self.app.back_to_map()
                return
            self.app.replace(scene)

    def draw(self, target: pygame.Surface) -> None:
        """A line and moving dots."""
        target.fill(ui.NIGHT)
        if self._seconds < 0.15:
            return  # most levels are ready: no flicker
        ticket = self.run.ticket()
        asked = "" if ticket.difficulty is None else f"asked: difficulty {ticket.difficulty:.0%}, "
        ui.write(target, "Making a level", SIZE[0] // 2, 200, 34, ui.INK, align=0.5)
        ui.write(target, f"{asked}seed {ticket.seed}", SIZE[0] // 2, 234, 18, ui.FAINT, align=0.5)
        for i in range(5):
            lit = int(self._seconds * 8) % 5 == i
            pygame.draw.rect(target, ui.GOLD if lit else ui.PANEL, (SIZE[0] // 2 - 58 + i * 26, 268, 12, 12))


class PlayScene(Scene):
    """A level being played by the player or a pilot.

    Attributes:
        stage: the level.
        made: what is known of it.
        run: what comes after it.
    """

    def __init__(self, app: Any, made: Made, run: Run) -> None:
        self.made, self.run = made, run
        level = made.level
        session = Session(level)
        view = View(session, app.art(run.game), VIEW, zoom=2, safe=app.safe)
        self.stage = Stage(session, view)
        self._codes = {action.name: code for code, action in enumerate(level.game.actions)}
        self._ended = 0.0
        self._overlay = 0
        self._pilots = (0, 0)  # skill, persona
        self.watched = False
        self._check: int | None = None
        self._noted = False
        self.warning = ""
        run.met(made, app.save)
        if made.solution_missing or made.maps is None:  # maps of a playtest are not kept in files
            self._check = app.supply.submit("check", game=run.game, tiles=level.tiles)
        app.note_once(goal_of(level.game, app.controls.cap("help")))
        if made.note:
            app.note_once(made.note)
        if self._check is None or run.campaign is not None:
            self._ask_ahead(app)

    def _ask_ahead(self, app: Any) -> None:
        for ticket in self.run.ahead():
            app.supply.ask(ticket)

    # --- keys ----------------------------------------------------------------------------------

    def interrupted(self) -> None:
        """Something took the controls away: wait for the player."""
        if self.stage.pilot is None and not self.stage.over:
            self.press("pause")

    def press(self, word: str) -> None:
        """Commands."""
        stage = self.stage
        if word in ("back", "pause"):
            from levelforge.demo_game.scene_results import PauseScene

            self.app.push(PauseScene(self))
        elif word == "restart":
            self.restart()
        elif word == "next":
            if self.may_go_on:
                self.go_on()
            else:
                self.app.note("A campaign goes on when this level is won")
        elif word == "undo" and stage.session.game.movement == "topdown" and stage.pilot is None:
            if stage.undo():
                self._ended, self._noted = 0.0, False
                self.app.sounds.play("move")
        elif word == "watch":
            self._toggle(DqnPilot)
        elif word == "certificate":
            self._toggle(CertificatePilot)
        elif word == "overlay":
            self._next_overlay()
        elif word == "zoom":
            stage.view.resize(VIEW, 3 - stage.view.zoom)
        elif word == "make":
            from levelforge.demo_game.scene_make import MakeScene

            if self.made.source == "workbench":
                self.app.pop()  # it lies below
                return
            self.app.push(MakeScene(self.app, self.made, self.run))
        elif stage.pilot is not None:
            self._watch_press(word)

    def _watch_press(self, word: str) -> None:
        stage, pilot = self.stage, self.stage.pilot
        if word in ("faster", "slower"):
            stage.speed = min(len(SPEEDS) - 1, max(0, stage.speed + (1 if word == "faster" else -1)))
        elif word == "step":
            stage.paused = True
            stage.step_once()
        elif word == "wait":
            stage.paused = not stage.paused
        elif word == "jump":
            stage.paused = False
        elif word in ("skill", "persona") and isinstance(pilot, DqnPilot):
            if word == "skill":
                pilot.skill = (pilot.skill + 1) % len(SKILLS)
            else:
                pilot.persona = (pilot.persona + 1) % len(PERSONAS)
            self._pilots = pilot.skill, pilot.persona

    def _toggle(self, kind: type[DqnPilot | CertificatePilot]) -> None:
        stage = self.stage
        stage.paused = False
        if isinstance(stage.pilot, kind):
            stage.pilot = None
        elif kind is DqnPilot:
            if stage.over:
                stage.restart()
            stage.pilot = DqnPilot(stage.session, self.app.thoughts, self.run.game, *self._pilots)
        else:
            solution = self.made.level.solution
            if solution is None:
                self.app.note(self.warning or "No certificate is known yet for this level")
                return
            stage.restart()
            stage.pilot = CertificatePilot(stage.session, solution)
        self._ended = 0.0
        self.watched = self.watched or stage.pilot is not None
        self._show_fog()

    def restart(self) -> None:
        """Try again; a pilot does so, too."""
        self.stage.restart()
        self._ended, self._noted = 0.0, False
        if self.stage.pilot is None:
            self.watched = False

    @property
    def may_go_on(self) -> bool:
        """Whether there is a next level that may be played, or an end to go to."""
        campaign = self.run.campaign
        if campaign is None:
            return True
        last = self.run.index + 1 == len(campaign.entries)
        return campaign.entries[self.run.index].won if last else campaign.open(self.run.index + 1)

    def go_on(self) -> None:
        """To the next level, or back after the last."""
        if self.run.advance():
            self.app.replace(WaitScene(self.run))
        else:
            if self.run.campaign is not None and self.run.campaign.done:
                self.app.note("The campaign is won!")
            self.app.back_to_map()

    # --- time ----------------------------------------------------------------------------------

    def update(self, dt: float) -> None:
        """Play."""
        stage = self.stage
        if stage.pilot is not None:
            events = stage.update(dt, stage.pilot.choose)
            problem = getattr(stage.pilot, "problem", "")
            if problem:
                self.app.note(problem)
                stage.pilot = None
                self._show_fog()
        else:
            events = stage.update(dt, self.action)
        for event in events:
            self.app.sounds.play(event.kind)
        self._take_check()
        if stage.over:
            self._ended += dt
            if stage.pilot is None and not self.watched:
                self._count()
            if self._ended > PAUSE_AFTER:
                self._finish()

    def action(self) -> int | None:
        """The action of what is held or was just tapped; None lets a turn-based game wait."""
        controls = self.app.controls
        tapped = controls.take()
        held = controls.held | set(tapped)
        if self.stage.session.game.movement == "platformer":
            if not self.stage.session.ticks and not held:
                return None  # the clock starts with the first key
            jump = "jump" if held & {"jump", "up"} else ""
            sides = [w for w in ("left", "right") if w in held]
            # of both sides, the one pressed last; of both held long, neither
            side = sides[0] if len(sides) == 1 else next((w for w in reversed(tapped) if w in sides), "")
            return self._codes["+".join(filter(None, (jump, side))) or "idle"]
        for word in [*reversed(tapped), *(w for w in ("up", "down", "left", "right") if w in held)]:
            if word in self._codes:
                return self._codes[word]
        return self._codes["wait"] if held & {"wait", "jump"} else None

    def _count(self) -> None:
        if self._noted:
            return
        self._noted, session = True, self.stage.session
        if self.run.campaign is None and self.run.counted:
            return
        self.run.finish(won=session.won, steps=session.ticks)
        before = self.app.save.note
        self.run.store(self.app.save)
        if self.app.save.note != before:
            self.app.note(self.app.save.note)

    def _finish(self) -> None:
        if self.stage.pilot is not None:
            if self._ended > PAUSE_AFTER + 1.2:  # watched levels play on and on
                self.restart()
            return
        from levelforge.demo_game.scene_results import ResultsScene

        self._ended = 0.0
        self.app.push(ResultsScene(self))

    def _take_check(self) -> None:
        if self._check is None:
            return
        answer = self.app.supply.answer(self._check)
        if answer is None:
            return
        self._check = None
        if not self.run.counted and isinstance(answer.get("difficulty"), float):
            self.run.measured = self.run.measured or answer["difficulty"]
        self._ask_ahead(self.app)
        missing = self.made.solution_missing
        if answer.get("verdict") == "beatable":
            level, maps = self.made.level, {k: answer[k] for k in ("visits", "near", "deaths") if k in answer}
            if level.difficulty is None:
                level = level.with_(difficulty=answer.get("difficulty"))
            if missing:
                level = level.with_(solution=tuple(answer["solution"]))
                self.app.note(f"This map can be won, in {len(answer['solution'])} steps at best")
            self.made = Made(level, self.made.asked, self.made.source, "", maps or None)
            if self.run.campaign is not None:
                self.run.campaign.entries[self.run.index].made = self.made
        elif missing:
            why = answer.get("why") or answer.get("error") or ""
            start = (
                "This map cannot be won"
                if answer.get("verdict") == "unbeatable"
                else "Unknown whether this map can be won"
            )
            self.warning = f"{start}: {why}" if why else start
            self.app.note(self.warning)

    # --- overlays ------------------------------------------------------------------------------

    def _next_overlay(self) -> None:
        maps = self.made.maps or {}
        for _ in OVERLAYS:
            self._overlay = (self._overlay + 1) % len(OVERLAYS)
            name = OVERLAYS[self._overlay]
            key = {"visits": "visits", "losses": "deaths", "tension": "near"}.get(name, "")
            if (name == "solution" and self.made.level.solution) or (key and key in maps) or not name:
                break
        self._show_overlay()
        if not OVERLAYS[self._overlay] and not maps and not self.made.level.solution:
            self.app.note("Nothing is known of this level yet")

    def _show_overlay(self) -> None:
        view, name, maps = self.stage.view, OVERLAYS[self._overlay], self.made.maps or {}
        solution = self.made.level.solution
        view.path = path_of(self.made.level, solution) if name == "solution" and solution else ()
        view.marks = [(int(y), int(x)) for y, x in maps["deaths"]] if name == "losses" else ()
        view.overlay = maps["visits"] if name == "visits" else maps["near"] if name == "tension" else None
        self._show_fog()

    def _show_fog(self) -> None:
        view = self.stage.view
        view.fog_shown = view.fog is not None and self.stage.pilot is None and not OVERLAYS[self._overlay]

    # --- drawing -------------------------------------------------------------------------------

    def draw(self, target: pygame.Surface) -> None:
        """The level and what is to be known about it."""
        self.stage.view.draw(target, (0, HUD), self.stage.alpha, self.stage.seconds)
        self._draw_hud(target)
        if self.stage.pilot is not None:
            self._draw_watch(target)
        elif OVERLAYS[self._overlay]:
            self._strip(target, [f"{self.app.controls.cap('overlay')}: {self._overlay_text()}"])
        if self.app.scenes[-1] is not self:
            return  # a page lies over it
        fresh = not self.stage.session.ticks and self.stage.session.game.movement == "platformer"
        if fresh and self.stage.pilot is None:
            ui.write(target, "press a key to run", SIZE[0] // 2, 120, 26, ui.INK, align=0.5, shadow=True)
        if self.stage.over and self.stage.pilot is None:
            word = (
                "won!"
                if self.stage.session.won
                else "time is up"
                if self.stage.session.out_of_time
                else "lost"
            )
            ui.write(target, word, SIZE[0] // 2, 150, 64, ui.INK, align=0.5, shadow=True)

    def _draw_hud(self, target: pygame.Surface) -> None:
        target.fill(ui.NIGHT, (0, 0, SIZE[0], HUD))
        s = self.stage.session
        x = 6
        for i in range(s.game.rules.hit_points):
            if i < 8:
                ui.heart(target, x, 5, full=i < s.hp)
                x += 20
        art = self.stage.view.art
        for role, text in (
            (Role.KEY, str(s.keys)),
            (Role.COLLECTIBLE, f"{s.collected}/{s.treasures}"),
        ):
            icon = art.role_icon(role)
            if icon is not None and (role is not Role.COLLECTIBLE or s.treasures):
                target.blit(icon, (x + 4, 4))
                x = ui.write(target, text, x + 23, 6) + 6
        share = 1 - s.ticks / max(1, s.batch.time_limit)
        color = ui.BLUE if share > 0.25 else ui.RED
        ui.clock(target, x + 14, 12, color)
        pygame.draw.rect(target, ui.PANEL, (x + 24, 9, 70, 6))
        pygame.draw.rect(target, color, (x + 24, 9, round(70 * share), 6))
        ui.write(target, self._facts(), SIZE[0] - 6, 6, 16, ui.FAINT, align=1.0)

    def _facts(self) -> str:
        level, parts = self.made.level, []
        if self.run.mode == "campaign":
            parts.append(f"level {self.run.index + 1}/{self.run.length}")
        elif self.run.mode == "endless":
            parts.append(f"level {self.run.index + 1}")
        if level.difficulty is not None:
            parts.append(f"difficulty {level.difficulty:.0%}")
        if level.seed is not None and self.made.source == "pack":
            parts.append(f"seed {level.seed}")
        elif self.made.source != "pack":
            parts.append("designer's level" if self.made.source == "corpus" else level.id[:24])
        if self.warning:
            parts.append("cannot be won?")
        return "   ".join(parts)

    def _draw_watch(self, target: pygame.Surface) -> None:
        pilot, stage = self.stage.pilot, self.stage
        assert pilot is not None
        speed = "paused" if stage.paused else f"{SPEEDS[stage.speed]:g}x"
        cap = self.app.controls.cap
        parts = [f"{cap('slower')} {cap('faster')} speed"]
        words = [("step", "step"), ("wait", "pause"), ("overlay", "overlay")]
        if isinstance(pilot, DqnPilot):
            words += [("skill", "skill"), ("persona", "persona"), ("watch", "play yourself")]
        else:
            words += [("certificate", "play yourself")]
        keys = "   ".join([*parts, *(f"{cap(word)} {text}" for word, text in words)])
        name = self._overlay_text()
        lines = [f"Watching {pilot.title}   {speed}" + (f"   overlay: {name}" if name else ""), keys]
        self._strip(target, lines)

    def _overlay_text(self) -> str:
        name = OVERLAYS[self._overlay]
        return f"{name}: none" if name == "losses" and not self.stage.view.marks else name

    @staticmethod
    def _strip(target: pygame.Surface, lines: list[str]) -> None:
        height = 8 + 18 * len(lines)
        sheet = pygame.Surface((SIZE[0], height))
        sheet.fill(ui.NIGHT)
        sheet.set_alpha(215)
        target.blit(sheet, (0, HUD))  # above: in a side view all happens below
        for i, line in enumerate(lines):
            ui.write(target, line, 10, HUD + 6 + 18 * i, 18, ui.INK if i == 0 else ui.FAINT)


def goal_of(game: Game, help_key: str) -> str:
    """What a game is about, in a line."""
    doors = " Keys open doors." if game.of_role(Role.KEY) and game.of_role(Role.DOOR) else ""
    return f"Reach the {game.of_role(Role.GOAL)[0].name}!{doors} {help_key}: all keys"
