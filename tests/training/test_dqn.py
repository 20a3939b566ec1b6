from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from levelforge.corpus import load_corpus
from levelforge.env import BatchEnv
from levelforge.game import Game, Role, load_game
from levelforge.level import parse_text
from levelforge.playtest.observation import VIEW_SIZE, view_codes
from levelforge.training.dqn import DqnConfig, DqnTrainer
from levelforge.training.heldout import best_skill, outcomes
from levelforge.training.playtester_net import (
    INPUT_NAMES,
    NetConfig,
    PlaytesterNet,
    example_inputs,
    export_playtester,
    mirrored_actions,
)

TINY = DqnConfig(
    n_envs=8,
    batch_size=16,
    capacity=800,
    warm_up=80,
    target_every=4,
    reweigh_frames=160,
    eval_frames=10**9,
    total_frames=10**9,
    net=NetConfig((4, 8), (4, 4), 16, 8),
)
ROOM = """
#########
#@......#
#.......#
#......>#
#########
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dungeon() -> Game:
    return load_game("dungeon")


@pytest.fixture(scope="module")
def rooms(dungeon: Game) -> np.ndarray:
    room = parse_text(ROOM.strip(), dungeon)
    return np.stack([room, room[::-1], room[:, ::-1]])


def names_of(game: Game) -> list[str]:
    return [action.name for action in game.actions]


def trainer(game: Game, levels: np.ndarray, config: DqnConfig = TINY, seed: int = 1) -> DqnTrainer:
    return DqnTrainer(game, levels, levels[:1], config, seed)


def run(it: DqnTrainer, rounds: int) -> None:
    """So many rounds of playing, with updates in between as the trainer itself spaces them."""
    c = it.config
    for _ in range(rounds):
        it.play()
        if it.frames >= c.warm_up and it.frames % c.batch_size == 0:
            it.learn()
        if it.frames % c.reweigh_frames == 0:
            it.reweigh()


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
@pytest.mark.parametrize("facing", [False, True])
def test_onnx_and_torch_agree(name: str, facing: bool) -> None:
    game = load_game(name)
    torch.manual_seed(0)
    net = PlaytesterNet(names_of(game), VIEW_SIZE[game.movement], NetConfig(facing=facing))
    session = onnxruntime.InferenceSession(export_playtester(net, game), providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["game"] == name
    for n in (1, 3):
        inputs = example_inputs(net, n, view_codes(game))
        with torch.no_grad():
            q = net(*inputs).numpy()
        (answer,) = session.run(["q"], {k: v.numpy() for k, v in zip(INPUT_NAMES, inputs, strict=True)})
        assert answer.shape == (n, len(game.actions))
        np.testing.assert_allclose(answer, q, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_a_facing_network_plays_a_level_and_its_mirror_image_alike(name: str) -> None:
    game = load_game(name)
    assert game.folder is not None
    torch.manual_seed(0)
    net = PlaytesterNet(names_of(game), VIEW_SIZE[game.movement], NetConfig(facing=True))
    # patrols set off the same way in both
    patrols = {t.id for t in game.tiles if t.role in (Role.ENEMY_H, Role.ENEMY_V)}
    levels = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    tiles = next(t for t in levels if not np.isin(t, list(patrols)).any())
    mirror = mirrored_actions(names_of(game))
    images = [tiles, np.ascontiguousarray(tiles[:, ::-1])]
    env = BatchEnv(game, images, 2, seed=0, shaping=False, autoreset=False)
    obs = env.restart(np.arange(2), np.arange(2))
    rng = np.random.default_rng(0)
    away = np.zeros(2)
    for _ in range(200):
        if env.state["over"].any():
            break
        away += obs["scalars"][:, 16] < 0
        # bins of columns are not quite those of the columns in a mirror
        seen = {**obs, "map": obs["map"] * 0}
        with torch.no_grad():
            q = net(*(torch.from_numpy(seen[k]) for k in INPUT_NAMES))
        if obs["scalars"][0, 16]:  # with the goal straight above or below, there is nothing to face
            torch.testing.assert_close(q[0], q[1][mirror])
        action = rng.integers(len(game.actions))
        obs = env.step(np.array([action, mirror[action]]))[0]
    assert away.any()


def test_the_network_is_small_and_takes_bytes_as_well_as_floats() -> None:
    net = PlaytesterNet(names_of(load_game("platformer")), (11, 17))
    assert sum(p.numel() for p in net.parameters()) < 1_000_000
    view, far, scalars, persona = example_inputs(net)
    with torch.no_grad():
        assert torch.equal(net(view, far, scalars, persona), net(view.byte(), far.byte(), scalars, persona))


def test_targets_choose_with_one_network_and_value_with_the_other(dungeon: Game, rooms: np.ndarray) -> None:
    it = trainer(dungeon, rooms)
    with torch.no_grad():  # constant networks: Q is the advantages' bias, less its mean
        for net, advantage in ((it.net, [0.0, 5, 0, 0, 0]), (it.target, [10.0, 1, 0, 0, -11])):
            for parameter in net.parameters():
                parameter.zero_()
            net.advantage.last_bias[:] = torch.tensor(advantage)
            net.advantage.last_bias[2] *= 2  # the collector's
    following = tuple(torch.from_numpy(it.obs[part][:3]) for part in ("view", "map", "scalars"))
    reward = torch.tensor([[1.0, 0, 0, 0], [2.0, 0, 0, 0], [3.0, 0, 5, 0]])
    discount = torch.tensor([0.5, 0.0, 1.0])
    # The learner prefers action 1, which the target network values at 1, and for the collector at 2.
    expected = [[1.5, 0.5, 1, 0.5], [2, 0, 0, 0], [4, 1, 7, 1]]
    assert it.targets(following, reward, discount).tolist() == expected


@pytest.mark.parametrize("facing", [False, True])
def test_the_values_of_all_personas_are_those_of_each(dungeon: Game, facing: bool) -> None:
    torch.manual_seed(0)
    net = PlaytesterNet(names_of(dungeon), (11, 11), NetConfig(facing=facing))
    view, far, scalars, _ = example_inputs(net, 3)
    scalars[1, 16] = -1.0
    with torch.no_grad():
        every = net.heads_all(net.features_all(view, far, scalars), scalars)
        for k in range(4):
            alone = net(view, far, scalars, torch.eye(4)[[k] * 3])
            torch.testing.assert_close(every[:, k], alone)
    assert not torch.equal(every[:, 0], every[:, 1])


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_every_persona_learns_from_every_transition(dungeon: Game, rooms: np.ndarray, weight: float) -> None:
    it = trainer(dungeon, rooms, replace(TINY, persona_weight=weight, others=0.0))  # all play as the runner
    before = it.net.advantage.first.detach().clone()
    run(it, 40)
    moved = (it.net.advantage.first.detach() != before).flatten(1).any(dim=1)
    assert moved.tolist() == [True] + [weight > 0] * 3


def test_explorers_and_collectors_are_lured_and_nobody_else(dungeon: Game) -> None:
    room = parse_text(ROOM.strip().replace(".>", "$>"), dungeon)[None]
    free, lured = (trainer(dungeon, room, replace(TINY, lure=lure, epsilon_base=1.0)) for lure in (0.0, 0.1))
    for it in (free, lured):
        for _ in range(40):
            it.play()
    paid = [np.abs(a - b).max() for a, b in zip(lured.replay._reward.T, free.replay._reward.T, strict=True)]
    assert [round(float(most), 4) for most in paid] == [0, 0.1, 0.1, 0]


def test_a_restored_trainer_goes_on_bit_by_bit(dungeon: Game, rooms: np.ndarray) -> None:
    first = trainer(dungeon, rooms)
    run(first, 40)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    other = trainer(dungeon, rooms, seed=2)
    other.load_state_dict(torch.load(file, weights_only=True))
    for it in (first, other):
        run(it, 30)
    assert first.frames == other.frames
    assert first.updates == other.updates > 20
    for network in ("net", "average"):
        ours, theirs = (getattr(it, network).parameters() for it in (first, other))
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for name, array in first.obs.items():
        np.testing.assert_array_equal(array, other.obs[name])
    np.testing.assert_array_equal(first.level_win_rate, other.level_win_rate)


def test_an_update_beside_the_playing_is_the_update_in_between(dungeon: Game, rooms: np.ndarray) -> None:
    beside, between = trainer(dungeon, rooms), trainer(dungeon, rooms)
    with ThreadPoolExecutor(1) as learner:
        for _ in range(40):
            for it, where in ((beside, learner), (between, None)):
                it.play()
                if it.frames >= it.config.warm_up and it.frames % it.config.batch_size == 0:
                    it.learn(where)
        beside.state_dict()  # waits
    for a, b in zip(beside.net.parameters(), between.net.parameters(), strict=True):
        assert torch.equal(a, b)
    for name, array in beside.obs.items():
        np.testing.assert_array_equal(array, between.obs[name])


def test_what_is_judged_and_exported_is_a_running_mean(dungeon: Game, rooms: np.ndarray) -> None:
    it = trainer(dungeon, rooms, replace(TINY, ema=3.0))
    run(it, 12)
    share = 1.0
    for _ in range(40):  # the update under way is taken in by the next one
        learned, mean = ([p.clone() for p in net.parameters()] for net in (it.net, it.average))
        share = max(1 / 3, 9 / (9 + it.updates))
        it.learn()
        for average, before, new in zip(it.average.parameters(), mean, learned, strict=True):
            torch.testing.assert_close(average, before + share * (new - before))
    assert share == 1 / 3
    own = it.values(it.obs)
    np.testing.assert_array_equal(own, it._values(it.average, it.obs))
    assert not np.array_equal(own, it._values(it.net, it.obs))
    exported = onnxruntime.InferenceSession(it.export()).run(
        None, {k: v.astype(np.float32) for k, v in it.obs.items()}
    )
    np.testing.assert_allclose(exported[0], own, atol=1e-5)


def test_updates_in_bfloat16_are_about_those_in_float32(dungeon: Game, rooms: np.ndarray) -> None:
    """The heads stay in float32: what tells good actions from better ones is finer than bfloat16."""
    exact, half = (trainer(dungeon, rooms, replace(TINY, precision=p)) for p in ("float32", "bfloat16"))
    seen = tuple(torch.from_numpy(exact.obs[part]) for part in ("view", "map", "scalars"))
    with torch.no_grad():
        values = [it._q(it.net, seen) for it in (exact, half)]
    assert values[1].dtype == torch.float32
    torch.testing.assert_close(*values, atol=0.01, rtol=0)
    assert not torch.equal(*values)
    for it in (exact, half):
        run(it, 30)
    assert half.updates == exact.updates > 10
    for a, b in zip(exact.net.parameters(), half.net.parameters(), strict=True):
        assert (a - b).abs().max() < 0.02
    np.testing.assert_array_equal(
        half.values(half.obs), half._values(half.average, half.obs)
    )  # it plays in float32


def test_new_levels_may_be_of_another_size(dungeon: Game, rooms: np.ndarray) -> None:
    it = trainer(dungeon, rooms)
    run(it, 12)
    it.set_levels([np.pad(rooms[0], ((0, 3), (0, 6)), constant_values=dungeon.solid.id)])
    run(it, 30)
    assert len(it.level_win_rate) == 1


def test_advance_counts_and_stops(dungeon: Game, rooms: np.ndarray) -> None:
    it = trainer(dungeon, rooms, replace(TINY, total_frames=480, eval_frames=400, eval_episodes=1))
    metrics = it.advance(60.0)
    assert it.finished
    assert metrics["frames"] == 480
    assert it.updates == (480 - 80) // 16
    assert set(it.win_rate) == {"0", "0.05", "0.1", "0.2", "0.35"}
    assert metrics["heldout_best"] == best_skill(it.win_rate)[1]
    assert it.advance(1.0)["frames"] == 480


def test_outcomes_of_a_player_who_knows_the_way(dungeon: Game, rooms: np.ndarray) -> None:
    def towards_the_goal(obs: dict[str, np.ndarray]) -> np.ndarray:
        dy, dx = obs["scalars"][:, 15], obs["scalars"][:, 16]
        return np.eye(5, dtype=np.float32)[np.where(dy != 0, np.where(dy < 0, 0, 1), np.where(dx < 0, 2, 3))]

    walled = parse_text("#########\n#@..#..>#\n#########", dungeon)
    rates = outcomes(towards_the_goal, dungeon, [*rooms, walled], episodes=2)
    for won in rates.values():
        assert won.tolist() == [1, 1, 1, 0]


def test_a_small_room_is_learned(dungeon: Game, rooms: np.ndarray) -> None:
    config = replace(
        TINY, n_envs=16, batch_size=64, warm_up=400, learning_rate=2e-3, target_every=20, epsilon_base=0.5
    )
    it = trainer(dungeon, rooms, config, seed=4)  # of six seeds four learn it in so few frames
    for _ in range(6):
        it.config = replace(config, total_frames=it.frames + 2_000)
        it.advance(60.0)
        if best_skill(it.evaluate())[1] == 1.0 and it.win_rate["0"] == 1.0:
            break
    assert it.win_rate["0"] == 1.0
