"""The Gymnasium face of the environments."""

import subprocess
import sys

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402
from gymnasium.vector import AutoresetMode  # noqa: E402

from levelforge.env import register  # noqa: E402
from levelforge.errors import LevelForgeError  # noqa: E402
from levelforge.game import bundled_games, load_game  # noqa: E402
from levelforge.level import parse_text  # noqa: E402

register()


@pytest.mark.parametrize(
    "lines", ["import gymnasium, levelforge", "import levelforge.env, gymnasium; levelforge.env.register()"]
)
def test_importing_levelforge_registers_its_environments_and_loads_nothing_heavy(lines):
    script = f"""{lines}; import sys; assert 'numba' not in sys.modules
for name in ("dungeon", "platformer"): gymnasium.spec(f"levelforge/{{name}}-v0")"""
    subprocess.run([sys.executable, "-c", script], check=True)


CORRIDOR = {
    "dungeon": "########\n#@...$>#\n########",
    "platformer": "........\n@....o>.\n########",
}
RIGHT = {"dungeon": 3, "platformer": 2}


def corridor(name):
    return parse_text(CORRIDOR[name], load_game(name))


@pytest.mark.parametrize("name", bundled_games())
def test_gymnasiums_own_checker_is_content(name):
    env = gymnasium.make(f"levelforge/{name}-v0", render_mode="ansi")
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("name", CORRIDOR)
def test_walking_to_the_goal_ends_the_episode_with_a_win(name):
    env = gymnasium.make(f"levelforge/{name}-v0", levels=corridor(name))
    env.reset(seed=1)
    rewards, ended = [], False
    while not ended:
        _, reward, ended, truncated, info = env.step(RIGHT[name])
        rewards.append(reward)
        assert not truncated
    assert info["won"]
    assert info["collected"] == 1
    assert rewards[-1] > 0.9
    assert all(reward < 0 for reward in rewards[:-1])


def test_the_same_seed_draws_the_same_levels():
    env = gymnasium.make("levelforge/dungeon-v0")
    first = [env.reset(seed=5)[1]["level"]] + [env.reset()[1]["level"] for _ in range(4)]
    again = [env.reset(seed=5)[1]["level"]] + [env.reset()[1]["level"] for _ in range(4)]
    assert first == again
    assert len(set(first)) > 1


def test_a_level_can_be_picked_and_a_missing_one_is_refused():
    env = gymnasium.make("levelforge/dungeon-v0")
    assert env.reset(options={"level": 3})[1]["level"] == 3
    with pytest.raises(LevelForgeError, match="no level 99999"):
        env.reset(options={"level": 99999})


@pytest.mark.parametrize("name", CORRIDOR)
def test_pictures_show_the_player_where_it_is(name):
    env = gymnasium.make(f"levelforge/{name}-v0", levels=corridor(name), render_mode="ansi")
    env.reset()
    env.step(RIGHT[name])
    assert env.render().splitlines()[1].index("@") == (2 if name == "dungeon" else 1)


@pytest.mark.parametrize("name", CORRIDOR)
def test_make_vec_uses_the_batched_environment_and_resets_in_the_same_step(name):
    env = gymnasium.make_vec(f"levelforge/{name}-v0", num_envs=3, levels=corridor(name))
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    start, _ = env.reset(seed=2)
    assert env.observation_space.contains(start)
    for _ in range(20):
        obs, _, terminated, _, info = env.step(np.full(3, RIGHT[name]))
        if terminated.any():
            break
    assert terminated.all()
    assert info["_final_obs"].all()
    np.testing.assert_array_equal(obs["map"], start["map"])
    assert (info["final_obs"]["map"] != start["map"]).any()
    env.close()
