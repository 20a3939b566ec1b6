"""The playtester's training ground."""

from collections import Counter

import numpy as np
import pytest

from levelforge.corpus import load_corpus
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.novelty import mirror_images
from levelforge.pack import load_pack
from levelforge.playtest.measure import MIRRORS
from levelforge.training.level_pool import TrainingGround, make_pool
from levelforge.training.settings import RunSettings, changed
from levelforge.training.status import Stop


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_it_holds_the_images_that_playtests_use(name):
    """The corpus in all of them, made levels in one each, always the same one, and none more often than others."""
    game = load_game(name)
    tiles = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    corpus, made = tiles[:3], tiles[3:]
    images = [mirror_images(t, MIRRORS[game.movement]) for t in tiles]
    ground = TrainingGround(corpus, game)(made)
    n = len(images[0])
    assert n == {"dungeon": 4, "platformer": 2}[name]
    for one, other in zip(ground[: 3 * n], (i for several in images[:3] for i in several), strict=True):
        np.testing.assert_array_equal(one, other)
    turns = [
        next(k for k, image in enumerate(several) if np.array_equal(image, one))
        for one, several in zip(ground[3 * n :], images[3:], strict=True)
    ]
    assert min(Counter(turns)[k] for k in range(n)) >= 0.5 * len(turns) / n
    again = TrainingGround((), game)(made[::-1])[::-1]
    assert all(np.array_equal(a, b) for a, b in zip(again, ground[3 * n :], strict=True))


def test_it_draws_made_levels_and_repeats_authored_ones_for_their_share():
    game = load_game("platformer")
    tiles = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    authored, made = tiles[:4], tiles[4:64]
    everything = TrainingGround(authored, game)(made)
    some = TrainingGround(authored, game, drawn=24, authored_share=0.4)(made)
    assert len(some) == 16 + 24
    assert all(np.array_equal(a, b) for a, b in zip(some[:16], everything[:8] * 2, strict=True))
    known = {t.tobytes() for t in everything[8:]}
    assert len({t.tobytes() for t in some[16:]} & known) == 24
    again = TrainingGround(authored, game, drawn=24, authored_share=0.4)(made)
    assert all(np.array_equal(a, b) for a, b in zip(some, again, strict=True))
    assert len(TrainingGround(authored, game, drawn=100)(made)) == len(everything)


def test_a_run_can_ask_for_it():
    settings = changed(changed(RunSettings(), "drawn_levels", "200", "run"), "authored_share", "0.4", "run")
    assert (settings.drawn_levels, settings.authored_share) == (200, 0.4)
    with pytest.raises(LevelForgeError, match="authored_share 1 must be from 0 to below 1"):
        changed(RunSettings(), "authored_share", "1", "run")


def test_generated_levels_have_the_size_that_is_asked_for():
    pack = load_pack("platformer")
    levels, raw = make_pool(
        pack.folder,
        pack.game,
        pack.info,
        n=6,
        seconds=60.0,
        seed=0,
        tell=lambda _: None,
        stop=Stop(),
        size=(96, 16),
    )
    assert levels.shape == (6, 16, 96)
    assert 0.0 < raw <= 1.0
