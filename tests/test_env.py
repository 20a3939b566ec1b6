"""The batched environment: what is observed, rewarded and promised."""

import numpy as np
import pytest
import reference_observation as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_rules import World
from strategies import games, make_game, random_tiles, tile_grids

from levelforge.env import CAUSE_FALL, CAUSE_HAZARD, CAUSE_PATROL, BatchEnv, LevelPool
from levelforge.errors import LevelForgeError
from levelforge.game import Role, load_game
from levelforge.level import parse_text
from levelforge.playtest.observation import VIEW_SIZE
from levelforge.rules import compile_levels
from levelforge.solver import distance_table

RIGHT = {"topdown": 3, "platformer": 2}
WAIT = {"topdown": 4, "platformer": 0}


def many_levels(game, count, seed=0):
    rng = np.random.default_rng(seed)
    return [random_tiles(game, int(rng.integers(3, 20)), int(rng.integers(3, 24)), rng) for _ in range(count)]


def copied(obs):
    return {name: array.copy() for name, array in obs.items()}


# --- what is observed ----------------------------------------------------------------------------


def walk(data, game, tiles, **options):
    """The environment and the reference world side by side, by random actions, until the game is over.

    Yields at the start (with no info) and after every step: world, its visits by cell, whether the player moved, the
    observation, and the step's info.
    """
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    env = BatchEnv(game, tiles, 1, seed=0, autoreset=False, **options)
    world = World(game, tiles)
    world.collected, visits = set(), {world.start: 1}
    yield world, visits, False, env.reset(), None
    for action in np.repeat(rng.integers(0, len(game.actions), 8), 4):
        before = world.place
        world.step(int(action))
        obs, _, _, _, info = env.step(np.array([action]))
        for cell in world.entered or [world.place]:
            visits[cell] = visits.get(cell, 0) + 1
            if world.role_at.get(cell) is Role.COLLECTIBLE:
                world.collected.add(cell)
        yield world, visits, world.place != before, obs, info
        if world.outcome != "running":
            return


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_observations_are_those_recomputed_from_scratch(data):
    game = data.draw(games())
    tiles = data.draw(tile_grids(game, most=20))
    limit = game.time_limit(*tiles.shape[::-1])
    for world, visits, moved, obs, _ in walk(data, game, tiles):
        seen = world.patrols(world.t)
        if len(set(seen)) == len(seen):  # of two patrols in one cell either may be drawn
            expected = reference.view(world, visits, *VIEW_SIZE[game.movement])
            np.testing.assert_array_equal(obs["view"][0], expected)
        np.testing.assert_array_equal(obs["map"][0], reference.overview(world, visits))
        np.testing.assert_allclose(obs["scalars"][0], reference.scalars(world, limit, moved), atol=1e-6)


def test_scalars_stay_in_their_range():
    game = make_game("topdown")
    env = BatchEnv(game, many_levels(game, 5), 8, seed=0, time_limit=30)
    rng = np.random.default_rng(0)
    for _ in range(100):
        obs, *_ = env.step(rng.integers(0, 5, 8))
        assert np.abs(obs["scalars"]).max() <= 1
        assert obs["view"][:, 0].max() < 18


# --- reproducible ------------------------------------------------------------------------------


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_the_same_seed_plays_the_same(movement):
    game = make_game(movement)
    levels = many_levels(game, 6)
    runs = []
    for _ in range(2):
        env = BatchEnv(game, levels, 5, seed=4, epsilon=0.3, time_limit=20)
        rng = np.random.default_rng(1)
        log = [env.reset(4)["view"].copy()]
        for _ in range(60):
            obs, reward, _, _, info = env.step(rng.integers(0, len(game.actions), 5))
            log += [obs["view"].copy(), obs["map"].copy(), reward, info.shaping.copy(), info.action.copy()]
        runs.append(log)
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_an_environment_is_the_same_alone_and_in_a_batch(movement):
    game = make_game(movement)
    levels = LevelPool(game, many_levels(game, 6))
    n, seeds = 4, np.arange(10, 14, dtype=np.uint64)
    together = BatchEnv(game, levels, n, seed=0, epsilon=0.2, time_limit=25)
    alone = [BatchEnv(game, levels, 1, seed=9, epsilon=0.2, time_limit=25) for _ in range(n)]
    together.restart(np.arange(n), seeds=seeds)
    for i, env in enumerate(alone):
        env.restart(np.array([0]), seeds=seeds[i : i + 1])
    rng = np.random.default_rng(3)
    for _ in range(80):
        actions = rng.integers(0, len(game.actions), n)
        obs, reward, terminated, truncated, info = together.step(actions)
        for i, env in enumerate(alone):
            one, reward_1, terminated_1, truncated_1, info_1 = env.step(actions[i : i + 1])
            for name in obs:
                np.testing.assert_array_equal(obs[name][i], one[name][0])
            assert (reward[i], terminated[i], truncated[i]) == (reward_1[0], terminated_1[0], truncated_1[0])
            np.testing.assert_array_equal(info.rewards[i], info_1.rewards[0])
            assert info.shaping[i] == info_1.shaping[0]


def test_action_noise_presses_something_else_as_often_as_told():
    game = make_game("topdown")
    env = BatchEnv(game, many_levels(game, 2), 2, seed=0, epsilon=np.array([0.0, 0.25]))
    pressed = np.array([env.step(np.full(2, 4))[4].action for _ in range(4000)])
    assert (pressed[:, 0] == 4).all()
    shares = np.bincount(pressed[:, 1], minlength=5) / 4000
    np.testing.assert_allclose(shares, [0.0625] * 4 + [0.75], atol=0.03)


def test_noise_says_beforehand_where_a_choice_has_no_say():
    game = make_game("topdown")
    levels, noise = many_levels(game, 2), np.array([0.0, 0.25, 0.9])
    heeded, careless = (BatchEnv(game, levels, 3, seed=0, epsilon=noise, time_limit=20) for _ in range(2))
    mattered, pressed = [], []
    for _ in range(4000):
        mattered.append(careless.matters())
        pressed.append(heeded.step(np.full(3, 4))[4].action)
        np.testing.assert_array_equal(careless.step(np.where(mattered[-1], 4, 0))[4].action, pressed[-1])
    # 5 actions: pressing any at a chance of 0.3125 is pressing another at 0.25; 0.9 is more than chance can do
    np.testing.assert_allclose(np.mean(mattered, axis=0), [1.0, 1 - 0.3125, 1.0], atol=0.03)
    np.testing.assert_allclose(np.mean(np.equal(pressed, 4), axis=0), [1.0, 0.75, 0.1], atol=0.03)


def test_levels_are_drawn_by_weight_and_a_new_pool_waits_for_the_next_episode():
    game = make_game("topdown")
    first, second = many_levels(game, 3, seed=1), many_levels(game, 2, seed=2)
    env = BatchEnv(game, first, 400, seed=0, weights=[0, 1, 3], time_limit=1)
    drawn = np.bincount(env.state["level"], minlength=3)
    assert drawn[0] == 0
    assert 0.65 < drawn[2] / 400 < 0.85
    env.set_levels(second)
    assert env.tiles(0).shape in {t.shape for t in first}
    env.step(np.full(400, 4))
    assert env.tiles(0).shape in {t.shape for t in second}


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_winning_terminates_and_running_out_of_time_truncates(movement):
    game = make_game(movement)
    tiles = parse_text("......\n@...>.\n######", game)
    env = BatchEnv(game, tiles, 2, seed=0, time_limit=4)
    actions = np.array([RIGHT[movement], WAIT[movement]])
    flags = [copied_flags(env.step(actions)) for _ in range(4)]
    assert flags[:3] == [([False, False], [False, False])] * 3
    assert flags[3] == ([True, False], [False, True])


def copied_flags(result):
    return result[2].tolist(), result[3].tolist()


def test_autoreset_returns_the_next_start_and_keeps_the_last_observation():
    game = make_game("topdown")
    env = BatchEnv(game, parse_text("@..>", game), 2, seed=0, time_limit=3)
    start = copied(env.reset())
    for _ in range(3):
        obs, _, _, _, info = env.step(np.array([3, 4]))
    assert info.done.tolist() == [0, 1]
    for name in obs:
        np.testing.assert_array_equal(obs[name], start[name])
    assert info.episode["t"].tolist() == [3, 3]
    assert info.episode["x"].tolist() == [3, 0]
    assert info.final["scalars"][0, 14] == 0  # on the goal
    assert info.final["scalars"][1, 2] == 0  # no time left


def test_without_autoreset_a_finished_environment_stands_still():
    game = make_game("topdown")
    env = BatchEnv(game, parse_text("@>", game), 1, seed=0, autoreset=False)
    assert env.step(np.array([3]))[2][0]
    frozen = copied(env.observation)
    obs, reward, terminated, truncated, info = env.step(np.array([2]))
    assert (reward[0], terminated[0], truncated[0], info.done.size) == (0, False, False, 0)
    np.testing.assert_array_equal(obs["view"], frozen["view"])


@pytest.mark.parametrize(
    ("movement", "room", "action", "cause"),
    [
        ("topdown", "@^.>", 3, CAUSE_HAZARD),
        ("topdown", "@w#>", 3, CAUSE_PATROL),
        ("platformer", "@^.>\n####", 2, CAUSE_HAZARD),
        ("platformer", "@w#>\n####", 2, CAUSE_PATROL),
        ("platformer", "@..>\n#..#", 2, CAUSE_FALL),
    ],
)
@pytest.mark.parametrize("harm", ["hurt", "kill"])
def test_the_cause_of_a_hit_is_known(movement, room, action, cause, harm):
    game = make_game(movement, hit_points=2, hazard=harm, enemy=harm, fall_out=harm)
    env = BatchEnv(game, parse_text(room, game), 1, seed=0, autoreset=False)
    for _ in range(6):
        env.step(np.array([action]))
        if env.state[0]["damage"]:
            break
    assert env.state[0]["cause"] == cause
    assert bool(env.state[0]["over"]) == (harm == "kill")


# --- rewards -------------------------------------------------------------------------------------


def test_each_persona_is_paid_for_its_own():
    game = make_game("topdown", hit_points=3)
    env = BatchEnv(game, parse_text("@o^>", game), 1, seed=0, autoreset=False)
    steps = np.array([env.step(np.array([3]))[4].rewards[0].copy() for _ in range(3)])
    expected = [[-0.001, 0.02, 0.2, 0], [-0.001, 0.02, 0, -0.3], [0.999, 1.02, 1, 1]]
    np.testing.assert_allclose(steps, expected, atol=1e-6)


def test_reward_mixes_the_components_by_persona():
    game = make_game("topdown")
    env = BatchEnv(game, parse_text("@o.>", game), 2, seed=0, persona=[[0, 0, 1, 0], [0.5, 0.5, 0, 0]])
    reward = env.step(np.array([3, 3]))[1]
    np.testing.assert_allclose(reward, [0.2, 0.5 * -0.001 + 0.5 * 0.02], atol=1e-6)


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_shaping_is_the_discounted_change_of_the_distance(movement):
    game = make_game(movement, hit_points=15)
    gamma, scale = 0.9, 0.1
    for seed in range(5):
        tiles = random_tiles(game, 10, 12, np.random.default_rng(seed))
        env = BatchEnv(game, tiles, 1, seed=0, gamma=gamma, scale=scale, autoreset=False)
        table = distance_table(compile_levels(tiles[None], game), 0)
        far = table.max(initial=0) + 16
        rng = np.random.default_rng(seed)
        old = potential(env.state[0], table, far, scale)
        for _ in range(100):
            info = env.step(rng.integers(0, len(game.actions), 1))[4]
            outcome = env.state[0]["outcome"]
            if outcome == 2:
                assert info.shaping[0] == 0
                break
            new = 0.0 if outcome == 1 else potential(env.state[0], table, far, scale)
            assert info.shaping[0] == pytest.approx(gamma * new - old, abs=1e-5)
            old = new
            if outcome:
                break


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_step_nearer_to_what_a_persona_seeks_is_a_lure(data):
    game = data.draw(games())
    tiles = data.draw(tile_grids(game, most=20))

    def ways(world, visits):
        sought = reference.sought(world, visits)
        steps = {k: reference.steps_to(world, cells, world.keys > 0) for k, cells in sought.items()}
        locks = [c for c in world.cells if world.role(c) in (Role.KEY, Role.DOOR)]
        return sought, locks, {k: min(24, s.get(reference.inside(world), 0)) for k, s in steps.items()}

    before = None
    for world, visits, _, _, info in walk(data, game, tiles, lure=0.1, shaping=False):
        now = ways(world, visits)
        if world.outcome != "running":
            np.testing.assert_array_equal(info.lures[0], 0)
        elif info is not None:
            for persona in (1, 2):
                found = now[0][persona] != before[0][persona] or now[1] != before[1]
                nearer = 0 if found else before[2][persona] - now[2][persona]
                assert info.lures[0, persona] == pytest.approx(0.1 * nearer, abs=1e-6)
            assert not info.lures[0, [0, 3]].any()
        before = now


def test_nobody_is_lured_unless_asked_for():
    game = make_game("topdown")
    env = BatchEnv(game, parse_text("@.o.>", game), 1, seed=0, autoreset=False)
    assert not any(env.step(np.array([3]))[4].lures.any() for _ in range(4))


def potential(state, table, far, scale):
    bits, cell = int(state["taken"]) & (table.shape[0] - 1), state["y"] * state["width"] + state["x"]
    distance = table[bits, state["jump"], cell]
    return -scale * (distance if distance >= 0 else far)


# --- bad input -----------------------------------------------------------------------------------


def test_faults_are_named():
    game = load_game("dungeon")
    good = parse_text("@>", game)
    with pytest.raises(LevelForgeError, match="no levels"):
        BatchEnv(game, [], 1, seed=0)
    with pytest.raises(LevelForgeError, match="level 1 of the pool has 0 starts"):
        BatchEnv(game, [good, parse_text(".>", game)], 1, seed=0)
    with pytest.raises(LevelForgeError, match="weights must be 1 numbers"):
        BatchEnv(game, good, 1, seed=0, weights=[1, 2])
    with pytest.raises(LevelForgeError, match="from 0 to 1"):
        BatchEnv(game, good, 1, seed=0, epsilon=1.5)
    with pytest.raises(LevelForgeError, match="n_envs"):
        BatchEnv(game, good, 0, seed=0)


def test_running_episodes_can_be_saved_and_gone_on_with():
    game = make_game("topdown")
    levels = many_levels(game, 4)
    env, other = (BatchEnv(game, levels, 3, seed=s, epsilon=0.2, lure=0.1) for s in (1, 2))
    rng = np.random.default_rng(0)
    for _ in range(15):
        env.step(rng.integers(0, 5, 3))
    other.load_state_dict(env.state_dict())
    for _ in range(40):
        actions = rng.integers(0, 5, 3)
        a, b = env.step(actions), other.step(actions)
        for name in a[0]:
            np.testing.assert_array_equal(a[0][name], b[0][name])
        np.testing.assert_array_equal(a[4].shaping, b[4].shaping)
        np.testing.assert_array_equal(a[4].lures, b[4].lures)
