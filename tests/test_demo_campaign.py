"""The demo's campaign: a saved list of levels that get harder, and any folder of levels as one."""

import pytest

pygame = pytest.importorskip("pygame", reason="needs the demo extra")

from demo_driver import frames, make_app, play, press  # noqa: E402 (after the skip)

from levelforge.corpus import load_corpus  # noqa: E402
from levelforge.demo_game.app import Options  # noqa: E402
from levelforge.demo_game.campaign import CURVE, LEVELS, Campaign  # noqa: E402
from levelforge.demo_game.launch import open_scenes  # noqa: E402
from levelforge.demo_game.run import restored, welcome  # noqa: E402
from levelforge.demo_game.save import Save  # noqa: E402
from levelforge.demo_game.scene_campaign import CampaignScene, stars_of  # noqa: E402
from levelforge.demo_game.scene_play import PlayScene  # noqa: E402
from levelforge.demo_game.scene_results import ResultsScene  # noqa: E402
from levelforge.demo_game.scene_title import TitleScene  # noqa: E402
from levelforge.demo_game.staircase import KNOWN, SLACK, Staircase  # noqa: E402
from levelforge.exporters import write_level  # noqa: E402
from levelforge.game import load_game  # noqa: E402
from levelforge.solver import solve  # noqa: E402

GAMES = ["dungeon", "platformer"]


@pytest.fixture
def app(monkeypatch, tmp_path):
    made = make_app(monkeypatch, tmp_path / "home")
    made.supply.pack = made.thoughts.pack = str(tmp_path / "none")  # the designer's levels: quick
    yield made
    made.close()


def levels(name, count):
    game = load_game(name)
    return load_corpus(game.folder / "corpus", game).train[:count]


def folder_of(name, count, folder):
    for number, level in enumerate(levels(name, count), start=1):
        write_level(level.with_(id=f"level-{number}", solution=solve(level).actions), "json", folder)
    return folder


def test_a_new_campaign_is_planned_and_kept(app):
    app.push(TitleScene(app, "dungeon"))
    app.scenes[0]._mode = 1
    press(app, pygame.K_RETURN)
    scene = app.scenes[-1]
    assert isinstance(scene, CampaignScene)
    asked = [entry.asked for entry in scene.campaign.entries]
    assert asked == sorted(asked)
    assert (asked[0], asked[-1], len(asked)) == (*CURVE, LEVELS)
    press(app, pygame.K_RIGHT)
    press(app, pygame.K_RETURN)  # locked
    assert app.scenes[-1] is scene
    press(app, pygame.K_LEFT)
    press(app, pygame.K_RETURN)
    frames(app, 0.2)
    playing = app.scenes[-1]
    assert isinstance(playing, PlayScene)
    press(app, pygame.K_n)  # not before it is won
    assert app.scenes[-1] is playing
    play(app, playing.made.level.solution)
    frames(app, 2)
    assert isinstance(app.scenes[-1], ResultsScene)
    press(app, pygame.K_n)
    frames(app, 0.2)
    assert app.scenes[-1].run.index == 1
    press(app, pygame.K_ESCAPE)
    app.back_to_map()
    assert app.scenes[-1] is scene
    assert scene.at == 1
    frames(app, 0.1)
    # the next start finds the same levels, and goes on
    again = restored(Save(app.save.path.parent), "campaign", app.game("dungeon"), "dungeon")
    first, second, third = again.campaign.entries[:3]
    assert (again.index, first.won, stars_of(first), second.won) == (1, True, 3, False)
    assert (first.made.level.tiles == playing.made.level.tiles).all()
    assert first.made.level.solution == playing.made.level.solution
    assert second.made is not None
    assert third.made is None


@pytest.mark.parametrize("name", GAMES)
def test_a_folder_is_played_from_the_first_to_the_last(monkeypatch, tmp_path, name):
    folder = folder_of(name, 2, tmp_path / "maps")
    for number in (0, 1):
        app = make_app(monkeypatch, tmp_path / "home", level=folder)
        app.supply.pack = str(tmp_path / "none")
        open_scenes(app)
        frames(app, 0.1)
        assert app.scenes[-1].at == number
        press(app, pygame.K_RETURN)
        frames(app, 0.1)
        play(app, app.scenes[-1].made.level.solution)
        frames(app, 2)
        if number:
            press(app, pygame.K_n)
            frames(app, 0.1)
            assert isinstance(app.scenes[-1], CampaignScene)
            assert app.scenes[-1].campaign.done
        app.close()
    # other levels in that folder: nothing is won yet
    folder_of(name, 3, folder)
    app = make_app(monkeypatch, tmp_path / "home", level=folder)
    open_scenes(app)
    assert not any(entry.won for entry in app.scenes[-1].campaign.entries)
    app.close()


def test_a_folder_with_an_unbeatable_map_does_not_hold_up(app, tmp_path):
    from levelforge.demo_game.maps import open_folder
    from levelforge.level import Level, parse_text

    game = load_game("dungeon")
    closed = Level(game, parse_text("########\n#@.#...#\n#..#.>.#\n#..#...#\n#..#...#\n########\n", game))
    write_level(closed.with_(id="a"), "json", tmp_path)
    write_level(levels("dungeon", 1)[0].with_(id="b"), "json", tmp_path)
    app.push(TitleScene(app))
    app.push(CampaignScene(app, open_folder(app, tmp_path)))
    press(app, pygame.K_RETURN)
    frames(app, 0.2)
    assert app.scenes[-1].warning
    press(app, pygame.K_n)
    frames(app, 0.2)
    assert app.scenes[-1].run.index == 1


@pytest.mark.parametrize(
    "facts",
    [
        None, 3, {}, {"seed": -1}, {"seed": "x"}, {"seed": 1, "levels": 3}, {"seed": 1, "levels": [None, 3, []]},
        {"seed": 1, "levels": [{"rows": ["@", "##"], "solution": [0]}]},
        {"seed": 1, "levels": [{"rows": ["#@>#"], "solution": [99]}, {"rows": ["#@>#"], "solution": ["a"]}]},
        {"seed": 1, "levels": [{"rows": ["#" * 9] * 100_000, "solution": []}] * 1000},
        {"seed": 1, "levels": [{"won": "yes", "best": -4, "rows": None}]},
    ],
)  # fmt: skip
def test_nonsense_in_a_saved_campaign(tmp_path, facts):
    save = Save(tmp_path)
    save.data = {"campaign": {"dungeon": facts}}
    found = Campaign.restored(save, load_game("dungeon"), "dungeon")
    if found is not None:
        assert len(found.entries) == LEVELS
        assert all(entry.made is None and entry.best is None for entry in found.entries)


def test_a_campaign_of_the_first_version_goes_on(tmp_path):
    save = Save(tmp_path)
    save.data = {"campaign": {"dungeon": {"seed": 9, "index": 4}}}
    found = Campaign.restored(save, load_game("dungeon"), "dungeon")
    assert (found.next, found.seed) == (4, 9)


def test_a_known_player_begins_where_they_were(app):
    assert welcome(app.save, "dungeon") == Staircase()
    app.save.section("players")["dungeon"] = {"difficulty": 0.61, "levels": 40}
    stair = welcome(app.save, "dungeon")
    assert stair.difficulty == 0.61
    assert stair.step == Staircase(played=KNOWN).step
    app.save.section("players")["dungeon"] = {"difficulty": float("nan"), "levels": None}
    assert welcome(app.save, "dungeon") == Staircase()


def test_difficulty_does_not_wander_off_to_where_no_levels_are():
    stair = Staircase(0.9)
    for _ in range(5):  # the hardest there is measures 0.5, and this player wins it
        stair = stair.after(won=True, measured=0.5)
    assert stair.difficulty <= 0.5 + SLACK + stair.step
    assert stair.after(won=False, measured=0.5).difficulty < 0.65


def test_the_command_takes_a_folder(monkeypatch, tmp_path):
    from click.testing import CliRunner

    from levelforge.cli import cli

    monkeypatch.setenv("LEVELFORGE_HOME", str(tmp_path / "home"))
    make_app(monkeypatch, tmp_path).close()  # no processes
    folder = folder_of("dungeon", 2, tmp_path / "maps")
    done = CliRunner().invoke(cli, ["play", str(folder), "--frames", "3"])
    assert done.exit_code == 0, done.output
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(cli, ["play", str(tmp_path / "empty"), "--frames", "3"])
    assert done.exit_code == 2
    assert "holds no level" in done.output
    assert Options(level=folder).level == folder
