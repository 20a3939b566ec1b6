"""The demo plays by the rules: a certificate that wins there wins here."""

import json
import os
import random
import re
import subprocess
import sys

import numpy as np
import pytest
from strategies import random_tiles

pygame = pytest.importorskip("pygame", reason="needs the demo extra")

from demo_driver import InlineWorker, app_module, frames, key, make_app, play, press  # noqa: E402 (after the skip)

from levelforge.corpus import load_corpus  # noqa: E402
from levelforge.demo_game.controls import Controls  # noqa: E402
from levelforge.demo_game.launch import open_scenes  # noqa: E402
from levelforge.demo_game.run import Run, restored  # noqa: E402
from levelforge.demo_game.save import FORMAT, NAME, Save  # noqa: E402
from levelforge.demo_game.scene_make import MakeScene  # noqa: E402
from levelforge.demo_game.scene_options import HelpScene  # noqa: E402
from levelforge.demo_game.scene_play import PlayScene, WaitScene  # noqa: E402
from levelforge.demo_game.scene_results import PauseScene, ResultsScene  # noqa: E402
from levelforge.demo_game.scene_title import ATTRACT_AFTER, TitleScene, start_map  # noqa: E402
from levelforge.demo_game.session import Session  # noqa: E402
from levelforge.demo_game.staircase import Staircase  # noqa: E402
from levelforge.demo_game.supply import Made  # noqa: E402
from levelforge.demo_game.worker import Worker  # noqa: E402
from levelforge.errors import LevelForgeError  # noqa: E402
from levelforge.exporters import write_level  # noqa: E402
from levelforge.game import Role, load_game  # noqa: E402
from levelforge.level import Level, format_text, parse_text  # noqa: E402
from levelforge.rules import RUNNING, replay  # noqa: E402
from levelforge.solver import solve  # noqa: E402

GAMES = ["dungeon", "platformer"]


@pytest.fixture
def app(monkeypatch, tmp_path):
    made = make_app(monkeypatch, tmp_path)
    yield made
    made.close()


def corpus(name, count=1):
    game = load_game(name)
    return load_corpus(game.folder / "corpus", game).train[:count]


def opened(app, level, name):
    """The scene that plays a level."""
    app.push(WaitScene(Run(name, "single", 0, made=Made(level))))
    frames(app, 0.05)
    assert isinstance(app.scenes[-1], PlayScene)
    return app.scenes[-1]


def texts(app):
    return " | ".join(text for text, _ in app.notes)


# --- the rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAMES)
def test_a_solution_wins_in_the_demo(name):
    (level,) = corpus(name)
    solution = solve(level).actions
    session = Session(level)
    start = session.picture()
    assert (start == level.tiles).all()
    for action in solution:
        session.act(action)
    facts = replay(level, solution)
    assert session.won
    assert (session.ticks, session.hp, session.keys) == (facts.ticks, facts.hp[-1], facts.keys)
    session.restart()
    assert session.outcome == RUNNING
    assert (session.picture() == start).all()


@pytest.mark.parametrize("name", GAMES)
def test_the_picture_always_shows_one_player(name):
    game = load_game(name)
    dice = np.random.default_rng(7)
    session = Session(Level(game, random_tiles(game, 12, 24, dice)))
    for action in dice.integers(0, len(game.actions), 40):
        session.act(int(action))
        players = (game.roles[session.picture()] == Role.START).sum()
        assert players == (0 <= session.y < session.level.height)


@pytest.mark.parametrize("name", GAMES)
def test_undo_takes_everything_back(name):
    (level,) = corpus(name)
    session, states = Session(level), []
    for action in solve(level).actions:
        states.append((session.state, session.picture().tobytes()))
        session.act(action)
    while session.undo():
        assert (session.state, session.picture().tobytes()) == states.pop()
    assert not states


@pytest.mark.parametrize("name", GAMES)
def test_certificates_win_through_the_keys(app, name):
    for level in corpus(name, 4):
        solution = solve(level).actions
        scene = opened(app, level.with_(solution=solution), name)
        play(app, solution)
        assert scene.stage.session.won
        assert scene.stage.session.actions == list(solution)
        app.home()


# --- playing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAMES)
def test_from_the_title_to_the_results_without_a_pack(app, name):
    from levelforge.demo_game.worker_jobs import JOBS

    app.push(TitleScene(app, name))
    frames(app, 0.2)
    press(app, pygame.K_RETURN)
    frames(app, 0.1)
    scene = app.scenes[-1]
    if JOBS["level"]({"game": name, "pack": None, "seed": 1, "difficulty": 0.5})["source"] == "corpus":
        assert "no pack" in texts(app)
    play(app, scene.made.level.solution)
    frames(app, 2)
    assert isinstance(app.scenes[-1], ResultsScene)
    assert scene.run.stair.won == 1
    measured = scene.made.level.difficulty
    assert scene.run.stair.difficulty == Staircase().after(won=True, measured=measured).difficulty
    press(app, pygame.K_n)
    frames(app, 0.5)
    assert app.scenes[-1] is not scene
    assert app.scenes[-1].run.index == 1
    assert Save(app.save.path.parent).section("endless")[name]["index"] == 1


def test_a_typed_seed_is_played(app, tmp_path):
    app.supply.pack = str(tmp_path / "none")
    app.push(TitleScene(app, "dungeon"))
    for _ in range(4):
        press(app, pygame.K_DOWN)
    for digit in "42x7":
        press(app, ord(digit), digit)
    press(app, pygame.K_BACKSPACE)
    for _ in range(4):
        press(app, pygame.K_UP)
    press(app, pygame.K_RETURN)
    frames(app, 0.2)
    assert app.scenes[-1].run.seed == 42
    assert "Reach the exit" in texts(app)


def test_the_pointer_chooses_when_it_moves(app):
    app.push(TitleScene(app, "dungeon"))
    title = app.scenes[-1]
    factor, left, top = app._fit()

    def point(row, kind=pygame.MOUSEMOTION, **facts):
        x, y = title.place[0] + 30, title.place[1] + title.line * row + 8
        pos = int(x * factor + left), int(y * factor + top)
        app.frame(0.01, [pygame.event.Event(kind, pos=pos, **facts)])

    point(3)  # the window opened under it
    point(3)
    assert title.at == 0
    point(5)
    assert title.at == 5
    point(8, pygame.MOUSEBUTTONDOWN, button=1)
    assert isinstance(app.scenes[-1], HelpScene)


@pytest.mark.parametrize("size", [(640, 480), (1300, 1000), (300, 200), (200, 700), (4000, 90)])
def test_a_window_of_any_size_shows_everything(app, size):
    app.push(TitleScene(app, "dungeon"))
    app.window = pygame.Surface(size)
    frames(app, 0.05)
    factor, left, top = app._fit()
    assert factor == int(factor) or factor < 1
    assert left >= 0
    assert top >= 0
    assert left + 640 * factor <= size[0]
    assert top + 480 * factor <= size[1]
    for place in ((0, 0), (320, 240), (639, 479)):
        there = tuple(round(n * factor + shift) for n, shift in zip(place, (left, top), strict=True))
        assert all(abs(a - b) <= 1 / min(factor, 1) for a, b in zip(app.to_canvas(there), place, strict=True))


def test_the_results_remember_what_was_asked(app, tmp_path):
    app.supply.pack = str(tmp_path / "none")
    app.push(TitleScene(app, "dungeon"))
    press(app, pygame.K_RETURN)
    asked = []
    for _ in range(3):
        frames(app, 0.3)
        scene = app.scenes[-1]
        asked.append((scene.run.stair.difficulty, True))
        play(app, scene.made.level.solution)
        frames(app, 2)
        assert isinstance(app.scenes[-1], ResultsScene)
        press(app, pygame.K_n)
    assert scene.run.history == asked


def test_the_platformer_keeps_a_tap_between_two_ticks(app):
    (level,) = corpus("platformer")
    scene = opened(app, level.with_(solution=(0,)), "platformer")
    frames(app, 1)
    y = scene.stage.session.y
    app.frame(0.001, [key(pygame.K_SPACE), key(pygame.K_SPACE, pygame.KEYUP)])
    app.frame(scene.stage.period, [])
    assert scene.stage.session.y < y


def test_the_dungeon_undoes_on_a_key(app):
    (level,) = corpus("dungeon")
    scene = opened(app, level.with_(solution=solve(level).actions), "dungeon")
    play(app, scene.made.level.solution[:5])
    press(app, pygame.K_u)
    assert scene.stage.session.ticks == 4


@pytest.mark.parametrize("name", GAMES)
def test_the_certificate_and_the_playtester_play(app, monkeypatch, tmp_path, name):
    pytest.importorskip("onnx", reason="needs the train extra")
    from standins import make_pack

    make_pack(tmp_path / "pack", name)
    app.supply.pack = app.thoughts.pack = str(tmp_path / "pack")
    (level,) = corpus(name)
    scene = opened(app, level.with_(solution=solve(level).actions), name)
    press(app, pygame.K_v)
    frames(app, 2)
    assert scene.watched
    press(app, pygame.K_w)
    press(app, pygame.K_EQUALS)
    frames(app, 1)
    assert set(scene.stage.pilot.values) == {action.name for action in level.game.actions}
    assert scene.stage.session.ticks > 1
    press(app, pygame.K_k)
    assert scene.stage.pilot.skill == 1
    press(app, pygame.K_TAB)
    ticks = scene.stage.session.ticks
    frames(app, 0.5)
    assert scene.stage.session.ticks <= ticks + 1
    assert not scene.run.counted


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("kind", ["missing", "broken", "of another game"])
def test_a_pack_that_cannot_be_used_is_told_and_the_designers_levels_are_played(app, tmp_path, name, kind):
    folder = tmp_path / "pack"
    if kind != "missing":
        folder.mkdir()
        (folder / "pack.json").write_text("{" if kind == "broken" else '{"game": "chess"}')
    app.supply.pack = str(folder)
    app.push(TitleScene(app, name))
    press(app, pygame.K_RETURN)
    frames(app, 0.3)
    scene = app.scenes[-1]
    assert "you play the designer's levels" in texts(app)
    assert str(folder) in texts(app)
    assert scene.made.source == "corpus"
    play(app, scene.made.level.solution)
    assert scene.stage.session.won


def test_the_playtester_without_a_pack_says_so(app, tmp_path):
    app.thoughts.pack = str(tmp_path / "none")
    (level,) = corpus("dungeon")
    scene = opened(app, level.with_(solution=(0,)), "dungeon")
    press(app, pygame.K_w)
    frames(app, 0.3)
    assert scene.stage.pilot is None
    assert "pack.json" in texts(app)


def test_attract_mode_comes_and_goes(app):
    title = TitleScene(app, "dungeon")
    app.push(title)
    title.idle = ATTRACT_AFTER - 0.1
    frames(app, 0.3)
    assert title.attract
    press(app, pygame.K_RETURN)
    assert not title.attract
    assert app.scenes == [title]


@pytest.mark.parametrize("skill", [0.2, 0.35, 0.45, 0.55, 0.65, 0.75, 1.05])
def test_the_staircase_finds_the_target(skill):
    # a player of a skill wins a level of difficulty d with a logistic chance; the first and the last are only just
    # served by the easiest and the hardest levels there are
    assert abs(win_rate(skill) - Staircase().target) < 0.05


def test_players_at_the_ends_win_as_many_because_the_staircase_goes_beyond(monkeypatch):
    with_room = [abs(win_rate(skill) - Staircase().target) for skill in (0.2, 1.05)]
    monkeypatch.setattr("levelforge.demo_game.staircase.BEYOND", 0.0)
    without = [abs(win_rate(skill) - Staircase().target) for skill in (0.2, 1.05)]
    assert np.less(with_room, without).all()


def win_rate(skill):
    """Of 200 players between levels 15 and 45, whose levels measure somewhat beside what was asked."""
    dice, won = random.Random(3), 0
    for _ in range(200):
        stair = Staircase()
        for n in range(45):
            hard = min(1.0, max(0.0, stair.difficulty + dice.uniform(-0.1, 0.1)))
            wins = dice.random() < 1 / (1 + np.exp((hard - skill) / 0.12))
            won += wins and n >= 15
            stair = stair.after(won=wins, measured=hard)
    return won / 200 / 30


def test_what_is_asked_for_stays_on_the_scale(tmp_path):
    low = high = Staircase()
    for _ in range(40):
        low, high = low.after(won=False, measured=0.0), high.after(won=True, measured=1.0)
    assert (low.difficulty, high.difficulty) == (0.0, 1.0)
    assert low.place < 0.0
    assert high.place > 1.0
    # where it stands is saved, too
    run = Run("dungeon", "endless", 1, low)
    run.store(Save(tmp_path))
    assert restored(Save(tmp_path), "endless", load_game("dungeon"), "dungeon").stair == low


@pytest.mark.parametrize("name", GAMES)
def test_a_level_measures_the_same_when_it_is_met_again(tmp_path, name):
    pytest.importorskip("onnx", reason="needs the train extra")
    from standins import make_pack

    from levelforge.demo_game.worker_jobs import check, make_level

    make_pack(tmp_path / "pack", name)
    job = {"game": name, "pack": str(tmp_path / "pack")}
    for seed in (3, 4):
        made = make_level({**job, "seed": seed, "difficulty": 0.4})
        again = check({**job, "tiles": made["tiles"]})
        assert again["difficulty"] == made["difficulty"]
        assert (again["visits"] == made["visits"]).all()


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize(
    ("asked", "found", "expected"), [(1.0, 0.0, "most"), (0.0, 1.0, "least"), (0.5, 0.45, "")]
)
def test_the_worker_makes_harder_or_easier_ones_where_there_are_none(
    monkeypatch, tmp_path, name, asked, found, expected
):
    pytest.importorskip("onnx", reason="needs the train extra")
    from types import SimpleNamespace

    from standins import make_pack

    from levelforge.decode import DANGERS
    from levelforge.demo_game import worker_jobs

    make_pack(tmp_path / "pack", name)
    batches = []

    def measure(levels, game, pack):
        batches.append(list(levels))
        play = SimpleNamespace(visits=0, near=0, deaths=np.zeros((0, 3), int))
        return [SimpleNamespace(difficulty=found, why="", first=play) for _ in levels]

    monkeypatch.setattr(worker_jobs, "_measure", measure)
    job = {"game": name, "pack": str(tmp_path / "pack"), "seed": 3, "difficulty": asked}
    assert worker_jobs.make_level(job)["difficulty"] == found
    first, *more = batches
    assert len(first) == worker_jobs.CANDIDATES
    game = load_game(name)
    ids = [tile.id for tile in game.entities if tile.role in DANGERS]
    ends = [sum(game.count_ranges[game.tiles[i].name][side] for i in ids) for side in (0, 1)]
    counts = [np.isin(level.tiles, ids).sum() for levels in more for level in levels]
    assert len(counts) == (worker_jobs.CANDIDATES if expected else 0)
    if expected:
        assert counts[-1] == ends[expected == "most"]


# --- maps of all kinds ---------------------------------------------------------------------------


def test_a_map_of_tiled_is_played(app, tmp_path):
    (level,) = corpus("dungeon")
    (path, *_) = write_level(level, "tmx", tmp_path, "mine")
    start_map(app, path)
    frames(app, 0.2)
    assert (app.scenes[-1].made.level.tiles == level.tiles).all()
    assert "can be won" in texts(app)


def test_a_map_edited_by_hand_is_played(app, tmp_path):
    # what a person leaves behind in Tiled: a wall painted away, a thing dragged off the grid, properties of ours deleted
    (level,) = corpus("dungeon")
    game = level.game
    (path, *_) = write_level(level.with_(solution=solve(level).actions), "tmx", tmp_path, "mine")
    text = path.read_text()
    text = re.sub(r'<property name="(format|format_version|id|solution)"[^>]*/>', "", text)
    text, moved = re.subn(
        r'(name="treasure"[^>]* x=")(\d+)"', lambda m: f'{m[1]}{int(m[2]) + 2.5}"', text, count=1
    )
    rows = re.search(r'<data encoding="csv">(.*?)</data>', text, re.DOTALL)
    cells = [row.rstrip(",").split(",") for row in rows[1].strip().splitlines()]
    walls = np.argwhere(game.roles[level.tiles] == Role.SOLID)
    floors = np.argwhere(game.roles[level.tiles] == Role.EMPTY)
    (wall, floor) = next(
        (w, f)
        for w in walls[40:]
        for f in floors
        if 0 < w[0] < level.height - 1 and 0 < w[1] < level.width - 1
    )
    cells[wall[0]][wall[1]] = cells[floor[0]][floor[1]]
    path.write_text(text.replace(rows[1], "\n" + ",\n".join(",".join(row) for row in cells) + "\n"))
    start_map(app, path)
    frames(app, 0.2)
    scene = app.scenes[-1]
    assert moved == 1
    assert scene.made.level.id == "mine"
    changed = np.argwhere(scene.made.level.tiles != level.tiles)
    assert changed.tolist() == [wall.tolist()]
    play(app, scene.made.level.solution)
    assert scene.stage.session.won


def test_an_unbeatable_map_plays_with_a_warning(app):
    game = load_game("dungeon")
    level = Level(game, parse_text("########\n#@.#...#\n#..#.>.#\n#..#...#\n#..#...#\n########\n", game))
    scene = opened(app, level, "dungeon")
    frames(app, 0.2)
    assert "cannot be won" in texts(app)
    assert scene.warning
    play(app, [3, 1])
    assert scene.stage.session.ticks == 2


@pytest.mark.parametrize(
    ("name", "size"), [("dungeon", (8, 6)), ("platformer", (512, 16)), ("dungeon", (8, 200))]
)
def test_tiny_and_huge_maps_play(app, name, size):
    game = load_game(name)
    width, height = size
    tiles = np.full((height, width), game.empty.id, np.uint8)
    tiles[[0, -1]] = tiles[:, [0, -1]] = game.solid.id
    tiles[-2, 1] = game.of_role(Role.START)[0].id
    tiles[-2, -2] = game.of_role(Role.GOAL)[0].id
    scene = opened(app, Level(game, tiles), name)
    for code in (pygame.K_z, pygame.K_h, pygame.K_h):
        press(app, code)
        frames(app, 0.1)
    play(app, [game.actions.index(a) for a in game.actions if a.name == "right"] * 5)
    assert scene.stage.session.x == 6
    press(app, pygame.K_e)
    frames(app, 0.6)
    assert app.scenes[-1].verdict["verdict"] == "beatable"


def test_a_map_without_start_or_of_an_unknown_kind(app, tmp_path):
    (level,) = corpus("dungeon")
    app.push(TitleScene(app))
    text = format_text(level.tiles, level.game).replace("@", ".")
    (tmp_path / "none.json").write_text('{"game": "chess", "rows": 3}')
    (tmp_path / "none.xyz").write_text(text)
    for name in ("none.json", "none.xyz", "missing.tmx"):
        start_map(app, tmp_path / name)
        assert str(tmp_path / name) in texts(app)
        assert len(app.scenes) == 1
    bare = level.tiles.copy()
    bare[level.game.roles[bare] == Role.START] = level.game.empty.id
    (path, *_) = write_level(level.with_(tiles=bare), "json", tmp_path, "bare")
    start_map(app, path)
    frames(app, 0.1)
    assert "no start" in texts(app)


# --- the workbench -------------------------------------------------------------------------------


def test_painting_a_wall_across_the_way_is_told_at_once(app, tmp_path):
    game = load_game("dungeon")
    level = Level(game, parse_text("########\n#@....>#\n########\n", game))
    scene = MakeScene(app, Made(level), Run("dungeon", "single", 0))
    app.push(scene)
    frames(app, 0.6)
    assert scene.verdict["verdict"] == "beatable"
    factor = app._fit()[0]
    spot = scene.view.rect_of(1, 3).move(0, 24).center
    place = tuple(n * factor + shift for n, shift in zip(spot, app._fit()[1:], strict=True))
    app.frame(0.01, [pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=place)])
    app.frame(0.01, [pygame.event.Event(pygame.MOUSEBUTTONUP, button=1, pos=place)])
    assert game.roles[scene.tiles[1, 3]] == Role.SOLID
    frames(app, 0.6)
    assert scene.verdict["verdict"] == "unbeatable"
    press(app, pygame.K_u)
    frames(app, 0.6)
    assert scene.verdict["verdict"] == "beatable"
    scene._export(str(tmp_path), "tmj")
    assert (tmp_path / "dungeon-bench.tmj").exists()
    scene._export("/proc/nowhere", "json")
    assert "/proc/nowhere" in texts(app)
    press(app, pygame.K_RETURN)
    frames(app, 0.1)
    assert isinstance(app.scenes[-1], PlayScene)


@pytest.mark.parametrize("name", GAMES)
def test_a_new_level_keeps_what_is_locked(app, tmp_path, name):
    pytest.importorskip("onnx", reason="needs the train extra")
    from standins import make_pack

    make_pack(tmp_path / "pack", name)
    app.supply.pack = str(tmp_path / "pack")
    (level,) = corpus(name)
    scene = MakeScene(app, Made(level), Run(name, "single", 0))
    app.push(scene)
    scene.locked[-6:, 3:9] = True
    press(app, pygame.K_g)
    frames(app, 1)
    assert (scene.tiles[scene.locked] == level.tiles[scene.locked]).all()
    assert (scene.tiles != level.tiles).any()
    assert scene.verdict["verdict"] == "beatable"


# --- what can go wrong ---------------------------------------------------------------------------


def test_no_display_is_one_line(monkeypatch, tmp_path):
    from levelforge.demo_game.app import Options
    from levelforge.demo_game.launch import launch

    monkeypatch.setenv("SDL_VIDEODRIVER", "nonesuch")
    monkeypatch.setenv("LEVELFORGE_HOME", str(tmp_path))
    with pytest.raises(LevelForgeError, match="no window"):
        launch(Options())


@pytest.mark.parametrize("driver", ["offscreen", "dummy"])
def test_a_window_that_nobody_would_see_is_no_window(monkeypatch, tmp_path, driver):
    # without a display SDL takes such a driver by itself
    from levelforge.demo_game.app import Options
    from levelforge.demo_game.launch import launch

    for name in ("SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEVELFORGE_HOME", str(tmp_path))
    monkeypatch.setattr(app_module, "Worker", InlineWorker)
    monkeypatch.setattr(pygame.display, "init", lambda: None)
    monkeypatch.setattr(pygame.display, "get_driver", lambda: driver)
    with pytest.raises(LevelForgeError, match="no display"):
        launch(Options())


def test_no_sound_device_is_silence(monkeypatch, tmp_path):
    pygame.quit()
    app = make_app(monkeypatch, tmp_path)
    app.close()
    monkeypatch.setenv("SDL_AUDIODRIVER", "nonesuch")
    from levelforge.demo_game.sound import Sounds

    sounds = Sounds()
    assert not sounds.available
    sounds.play("key")


def test_a_gamepad_plays_and_is_unplugged(app):
    controls, event = app.controls, pygame.event.Event
    controls.feed(event(pygame.JOYHATMOTION, value=(1, 0), hat=0, instance_id=5))
    assert controls.held == {"right"}
    controls.feed(event(pygame.JOYAXISMOTION, axis=1, value=-0.9, instance_id=5))
    assert controls.held == {"right", "up"}
    assert controls.feed(event(pygame.JOYBUTTONDOWN, button=0, instance_id=5)) == ["jump", "ok"]
    app.push(TitleScene(app))
    controls.pad = "some pad"
    app.frame(0.01, [event(pygame.JOYDEVICEREMOVED, instance_id=5)])
    assert not controls.held
    assert "unplugged" in texts(app)
    app.frame(0.01, [event(pygame.JOYDEVICEADDED, device_index=7, guid="")])


@pytest.mark.parametrize("name", GAMES)
def test_a_gamepad_unplugged_during_play_pauses(app, name):
    (level,) = corpus(name)
    scene = opened(app, level.with_(solution=solve(level).actions), name)
    app.controls.pad = "some pad"
    app.frame(0.01, [pygame.event.Event(pygame.JOYHATMOTION, value=(1, 0), hat=0, instance_id=5)])
    frames(app, 0.3)
    app.frame(0.01, [pygame.event.Event(pygame.JOYDEVICEREMOVED, instance_id=5)])
    assert isinstance(app.scenes[-1], PauseScene)
    assert not app.controls.held
    ticks = scene.stage.session.ticks
    frames(app, 0.3)
    assert scene.stage.session.ticks == ticks
    press(app, pygame.K_p)  # the keyboard goes on
    play(app, [next(a for a in range(len(level.game.actions)) if level.game.actions[a].name == "right")])
    assert scene.stage.session.ticks == ticks + 1


def test_no_gamepad_is_needed(app):
    assert app.controls.pad == ""
    app.push(TitleScene(app, "dungeon"))
    for kind, facts in (
        (pygame.JOYDEVICEADDED, {"device_index": 3}), (pygame.JOYDEVICEREMOVED, {"instance_id": 3}),
        (pygame.JOYAXISMOTION, {"axis": 9, "value": 1.0}), (pygame.JOYBUTTONUP, {"button": 40}),
    ):  # fmt: skip
        app.frame(0.01, [pygame.event.Event(kind, **facts)])
    assert app.running


def test_keys_are_remapped_on_their_page(app):
    app.push(TitleScene(app, "dungeon"))
    title = app.scenes[-1]
    title.at = next(i for i, row in enumerate(title.rows) if row.text() == "Options")
    press(app, pygame.K_RETURN)
    for _ in range(4):
        press(app, pygame.K_DOWN)
    press(app, pygame.K_RETURN)
    press(app, pygame.K_DOWN)  # the second word: down
    press(app, pygame.K_RETURN)
    press(app, pygame.K_u)  # it was another word's
    assert app.controls.keys["down"] == (pygame.K_u,)
    assert app.controls.keys["undo"] == (pygame.K_BACKSPACE,)
    assert Save(app.save.path.parent).section("settings")["keys"]["down"] == [pygame.K_u]
    assert app.controls.cap("down") == "U"
    press(app, pygame.K_DELETE)
    assert app.controls.saved() == {}


def test_keys_are_remapped_and_remembered(app):
    app.controls.keys["up"] = (pygame.K_i,)
    app.remember()
    again = Controls(Save(app.save.path.parent).section("settings")["keys"])
    assert again.feed(key(pygame.K_i)) == ["up"]
    assert again.feed(key(pygame.K_UP)) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "x"}', "\0", "[" * 100_000])
def test_a_damaged_save_is_set_aside(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    save = Save(tmp_path)
    assert "set aside" in save.note
    assert (tmp_path / f"{NAME}.damaged-1").read_text() == text
    assert save.write()
    assert Save(tmp_path).note == ""


def test_a_save_survives_being_killed_while_it_is_written(tmp_path):
    code = (
        "import sys, pathlib\n"
        "from levelforge.demo_game.save import Save\n"
        "save = Save(pathlib.Path(sys.argv[1]))\n"
        "facts = save.section('endless', 'dungeon')\n"
        "for n in range(10**9):\n"
        "    facts.update(n=n, ballast=[n] * 20000)\n"
        "    save.write()\n"
        "    print(n, flush=True)\n"
    )
    for wait in (1, 4, 9):
        command = [sys.executable, "-c", code, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            told = [int(process.stdout.readline()) for _ in range(wait)]
            process.kill()
        save = Save(tmp_path)
        assert save.note == ""
        facts = save.section("endless", "dungeon")
        assert facts["n"] >= told[-1]
        assert facts["ballast"] == [facts["n"]] * 20000


def test_what_a_killed_program_left_is_removed(tmp_path):
    old, young = (tmp_path / f".{NAME}.{number}.tmp" for number in (1, 2))
    for path in (old, young):
        path.write_text("{")
    os.utime(old, (1, 1))
    Save(tmp_path)
    assert not old.exists()
    assert young.exists()  # it may be another program's that writes now


def test_a_save_of_a_newer_version_is_left_alone(tmp_path):
    text = json.dumps({"format": FORMAT + 1, "endless": {}})
    (tmp_path / NAME).write_text(text)
    save = Save(tmp_path)
    assert "newer" in save.note
    assert not save.write()
    assert (tmp_path / NAME).read_text() == text


def test_a_home_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way of the folder")  # works for root, whom modes do not stop
    app = make_app(monkeypatch, tmp_path / "file" / "home")
    try:
        app.remember()
        assert "cannot be saved" in texts(app)
        app.push(TitleScene(app, "dungeon"))
        frames(app, 0.1)
    finally:
        app.close()


def test_nonsense_in_a_save_is_no_run(tmp_path):
    facts = [None, 3, {}, {"seed": "x"}, {"seed": 1, "index": 2, "difficulty": "hard", "played": 1, "won": 0}]
    for fact in facts:
        save = Save(tmp_path)
        save.data = {"endless": {"dungeon": fact}}
        assert restored(save, "endless", load_game("dungeon"), "dungeon") is None


def test_a_worker_that_dies_is_started_again():
    import time

    notes = []
    worker = Worker(notes.append)
    try:
        worker.submit("crash")
        level = worker.submit("level", game="dungeon", pack="/nowhere", seed=1, difficulty=None)
        answers, end = {}, time.monotonic() + 120
        while len(answers) < 2 and time.monotonic() < end:
            answers.update(worker.poll())
            time.sleep(0.02)
        assert answers[level]["source"] == "corpus"
        assert any("error" in answer for answer in answers.values())
        assert "started again" in notes[0]
    finally:
        worker.close()


def test_the_game_goes_on_when_its_worker_dies(monkeypatch, tmp_path):
    import time

    app = make_app(monkeypatch, tmp_path, inline=False)
    try:
        app.supply.pack = str(tmp_path / "none")
        app.push(TitleScene(app, "dungeon"))
        (level,) = corpus("dungeon")
        app.push(
            WaitScene(Run("dungeon", "endless", 0, made=Made(level.with_(solution=solve(level).actions))))
        )
        frames(app, 0.05)
        scene, end = app.scenes[-1], time.monotonic() + 60
        app.worker.submit("crash")
        while not app.worker.deaths and time.monotonic() < end:
            app.frame(0.01, [])
            time.sleep(0.01)
        assert "started again" in texts(app)
        play(app, scene.made.level.solution)
        assert scene.stage.session.won
        app.worker._note = lambda text: None
    finally:
        app.close()


# --- everything at once --------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAMES)
def test_random_input_breaks_nothing(monkeypatch, tmp_path, name):
    from levelforge.demo_game.monkey import random_events

    monkeypatch.chdir(tmp_path)
    app = make_app(monkeypatch, tmp_path, game=name)
    try:
        open_scenes(app)
        dice = random.Random(5)
        for _ in range(400):
            app.frame(dice.choice((0.004, 0.016, 0.05)), random_events(dice, app.window.get_size()))
            if not app.running or not app.scenes:
                app.running = True
                app.scenes.clear()
                open_scenes(app)
    finally:
        app.close()


def test_a_clip_is_recorded(monkeypatch, tmp_path):
    from PIL import Image

    app = make_app(monkeypatch, tmp_path, game="platformer", record=tmp_path / "clip.gif", seed=3)
    open_scenes(app)
    frames(app, 1.2)
    app.close()
    with Image.open(tmp_path / "clip.gif") as clip:
        assert clip.size == (640, 480)
        assert clip.n_frames > 3


def test_the_command_plays(monkeypatch, tmp_path):
    from click.testing import CliRunner

    from levelforge.cli import cli

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setenv("LEVELFORGE_HOME", str(tmp_path))
    make_app(monkeypatch, tmp_path).close()  # no processes
    (level,) = corpus("dungeon")
    (path, *_) = write_level(level, "json", tmp_path, "mine")
    for words in ([], ["dungeon", "--seed", "3", "--difficulty", "0.4", "--adaptive"], [str(path)]):
        done = CliRunner().invoke(cli, ["play", *words, "--frames", "3"])
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(cli, ["play", "dungeo"])
    assert done.exit_code == 2
    assert "nor is dungeo a map" in done.output
