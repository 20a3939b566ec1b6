"""The demo plays by the rules: a certificate that wins there wins here."""

import pytest
from strategies import random_tiles

from levelforge.corpus import load_corpus
from levelforge.demo_game.session import Session
from levelforge.game import Role, load_game
from levelforge.rules import RUNNING, replay
from levelforge.solver import solve


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_a_solution_wins_in_the_demo(name):
    game = load_game(name)
    level = load_corpus(game.folder / "corpus", game).train[0]
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


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_the_picture_always_shows_one_player(name):
    import numpy as np

    from levelforge.level import Level

    game = load_game(name)
    dice = np.random.default_rng(7)
    session = Session(Level(game, random_tiles(game, 12, 24, dice)))
    for action in dice.integers(0, len(game.actions), 40):
        session.act(int(action))
        players = (game.roles[session.picture()] == Role.START).sum()
        assert players == (0 <= session.y < session.level.height)


def test_the_window_opens_and_closes(monkeypatch):
    pytest.importorskip("pygame", reason="needs the demo extra")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    from levelforge.demo_game.window import Window

    game = load_game("dungeon")
    levels = iter(load_corpus(game.folder / "corpus", game).train)
    Window(levels, 1, {"topdown": 0}).run(frames=3)
