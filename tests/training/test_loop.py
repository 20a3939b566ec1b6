"""The critic, what steers the generator, the guards, and the loop that joins them."""

import math
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch.nn import functional as F

from levelforge.corpus import load_corpus
from levelforge.errors import LevelForgeError
from levelforge.game import Role, load_game
from levelforge.level import Level
from levelforge.pack import load_pack
from levelforge.training.critic import CriticConfig, CriticTrainer, assess, fun_of, rank_correlation
from levelforge.training.critic_net import FAR, SCORES, CriticNet, export_critic, spread
from levelforge.training.dqn import DqnConfig, DqnTrainer
from levelforge.training.gan import GanConfig, GanTrainer
from levelforge.training.guards import Bounds, collapsed, drifted, hacked
from levelforge.training.level_pool import TrainingGround
from levelforge.training.loop import LEGS, Loop, LoopConfig, reliability
from levelforge.training.loop_levels import make, play, spread_out
from levelforge.training.playtester_net import PlaytesterNet
from levelforge.training.steer import Steering, SteerWeights, variety

GAMES = ("dungeon", "platformer")
WEIGHTS = dict.fromkeys(SCORES[2:], 1.0)


@pytest.fixture(scope="module")
def games():
    return {name: load_game(name) for name in GAMES}


@pytest.fixture(scope="module")
def corpora(games):
    return {name: load_corpus(game.folder / "corpus", game) for name, game in games.items()}


def own_size(corpus, game, n):
    fits = [x.tiles for x in corpus.train if x.tiles.shape == (game.height, game.width)]
    return np.stack(fits[:n])


def one_hot(tiles, game):
    return F.one_hot(torch.from_numpy(tiles.astype(np.int64)), len(game.tiles)).permute(0, 3, 1, 2).float()


# --- the critic's network -------------------------------------------------------------------------


def test_distances_are_those_of_a_walk_around_walls():
    wall = torch.zeros(1, 1, 4, 5)
    wall[0, 0, :3, 2] = 1
    source = torch.zeros(1, 1, 4, 5)
    source[0, 0, 0, 0] = 1
    found = spread(source, 1 + FAR * wall)[0, 0]
    assert found[0, 0] == 0
    assert found[0, 4] == 3 + 4 + 3  # down, across below the wall, up again
    assert found[0, 2] == FAR


@pytest.mark.parametrize("name", GAMES)
def test_the_critic_is_small_and_says_the_same_in_onnx_at_any_size(games, corpora, name):
    game = games[name]
    torch.manual_seed(0)
    net = CriticNet(game).eval()
    assert sum(p.numel() for p in net.parameters()) < 1_000_000
    session = ort.InferenceSession(export_critic(net, game))
    tiles = own_size(corpora[name], game, 3)
    for levels in (tiles, np.ascontiguousarray(tiles[:, :, : game.width - 5])):
        planes = one_hot(levels, game)
        ours = torch.sigmoid(net.logits(planes, net.fields(planes))).detach().numpy()
        (theirs,) = session.run(None, {"tiles": levels.astype(np.float32)})
        np.testing.assert_allclose(theirs, ours, atol=2e-5)
        assert theirs.shape == (3, len(SCORES))


def test_dangers_on_the_way_are_felt_where_they_lie(games):
    """The gradient of difficulty reaches the tiles, and a critic that knows the way can tell on it from off it."""
    game = games["dungeon"]
    rows = ["#" * 16] + ["#" + "." * 14 + "#"] * 10 + ["#" * 16]
    symbols = {t.symbol: t.id for t in game.tiles}
    tiles = np.array([[symbols[c] for c in row] for row in rows], np.uint8)[None]
    tiles[0, 5, 1], tiles[0, 5, 14] = symbols["@"], symbols[">"]
    net = CriticNet(game).eval()
    near = net.fields(one_hot(tiles, game))[0, 0]
    assert near[5, 1:15].min() > 0.99
    assert near[1, 7] < 0.1
    planes = one_hot(tiles, game).requires_grad_(True)
    net.logits(planes, net.fields(planes))[:, 1].sum().backward()
    assert planes.grad.abs().sum() > 0


# --- its training -----------------------------------------------------------------------------------


def test_the_critic_learns_what_it_is_told_and_forgets_the_oldest(games, corpora):
    game = games["dungeon"]
    tiles = own_size(corpora["dungeon"], game, 24)
    scores = np.full((len(tiles), len(SCORES)), np.nan, np.float32)
    spikes = [t.id for t in game.of_role(Role.HAZARD)]
    scores[:, 0] = 1
    scores[:, 1] = np.isin(tiles, spikes).sum((1, 2)) > 5
    trainer = CriticTrainer(game, CriticConfig(batch=16, played=20, channels=(8, 12, 16), hidden=32), 0)
    trainer.add_played(tiles, scores)
    assert len(trainer.played) == 20
    before = assess(trainer.predict(tiles), scores, WEIGHTS)
    trainer.train(40)
    after = assess(trainer.predict(tiles), scores, WEIGHTS)
    assert after["difficulty_mae"] < before["difficulty_mae"]
    again = CriticTrainer(game, trainer.config, 1)
    again.load_state_dict(trainer.state_dict())
    np.testing.assert_array_equal(again.predict(tiles), trainer.predict(tiles))


def test_the_critic_ends_with_its_time_after_the_least_share_of_its_steps(games, corpora):
    game = games["dungeon"]
    tiles = own_size(corpora["dungeon"], game, 8)
    trainer = CriticTrainer(game, CriticConfig(batch=4, channels=(8, 8, 8), hidden=8), 0)
    trainer.add_played(tiles, np.ones((len(tiles), len(SCORES)), np.float32))

    def taken(progress):
        before = trainer.steps
        trainer.train(20, progress, least=0.25)
        return trainer.steps - before, trainer.optimiser.param_groups[0]["lr"] / trainer.config.learning_rate

    assert taken(lambda: 0.0) == (20, pytest.approx(1 - 0.9 * 19 / 20))
    assert taken(lambda: 1.0) == (5, pytest.approx(1 - 0.9 * 4 / 5))
    times = iter(np.arange(100) / 10)
    assert taken(lambda: next(times)) == (10, pytest.approx(1 - 0.9 * 9 / 10))


def test_assessment_by_hand():
    measured = np.full((4, len(SCORES)), np.nan, np.float32)
    measured[:, 0], measured[:, 1] = 1, [0.1, 0.2, 0.3, 0.4]
    measured[:, 2:] = 0.5
    predicted = measured.copy()
    predicted[:, 1] += 0.1
    predicted[:, 2] = 1.0
    found = assess(predicted, measured, WEIGHTS)
    assert found["difficulty_mae"] == pytest.approx(0.1)
    assert found["difficulty_rank"] == pytest.approx(1.0)
    assert found["fun_bias"] == pytest.approx(0.1)
    assert found["beatable_brier"] == 0
    measured[0, 3:] = np.nan  # fun is the mean of what is known
    assert fun_of(measured, WEIGHTS)[0] == pytest.approx(0.5)


def test_rank_correlation_shares_ranks_among_ties():
    assert rank_correlation(np.array([1, 2, 3]), np.array([10, 20, 15])) == pytest.approx(0.5)
    assert rank_correlation(np.array([1, 1, 2, 2]), np.array([5, 5, 9, 9])) == pytest.approx(1.0)
    assert rank_correlation(np.ones(3), np.arange(3)) == 0


def test_a_reliability_table_has_bins_of_equal_size():
    table = reliability(np.linspace(0, 1, 20, dtype=np.float32), np.linspace(0, 1, 20, dtype=np.float32), 4)
    assert [row["levels"] for row in table] == [5, 5, 5, 5]
    assert all(row["predicted"] == row["measured"] for row in table)


# --- steering ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAMES)
def test_each_steering_term_has_a_gradient_and_can_be_switched_off(games, corpora, name):
    game = games[name]
    tiles = own_size(corpora[name], game, 2)
    critic = CriticNet(game).eval().requires_grad_(False)
    view = {"topdown": (11, 11), "platformer": (11, 17)}[game.movement]
    player = PlaytesterNet([a.name for a in game.actions], view).eval().requires_grad_(False)
    asked, wanted = torch.tensor([0.2, 0.6]), torch.ones(2)
    off = SteerWeights(beatable=0, difficulty=0, fun=0, value=0, novel=0, varied=0)
    for term in ("beatable", "difficulty", "fun", "value", "novel"):
        steering = Steering(game, tiles, replace(off, **{term: 1.0}), critic, player)
        planes = one_hot(tiles, game).requires_grad_(True)
        loss, _ = steering(planes, asked, wanted)
        loss.backward()
        assert planes.grad.abs().sum() > 0, term
        if term != "novel":
            steering.scale = 0.0
            assert steering(one_hot(tiles, game), asked, wanted)[0] == 0
    assert Steering(game, tiles, off, critic, player)(one_hot(tiles, game), asked, wanted)[0] == 0


def test_the_value_seen_through_soft_tiles_is_the_playtesters_own(games, corpora):
    from levelforge.env import BatchEnv

    game = games["dungeon"]
    tiles = own_size(corpora["dungeon"], game, 3)
    torch.manual_seed(1)
    player = PlaytesterNet([a.name for a in game.actions], (11, 11)).eval()
    env = BatchEnv(game, tiles, 3, seed=0, shaping=False)
    obs = env.restart(np.arange(3), np.arange(3))
    own = player(*(torch.from_numpy(obs[k]) for k in ("view", "map", "scalars", "persona"))).amax(1)
    steering = Steering(game, tiles, SteerWeights(), None, player)
    torch.testing.assert_close(steering.value(one_hot(tiles, game)), own)


def test_novelty_is_content_far_from_the_corpus(games, corpora):
    game = games["dungeon"]
    tiles = own_size(corpora["dungeon"], game, 3)
    steering = Steering(game, tiles[:2], SteerWeights(value=0, novel=1.0, novelty=0.17))
    copied, _ = steering(one_hot(tiles[:1], game), torch.zeros(1), torch.zeros(1))
    assert copied.item() == pytest.approx(0.17)
    other, terms = steering(one_hot(tiles[2:], game), torch.zeros(1), torch.zeros(1))
    assert other.item() == pytest.approx(max(0.0, terms["likeness"] - 0.83), abs=1e-6)


def test_variety_is_the_mean_difference_of_all_pairs(games, corpora):
    tiles = own_size(corpora["dungeon"], games["dungeon"], 4)
    pairs = [(tiles[i] != tiles[j]).mean() for i in range(4) for j in range(i)]
    assert variety(one_hot(tiles, games["dungeon"])).item() == pytest.approx(np.mean(pairs), abs=1e-6)


def test_candidates_are_kept_as_various_as_they_were(games, corpora):
    game = games["dungeon"]
    tiles = own_size(corpora["dungeon"], game, 4)
    steering = Steering(game, tiles, SteerWeights(value=0, novel=0, varied=2.0))
    steering.variety = 0.5

    def loss(planes, wanted):
        return steering(planes, torch.zeros(len(planes)), wanted)[0].item()

    own = variety(one_hot(tiles, game)).item()
    assert loss(one_hot(tiles, game), torch.zeros(4)) == pytest.approx(2.0 * (0.5 - own), abs=1e-5)
    assert loss(one_hot(tiles[[0, 0, 1, 1]], game), torch.zeros(4)) > 2.0 * (0.5 - own)
    # levels that ask for a difficulty are not counted: they are meant to differ
    asked = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert loss(one_hot(tiles[[0, 0, 1, 2]], game), asked) == pytest.approx(1.0)
    steering.variety = own - 0.01
    assert loss(one_hot(tiles, game), torch.zeros(4)) == 0


# --- guards -----------------------------------------------------------------------------------------


def test_the_guards_trip_where_they_should():
    before = {"diversity": 0.3, "duplicates": 0.0, "style": 0.05}
    fine = {"diversity": 0.28, "duplicates": 0.0, "style": 0.06}
    assert not collapsed(Bounds(), before, fine)
    assert not drifted(Bounds(), before, fine)
    assert collapsed(Bounds(), before, fine | {"diversity": 0.2})
    assert collapsed(Bounds(), before, fine | {"duplicates": 0.05})
    assert drifted(Bounds(), before, fine | {"style": 0.2})
    assert hacked(Bounds(), {"fun_bias": 0.2, "difficulty_bias": 0.0})
    assert hacked(Bounds(), {"fun_bias": 0.0, "difficulty_bias": -0.2})
    assert not hacked(Bounds(), {"fun_bias": -0.2, "difficulty_bias": 0.05})


# --- the loop ---------------------------------------------------------------------------------------

TINY_GAN = GanConfig(
    batch=4,
    warm_up=0,
    ramp=1,
    judge_levels=16,
    generator_channels=(16, 8, 8),
    discriminator_channels=(8, 8, 8),
)
TINY_DQN = DqnConfig(n_envs=16, batch_size=32, capacity=2_000, warm_up=200, judged_levels=4, eval_episodes=1)
TINY_LOOP = LoopConfig(
    steer="both", rounds=2, candidates=32, first_candidates=32, played=8, first_played=8, last_played=16, episodes=1,
    critic_steps=2, first_critic_steps=2, least=1.0, critic=CriticConfig(batch=8, channels=(8, 8, 8), hidden=16),
)  # fmt: skip


@pytest.fixture
def loop_of(games, corpora, tmp_path):
    def build(config=TINY_LOOP, seconds=1.0):
        game = games["dungeon"]
        game = replace(
            game, rules=replace(game.rules, time_limit=60)
        )  # whoever has learned nothing loses sooner
        own = [x.tiles for x in corpora["dungeon"].train if x.tiles.shape == (game.height, game.width)][:6]
        gan = GanTrainer(game, own, TINY_GAN, 0)
        dqn = DqnTrainer(game, own, (), TINY_DQN, 1)
        return Loop(
            game,
            TrainingGround(own, game),
            gan,
            dqn,
            np.zeros((0, *own[0].shape), np.uint8),
            config,
            seconds,
            tmp_path,
            0,
        )

    return build


def whole(loop):
    figures = {}
    while not loop.finished:
        figures |= loop.advance(0.2)
    return figures


def test_rounds_make_levels_teach_the_critic_and_feed_both(loop_of):
    loop = loop_of()
    figures = whole(loop)
    assert loop.round == 2
    assert len(loop.pool) > 0
    assert len(loop.dqn.env.pool) > len(loop.ground())
    for name in (
        "beatable",
        "fun",
        "difficulty",
        "critic_difficulty_mae",
        "gan_steer_miss",
        "gan_steer_value",
        "style",
    ):
        assert np.isfinite(figures[name]), name
    final = loop.finish()
    assert {"critic_difficulty_mae", "novelty", "beatable"} <= set(final)
    assert loop.describe()["scores"] == list(SCORES)


def test_a_pack_may_play_the_levels_instead_of_the_playtester_in_training(loop_of, monkeypatch):
    players = []

    def playing(levels, game, player, episodes, seed):
        players.append(player)
        return play(levels, game, player, episodes, seed)

    monkeypatch.setattr("levelforge.training.loop.play", playing)
    loop = loop_of(replace(TINY_LOOP, rounds=1))
    pack = loop.judge = load_pack("dungeon")
    whole(loop)
    assert len(players) > 1
    loop.finish()
    assert all(player is pack for player in players)


def test_windows_all_over_the_corpus_are_measured_and_fewer_in_a_short_budget(loop_of):
    assert LoopConfig(corpus_played=200).scaled(0.1).corpus_played == 20
    loop = loop_of(replace(TINY_LOOP, corpus_played=3))
    condition = loop.gan.windows.condition
    before = condition[:, 0].copy()
    loop._measure_corpus()
    measured = np.flatnonzero(condition[:, 0] != before)
    step = len(condition) / 3
    assert measured.tolist() == [0, int(step), int(2 * step)]


@pytest.fixture
def by_the_second(monkeypatch):
    """Lets a loop of made levels go by a clock of which an episode takes a second, and each step of the critic."""

    def slow(loop):
        now, wanted = 0.0, []
        made = loop._candidates(32, 0, 0.5, latest=True)
        batch = loop.critic._batch

        def play(levels, _game, _values, episodes, _seed):
            nonlocal now
            now += len(levels) * episodes
            return np.full((len(levels), len(SCORES)), 0.5, np.float32)

        def choose(made, n, _):
            wanted.append(n)
            return np.flatnonzero(made.certified)[:n]

        def step(rng):
            nonlocal now
            now += 1
            return batch(rng)

        monkeypatch.setattr("levelforge.training.loop.play", play)
        monkeypatch.setattr(loop, "_candidates", lambda *_, **__: made)
        monkeypatch.setattr(loop, "_to_play", choose)
        monkeypatch.setattr(loop.critic, "_batch", step)
        loop.clock = lambda: now
        return wanted

    return slow


def test_a_slow_machine_plays_as_many_levels_as_fit_but_not_next_to_none(loop_of, by_the_second):
    """Playtests have a fifth of the first round's time, a tenth of the others'."""
    config = replace(
        TINY_LOOP, corpus_played=6, first_played=20, played=16, gan_share=0.5, dqn_share=0.3, least=0.25
    )
    loop = loop_of(config, config.rounds * 200)
    wanted = by_the_second(loop)
    assert loop.seconds == 200
    for loop.seconds in (200, 100, 1):
        for loop.round in range(2):
            loop._make()
    assert wanted == [20, 16, 15, 10, 5, 4]


@pytest.mark.parametrize(("seconds", "levels", "steps"), [(math.inf, 16, 20), (32, 8, 12), (1, 4, 5)])
def test_the_end_keeps_to_the_time_that_is_left(loop_of, by_the_second, seconds, levels, steps):
    """Of 32 seconds, half are for playtests of two episodes; the critic learns until 27.2 are over."""
    loop = loop_of(replace(TINY_LOOP, last_played=16, critic_steps=10, least=0.25))
    wanted = by_the_second(loop)
    loop.level_seconds = 1.0
    loop.finish(seconds)
    assert (wanted, loop.critic.steps) == ([levels], steps)


def test_novel_levels_that_prove_fun_return_to_the_corpus_as_a_capped_share(loop_of):
    loop = loop_of(replace(TINY_LOOP, corpus_round=2, corpus_levels=3))
    own = loop.gan.windows.tiles
    strange = np.roll(own[:5], 7, axis=2)
    tiles = np.concatenate([strange, own[:1]])
    scores = np.full((6, len(SCORES)), 0.5, np.float32)
    scores[:, 2:] = np.array([0.9, 0.8, 0.7, 0.1, 0.9, 0.1])[:, None]
    scores[4, 1] = 1.0  # nobody wins it
    loop._return(tiles, scores)
    np.testing.assert_array_equal(loop.returned, strange[:2])  # novel, winnable, and more fun than most
    loop._return(tiles, scores)
    assert len(loop.returned) == 3  # the oldest made room
    loop._before_gan()
    weight = loop.gan.windows.weight
    assert len(loop.gan.windows.tiles) == len(weight) == len(own) + 3
    assert weight[-3:].sum() == pytest.approx(loop.config.corpus_share)
    assert weight.sum() == pytest.approx(1.0)
    assert loop.gan.judge.novelty(own[:1])[0] == 0  # the judge goes by the designer's levels alone


def test_parts_can_be_switched_off_one_by_one(loop_of):
    loop = loop_of(replace(TINY_LOOP, steer="none", bootstrap=False, feed=False, rounds=1))
    levels = len(loop.dqn.env.pool)
    figures = whole(loop)
    assert len(loop.dqn.env.pool) == levels
    assert len(loop.returned) == 0
    assert not any(name.startswith("gan_steer") for name in figures)
    assert loop.steering.weights.novel == 0
    with pytest.raises(LevelForgeError, match=r"loop\.least is 0; give a share above 0"):
        LoopConfig(least=0)
    with pytest.raises(LevelForgeError, match="unknown steering 'criticc'"):
        LoopConfig(steer="criticc")


def test_a_network_without_a_share_of_the_rounds_stays_as_it_is(loop_of):
    loop = loop_of(replace(TINY_LOOP, gan_share=0.0, rounds=1))
    before = {name: value.clone() for name, value in loop.gan.best.state_dict().items()}
    frames = loop.dqn.frames
    whole(loop)
    loop.finish()
    assert all(torch.equal(value, before[name]) for name, value in loop.gan.best.state_dict().items())
    assert loop.gan.steps == 0
    assert loop.dqn.frames > frames


def test_a_playtester_that_has_played_all_its_frames_does_not_hold_up_the_rounds(loop_of):
    loop = loop_of(replace(TINY_LOOP, steer="none", rounds=1), seconds=1000.0)
    loop.dqn.config = replace(loop.dqn.config, total_frames=0)
    loop.leg = LEGS.index("dqn")
    loop.advance(0.2)
    assert loop.round == 1


def test_a_round_that_collapses_is_taken_back(loop_of, monkeypatch):
    loop = loop_of(replace(TINY_LOOP, rounds=1))
    honest = loop.gan.judge

    def judge(tiles):
        found = honest(tiles)
        return found | {"diversity": 0.01} if loop.began else found

    monkeypatch.setattr(loop.gan, "judge", judge)
    judge.corpus = honest.corpus
    monkeypatch.setattr(loop.gan.judge, "novelty", honest.novelty, raising=False)
    before = None
    while not loop.finished:
        if before is None and loop.leg == 2:
            before = {k: v.clone() for k, v in loop.gan.generator.state_dict().items()}
        loop.advance(0.2)
    assert any("taken back (mode collapse" in event for event in loop.events)
    for name, value in loop.gan.generator.state_dict().items():
        torch.testing.assert_close(value, before[name])
    assert loop.steering.weights.fun == TINY_LOOP.weights.fun / 2


def test_a_critic_that_promises_too_much_does_not_steer_until_it_is_right(loop_of, monkeypatch):
    loop = loop_of()
    promised = {"fun_bias": 0.5, "difficulty_bias": 0.0}
    loop._heed(promised)
    assert loop.steering.scale == 0
    assert "not trusted" in loop.events[0]
    tiles = one_hot(loop.gan.windows.tiles[:2], loop.game)
    loop.steering.critic = loop.critic.frozen()
    _, terms = loop.steering(tiles, torch.zeros(2), torch.ones(2))
    assert "steer_fun" not in terms
    steps = loop.critic.steps
    loop.critic.add_played(loop.gan.windows.tiles[:4], np.ones((4, len(SCORES)), np.float32))
    loop._teach()
    assert loop.critic.steps - steps == 2 * loop.config.first_critic_steps
    loop._heed({"fun_bias": 0.0, "difficulty_bias": 0.0})
    assert loop.steering.scale == 1
    assert "trusted again" in loop.events[1]


def test_a_restored_loop_goes_on_where_it_was(loop_of):
    loop = loop_of()
    while loop.leg < 3:
        loop.advance(0.1)
    state = loop.state_dict()
    other = loop_of()
    assert state["round"] == loop.round
    again = Loop(
        loop.game, loop.ground, other.gan,
        DqnTrainer(loop.game, [loop.dqn.env.pool.tiles(i) for i in range(len(loop.dqn.env.pool))], (), TINY_DQN, 1),
        loop.pool, loop.config, 1.0, loop.folder.parent, 0,
    )  # fmt: skip
    again.load_state_dict(state)
    assert (again.round, again.leg) == (loop.round, loop.leg)
    np.testing.assert_array_equal(again.returned, loop.returned)
    np.testing.assert_array_equal(again.critic.predict(loop.pool[:4]), loop.critic.predict(loop.pool[:4]))
    for one, two in zip(again.gan.generator.parameters(), loop.gan.generator.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_made_levels_carry_their_proof(loop_of):
    loop = loop_of()
    loop.gan.export(loop.folder / "generator.onnx", latest=True)
    info = {"generator": loop.gan.describe(), "count_distribution": loop.gan.distribution}
    made = make(loop.folder, loop.game, info, 128, 0.5, 3)
    assert np.isnan(made.asked[:64]).all()
    low, high = loop.game.measures.difficulty_range
    assert ((made.asked[64:] >= low - 0.2) & (made.asked[64:] <= high + 0.2)).all()
    good = np.flatnonzero(made.certified)
    assert len(good)
    from levelforge.solver import verify_solution

    level = made.level(loop.game, int(good[0]))
    assert isinstance(level, Level)
    assert verify_solution(level, level.solution)


def test_played_levels_cover_the_range_of_predictions():
    predicted = np.concatenate([np.full(90, 0.05), np.full(10, 0.85)]).astype(np.float32)
    chosen = spread_out(predicted, 20, np.random.default_rng(0))
    assert len(chosen) == 20
    assert (predicted[chosen] > 0.5).sum() == 10
