"""Golden pictures of the demo's screens: what is where, in which colour, whatever font writes on it.

Pictures are compared as small thumbnails, in which text is no more than a shade; ``python tests/test_demo_pictures.py``
draws the golden ones anew. The level stands in this file, so that neither packs nor corpora matter.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pygame = pytest.importorskip("pygame", reason="needs the demo extra")

from demo_driver import frames, make_app, play, press  # noqa: E402 (after the skip)

from levelforge.demo_game import ui  # noqa: E402
from levelforge.demo_game.campaign import Campaign  # noqa: E402
from levelforge.demo_game.run import Run  # noqa: E402
from levelforge.demo_game.scene_campaign import CampaignScene  # noqa: E402
from levelforge.demo_game.scene_play import WaitScene  # noqa: E402
from levelforge.demo_game.scene_title import TitleScene  # noqa: E402
from levelforge.demo_game.stage import Stage  # noqa: E402
from levelforge.demo_game.supply import Made  # noqa: E402
from levelforge.game import Role, load_game  # noqa: E402
from levelforge.level import Level  # noqa: E402
from levelforge.solver import solve  # noqa: E402

GOLDEN = Path(__file__).parent / "golden_demo"
GAMES = ("dungeon", "platformer")
SCREENS = ("title", "play", "watch", "make", "results", "campaign")
THUMBNAIL = (80, 60)
MEAN, SHARE, FAR = 7.0, 0.03, 48
"""Mean difference of a channel, and the share of the pixels that may differ by more than FAR."""


def level_of(name):
    """Rooms with a key and a door, or a ledge and a gap; no dangers, whose rules may change."""
    game = load_game(name)
    of = {role: game.of_role(role)[0].id for role in Role if game.of_role(role)}
    tiles = np.full((16, 24), game.empty.id, np.uint8)
    if game.movement == "topdown":
        tiles[[0, -1]] = tiles[:, [0, -1]] = tiles[1:-1, 12] = of[Role.SOLID]
        tiles[7, 12], tiles[3, 3], tiles[7, 5] = of[Role.DOOR], of[Role.KEY], of[Role.START]
        tiles[12, 20] = of[Role.GOAL]
        tiles[4:6, 16:18] = of[Role.COLLECTIBLE]
    else:
        tiles[13:] = of[Role.SOLID]
        tiles[10:, 14:17] = of[Role.SOLID]
        tiles[12, 4], tiles[12, 21] = of[Role.START], of[Role.GOAL]
        tiles[9, 14:17] = of[Role.COLLECTIBLE]
    level = Level(game, tiles, id="golden", difficulty=0.4)
    return level.with_(solution=solve(level).actions)


def screens(app, name):
    """Each screen's picture, by name."""
    found = {}

    def keep(screen):
        app.notes.clear()
        app.draw()
        pixels = pygame.image.tobytes(app.canvas, "RGB")
        found[screen] = Image.frombytes("RGB", app.canvas.get_size(), pixels)

    level = level_of(name)
    title = TitleScene(app, name)
    app.push(title)
    title._show(Made(level))
    title.stage.pilot = None
    app.seconds = title.stage.seconds = 0.0
    frames(app, 0.2)
    keep("title")
    made = Made(
        level, 0.4, "pack", "", {"visits": np.ones(level.tiles.shape), "near": np.zeros(level.tiles.shape)}
    )
    app.push(WaitScene(Run(name, "endless", 3, made=made)))
    frames(app, 0.1)
    scene = app.scenes[-1]
    play(app, level.solution[:6])
    frames(app, 0.5)
    keep("play")
    press(app, pygame.K_v)
    press(app, pygame.K_TAB)
    press(app, pygame.K_h)
    frames(app, 0.5)
    keep("watch")
    press(app, pygame.K_h)
    press(app, pygame.K_v)
    press(app, pygame.K_r)
    scene.watched = False
    press(app, pygame.K_e)
    app.scenes[-1].locked[4:8, 4:9] = True
    frames(app, 0.6)
    keep("make")
    press(app, pygame.K_ESCAPE)
    play(app, level.solution)
    frames(app, 4)
    app.scenes[-1]._play.stage.view.effects.__init__()
    keep("results")
    app.home()
    campaign = Campaign.planned(name, level.game.title, 1)
    for entry in campaign.entries[:3]:
        entry.won, entry.best, entry.made = True, len(level.solution), Made(level, entry.asked, "pack")
    app.push(CampaignScene(app, Run(name, "campaign", 1, index=2, campaign=campaign)))
    frames(app, 0.1)
    app.seconds = 0.0
    keep("campaign")
    return found


def thumbnail(picture):
    return np.asarray(picture.resize(THUMBNAIL, Image.Resampling.BOX)).astype(int)


def alike(picture, golden):
    off = np.abs(thumbnail(picture) - np.asarray(golden.convert("RGB")).astype(int))
    return off.mean() <= MEAN and (off.max(axis=2) > FAR).mean() <= SHARE


@pytest.fixture
def quiet(monkeypatch):
    """Animations stand still."""
    monkeypatch.setattr(
        Stage, "seconds", property(lambda _self: 0.0, lambda _self, _value: None), raising=False
    )


def golden(name, screen):
    with Image.open(GOLDEN / f"{name}-{screen}.png") as picture:
        return picture.convert("RGB")


@pytest.mark.parametrize("font", ["its own", "another"])
@pytest.mark.parametrize("name", GAMES)
def test_every_screen_looks_as_it_should(monkeypatch, tmp_path, quiet, name, font):
    app = make_app(monkeypatch, tmp_path)
    if font == "another":  # heavier, and of other widths
        whole = pygame.font.Font

        def heavy(file, size):
            made = whole(file, size - 1)
            made.set_bold(True)
            return made

        monkeypatch.setattr(ui.pygame.font, "Font", heavy)
    app.supply.pack = app.thoughts.pack = str(tmp_path / "none")
    try:
        found = screens(app, name)
    finally:
        app.close()
    assert tuple(found) == SCREENS
    wrong = [screen for screen in SCREENS if not alike(found[screen], golden(name, screen))]
    for screen in wrong:
        found[screen].save(tmp_path / f"{name}-{screen}.png")
    assert not wrong, f"look at {tmp_path}"


def test_other_screens_do_not_pass():
    for name, other in (GAMES, GAMES[::-1]):
        for screen in SCREENS[:4]:
            big = golden(other, screen).resize((640, 480))
            assert not alike(big, golden(name, screen)), screen
    for one, two in pairwise(SCREENS):
        assert not alike(golden("dungeon", one).resize((640, 480)), golden("dungeon", two))


def draw_golden():
    import tempfile

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Stage, "seconds", property(lambda _self: 0.0, lambda _self, _value: None), raising=False
        )
        GOLDEN.mkdir(exist_ok=True)
        for name in GAMES:
            folder = Path(tempfile.mkdtemp())
            app = make_app(patch, folder)
            app.supply.pack = app.thoughts.pack = str(folder / "none")
            for screen, picture in screens(app, name).items():
                picture.resize(THUMBNAIL, Image.Resampling.BOX).save(
                    GOLDEN / f"{name}-{screen}.png", optimize=True
                )
                picture.save(folder / f"{name}-{screen}.png")
            app.close()
            sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    draw_golden()
