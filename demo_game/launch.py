"""Opening the demo."""

from __future__ import annotations

import os

from levelforge.demo_game.staircase import Staircase
from levelforge.errors import LevelForgeError, MissingExtraError


def launch(options: object = None) -> None:
    """Open the window and play until it is closed.

    Args:
        options: an :class:`levelforge.demo_game.app.Options`; None opens the title screen.

    Raises:
        MissingExtraError: pygame is not installed.
        LevelForgeError: no display, or a game or map that cannot be read.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        import pygame
    except ImportError:
        raise MissingExtraError("the demo", "demo") from None
    from levelforge.demo_game.app import App, Options

    chosen = options if isinstance(options, Options) else Options()
    try:
        app = App(chosen)
    except pygame.error as error:
        raise LevelForgeError(
            f"no window can be opened ({error}); set SDL_VIDEODRIVER=dummy to run without one"
        ) from None
    try:
        open_scenes(app)
        app.run()
    finally:
        app.close()


def open_scenes(app: object) -> None:
    """The title, and over it what the command line asks for.

    Raises:
        LevelForgeError: a game or map that cannot be read.
    """
    import secrets

    from levelforge.demo_game.app import App
    from levelforge.demo_game.maps import open_folder, open_map
    from levelforge.demo_game.run import Run, welcome
    from levelforge.demo_game.scene_campaign import CampaignScene
    from levelforge.demo_game.scene_play import WaitScene
    from levelforge.demo_game.scene_title import TitleScene

    assert isinstance(app, App)
    options = app.options
    if options.game is not None:
        app.game(options.game)  # an unknown one is told before anything is drawn
    app.splash()
    run = None
    if options.level is None and options.game is not None:
        stair = (
            welcome(app.save, options.game) if options.difficulty is None else Staircase(options.difficulty)
        )
        adaptive = options.difficulty is None if options.adaptive is None else options.adaptive
        seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
        run = Run(options.game, "endless", seed, stair, adaptive)
        app.supply.ask(run.ticket(), quick=run.hurried)  # it is made while the title is put together
    app.push(TitleScene(app, options.game))
    if options.level is not None and options.level.is_dir():
        app.push(CampaignScene(app, open_folder(app, options.level)))
    elif options.level is not None:
        app.push(WaitScene(open_map(app, options.level)))
    elif run is not None:
        app.push(WaitScene(run))
