"""The GAN: what the networks promise, that gradients flow where choices are made, and exact resuming."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime as ort  # noqa: E402

from levelforge import decode  # noqa: E402
from levelforge.errors import LevelForgeError  # noqa: E402
from levelforge.game import Game, Role, Tiles, load_game  # noqa: E402
from levelforge.level import parse_text  # noqa: E402
from levelforge.terrain import imbalance, shares  # noqa: E402
from levelforge.training.augment import Augmentation, augment  # noqa: E402
from levelforge.training.balance import FARTHEST, Balance  # noqa: E402
from levelforge.training.gan import GanConfig, GanTrainer  # noqa: E402
from levelforge.training.gan_data import cut_windows  # noqa: E402
from levelforge.training.gan_judge import Judge  # noqa: E402
from levelforge.training.gan_nets import Discriminator, Generator, count_parameters  # noqa: E402
from levelforge.training.placing import one_hot, share_out  # noqa: E402
from levelforge.training.reach import DECAY, WALL, WEIGHT, Senses  # noqa: E402

GAMES = ("dungeon", "platformer")
TINY = GanConfig(
    batch=4,
    steps=40,
    warm_up=1,
    ramp=2,
    judge_every=3,
    judge_levels=4,
    penalty_every=2,
    precision="float32",
    generator_channels=(16, 16, 16),
    discriminator_channels=(16, 16, 16),
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def corpus(game: Game, most: int = 6) -> list[Tiles]:
    assert game.folder is not None
    files = sorted((game.folder / "corpus" / "train").glob("*.txt"))[:: max(1, 80 // most)]
    return [parse_text(f.read_text(), game) for f in files]


def torched(inputs: decode.Arrays) -> list[torch.Tensor]:
    return [torch.from_numpy(value) for value in inputs.values()]


@pytest.mark.parametrize("name", GAMES)
def test_both_networks_are_small(name: str) -> None:
    game = load_game(name)
    config = GanConfig()
    generator = Generator(game, config.generator_channels)
    discriminator = Discriminator(
        len(game.tiles) + Senses(game).planes,
        1 + len(game.entities),
        game.header.size,
        config.discriminator_channels,
    )
    assert count_parameters(generator) < 1_000_000
    assert count_parameters(discriminator) < 1_000_000


SIZES = {"dungeon": [(16, 12), (32, 24), (33, 25), (18, 31)], "platformer": [(24, 16), (64, 16), (131, 16)]}


@pytest.mark.parametrize("name", GAMES)
def test_onnx_equals_torch_and_the_reference_and_meets_the_counts_at_any_size(name: str) -> None:
    game = load_game(name)
    trainer = GanTrainer(game, corpus(game), TINY, seed=0)
    # untrained heads hardly tell tiles apart: make them speak up
    with torch.no_grad():
        for parameter in trainer.best.parameters():
            parameter.mul_(2.0)
    session = ort.InferenceSession(trainer.export(), providers=["CPUExecutionProvider"])
    for size in SIZES[name]:
        inputs = decode.sample_inputs(game, 3, size, rng=np.random.default_rng(size[0]))
        (tiles,) = session.run(None, inputs)
        assert tiles.dtype == np.int32
        assert tiles.shape == (3, size[1], size[0])
        found = np.stack([(tiles == t.id).sum((1, 2)) for t in game.entities], axis=1)
        assert np.array_equal(found, inputs["counts"])
        with torch.no_grad():
            terrain, entities = trainer.best.scores(*torched(inputs))
        for i in range(3):
            expected = decode.place(
                game, terrain[i].numpy(), entities[i].numpy(), inputs["counts"][i].astype(int), trainer.tidy
            )
            # a near tie may fall either way between two libraries' convolutions
            assert (expected == tiles[i]).mean() > 0.999


def test_a_level_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    game = load_game("dungeon")
    torch.manual_seed(0)
    generator = Generator(game, (16, 16, 16)).eval()
    inputs = torched(decode.sample_inputs(game, 4, rng=np.random.default_rng(1)))
    with torch.no_grad():
        together = generator(*inputs)
        alone = torch.cat([generator(*[value[i : i + 1] for value in inputs]) for i in range(4)])
    assert (together == alone).float().mean() > 0.999


@pytest.mark.parametrize("name", GAMES)
def test_gradients_reach_both_heads_and_the_latent_through_hard_choices(name: str) -> None:
    game = load_game(name)
    generator = Generator(game, (16, 16, 16)).train()
    inputs = decode.sample_inputs(game, 4, rng=np.random.default_rng(1))
    latent, condition, counts, noise = torched(inputs)
    latent.requires_grad_(requires_grad=True)
    planes = generator.decode(latent, condition, counts, noise).planes
    hard = planes.detach()
    assert torch.allclose(hard, hard.round(), atol=1e-5)
    assert torch.allclose(hard.sum(1), torch.ones_like(hard[:, 0]), atol=1e-5)
    (planes * torch.randn_like(planes)).sum().backward()
    for head in (generator.terrain, generator.entities):
        assert head.weight.grad is not None
        assert head.weight.grad.abs().sum() > 0
    assert latent.grad is not None
    assert latent.grad.abs().sum() > 0


def test_shares_add_up_to_the_counts_and_gains_are_losses_elsewhere() -> None:
    scores = (torch.randn(2, 3, 6, 7) * 4).requires_grad_()
    counts = torch.tensor([[0.0, 1.0, 5.0], [2.0, 9.0, 1.0]])
    shares = share_out(scores, counts)
    assert torch.allclose(shares.sum((2, 3)), counts, atol=0.05)
    assert (shares <= 1).all()
    shares[0, 2, 3, 3].backward()
    assert scores.grad is not None
    assert scores.grad[0, 2, 3, 3] > 0
    assert abs(float(scores.grad.sum())) < 1e-4


@pytest.mark.parametrize("loss", ["r3gan", "wgan-gp"])
@pytest.mark.parametrize("name", GAMES)
def test_both_losses_train(name: str, loss: str) -> None:
    game = load_game(name)
    trainer = GanTrainer(game, corpus(game), replace(TINY, loss=loss), seed=3)
    before = [p.detach().clone() for p in trainer.generator.parameters()]
    for _ in range(3):
        trainer.step()
    assert all(np.isfinite(v) for v in trainer.metrics.values())
    changed = [not torch.equal(a, b) for a, b in zip(before, trainer.generator.parameters(), strict=True)]
    assert all(changed)
    assert {"terrain", "places", "kl", "loss_d", "loss_g"} <= trainer.metrics.keys()
    assert {"beatable", "style", "novelty", "quality"} <= trainer.judged.keys()


def test_the_warm_start_learns_to_reconstruct_and_leaves_the_discriminator_alone() -> None:
    game = load_game("platformer")
    trainer = GanTrainer(game, corpus(game), replace(TINY, warm_up=40, judge_every=100), seed=3)
    judge = [p.detach().clone() for p in trainer.discriminator.parameters()]
    trainer.step()
    first = trainer.metrics["terrain"]
    for _ in range(25):
        trainer.step()
    assert trainer.metrics["terrain"] < 0.7 * first
    assert "loss_d" not in trainer.metrics
    assert all(torch.equal(a, b) for a, b in zip(judge, trainer.discriminator.parameters(), strict=True))


def test_a_clock_that_is_ahead_of_the_steps_ends_the_warm_up_and_lowers_the_rate() -> None:
    game = load_game("dungeon")
    trainer = GanTrainer(game, corpus(game), replace(TINY, warm_up=10, judge_every=100), seed=3)
    over = 0.0
    trainer.progress = lambda: over
    trainer.step()
    assert "loss_d" not in trainer.metrics
    assert trainer.optimiser_g.param_groups[0]["lr"] == TINY.learning_rate
    over = TINY.warm_up_share - 0.01
    trainer.step()
    assert "loss_d" not in trainer.metrics
    over = TINY.warm_up_share  # 10 of 40 steps
    trainer.step()
    assert "loss_d" in trainer.metrics
    assert trainer.optimiser_g.param_groups[0]["lr"] == pytest.approx((1 - 0.9 / 4) * TINY.learning_rate)
    over = 1.0
    trainer.step()
    assert trainer.optimiser_g.param_groups[0]["lr"] == pytest.approx(0.1 * TINY.learning_rate)


def test_a_clock_that_is_behind_the_steps_changes_nothing() -> None:
    game = load_game("dungeon")
    plain, timed = (GanTrainer(game, corpus(game), TINY, seed=4) for _ in range(2))
    timed.progress = lambda: 0.0
    for _ in range(3):
        plain.step()
        timed.step()
    for a, b in zip(plain.generator.parameters(), timed.generator.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(LevelForgeError, match="warm_up_share 1 must lie between 0 and 1"):
        GanConfig(warm_up_share=1.0)


def test_an_unknown_loss_is_refused() -> None:
    game = load_game("dungeon")
    with pytest.raises(LevelForgeError, match="unknown loss 'hinge'"):
        GanTrainer(game, corpus(game), replace(TINY, loss="hinge"), seed=0)  # type: ignore[arg-type]


def test_a_resumed_run_takes_the_very_steps_it_would_have_taken() -> None:
    game = load_game("dungeon")
    levels = corpus(game)
    whole = GanTrainer(game, levels, TINY, seed=4)
    for _ in range(4):
        whole.step()
    saved = io.BytesIO()
    torch.save(whole.state_dict(), saved)
    for _ in range(4):
        whole.step()
    saved.seek(0)
    again = GanTrainer(game, levels, TINY, seed=99)
    again.load_state_dict(torch.load(saved, weights_only=True))
    for _ in range(4):
        again.step()
    first, second = whole.state_dict(), again.state_dict()
    for network in ("generator", "discriminator", "encoder", "average", "best"):
        for key, value in first[network].items():
            assert torch.equal(value, second[network][key]), (network, key)
    assert first["judged"] == second["judged"]
    assert np.array_equal(whole.sample(3), again.sample(3))


def test_a_checkpoint_of_another_game_is_refused() -> None:
    game = load_game("dungeon")
    trainer = GanTrainer(game, corpus(game), TINY, seed=0)
    with pytest.raises(LevelForgeError, match="not of a GAN for this 'dungeon'"):
        trainer.load_state_dict({**trainer.state_dict(), "game_digest": "other"})


def test_training_stops_when_judgements_no_longer_improve() -> None:
    game = load_game("dungeon")
    trainer = GanTrainer(game, corpus(game), replace(TINY, patience=2), seed=0)
    assert not trainer.finished
    trainer.steps = 7
    assert trainer.finished


def test_windows_are_beatable_and_of_one_size() -> None:
    game = load_game("platformer")
    windows = cut_windows(game, corpus(game))
    assert windows.size == game.training.window
    assert windows.weight.sum() == pytest.approx(1)
    assert windows.condition.max() <= 1
    for histogram in windows.distribution(game).values():
        assert sum(histogram) == pytest.approx(1)
    with pytest.raises(LevelForgeError, match="beatable window of 64x16"):
        cut_windows(game, [np.zeros((16, 64), np.uint8)])


def test_reach_costs_walls_and_doors_and_its_gradient_opens_walls() -> None:
    game = load_game("dungeon")
    tiles = parse_text("#######\n#@.#..#\n#.D####\n##.....\n#######\n", game)
    planes = torch.nn.functional.one_hot(torch.from_numpy(tiles.astype(np.int64)), len(game.tiles))
    planes = planes.permute(2, 0, 1)[None].float().requires_grad_()
    reach = Senses(game)(planes)[0, -1]
    plane = reach.detach() / WEIGHT
    assert plane[1, 2] == pytest.approx(1)
    assert plane[2, 2] == pytest.approx(np.exp(-DECAY))
    assert plane[1, 4] == pytest.approx(np.exp(-DECAY * WALL))
    assert plane[0, 0] == 0
    reach[1, 5].backward()
    assert planes.grad is not None
    wall = planes.grad[0, game.tile("wall").id]
    assert wall[1, 3] == pytest.approx(-WEIGHT * (1 - np.exp(-DECAY * WALL)))
    assert (wall != 0).sum() == 1


def test_what_is_walled_off_is_counted_and_only_the_wall_in_the_way_is_blamed() -> None:
    game = load_game("dungeon")
    senses = Senses(game)

    def look(text: str) -> tuple[torch.Tensor, torch.Tensor]:
        tiles = torch.from_numpy(parse_text(text, game).astype(np.int64))
        planes = torch.nn.functional.one_hot(tiles, len(game.tiles)).permute(2, 0, 1)[None].float()
        planes.requires_grad_()
        return planes, senses.cut_off(senses(planes))

    planes, share = look("#######\n#@.#..#\n#######\n")
    assert float(share.detach()) == pytest.approx(2 * (1 - np.exp(-DECAY * WALL)) / 21, rel=1e-4)
    share.backward()
    assert planes.grad is not None
    assert [tuple(c) for c in planes.grad[0, game.tile("wall").id].nonzero().tolist()] == [(1, 3)]
    _, whole = look("#######\n#@....#\n#######\n")
    assert float(whole.detach()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", GAMES)
def test_augmentation_keeps_tiles_whole_and_passes_gradients(name: str) -> None:
    game = load_game(name)
    planes = torch.nn.functional.one_hot(torch.randint(0, 4, (6, 16, 20)), 4).permute(0, 3, 1, 2).float()
    planes.requires_grad_()
    rng = torch.Generator().manual_seed(0)
    seen = augment(planes, game, Augmentation(1.0), rng)
    assert set(seen.unique().tolist()) <= {0.0, 1.0}
    assert (seen.sum(1) <= 1).all()
    seen.sum().backward()
    assert planes.grad is not None
    assert planes.grad.sum() == 4 * seen.detach().sum()
    assert torch.equal(augment(planes, game, Augmentation(0.0), rng), planes)


def test_the_judge_knows_the_corpus_from_noise() -> None:
    game = load_game("dungeon")
    windows = cut_windows(game, corpus(game))
    judge = Judge(game, windows.tiles)
    own = judge(windows.tiles)
    assert own["beatable"] == 1
    assert own["novelty"] == 0
    assert own["style"] < 0.01
    assert judge.novelty(windows.tiles[:, ::-1, ::-1]).max() == 0
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, windows.tiles.shape).astype(np.uint8)
    noise[:, 1, 1], noise[:, -2, -2] = (game.of_role(r)[0].id for r in (Role.START, Role.GOAL))
    other = judge(noise)
    assert other["quality"] < own["quality"]
    assert other["style"] > 0.3


@pytest.mark.parametrize("name", GAMES)
def test_repairs_tell_the_generator_which_tiles_to_swap(name: str) -> None:
    game = load_game(name)
    trainer = GanTrainer(game, corpus(game), TINY, 0)
    solid = game.solid.id
    tiles = trainer.windows.tiles[:2].copy()
    start, goal = (int(np.argwhere(tiles[1] == game.of_role(r)[0].id)[0, 1]) for r in (Role.START, Role.GOAL))
    between = (start + goal) // 2
    assert between not in (start, goal)
    tiles[1, :, between] = solid  # walls the goal off
    planes = torch.nn.functional.one_hot(torch.from_numpy(tiles.astype(np.int64)), len(game.tiles))
    planes = planes.permute(0, 3, 1, 2).float().requires_grad_(True)
    loss = trainer._unmended(planes)
    loss.backward()
    assert not planes.grad[0].any()  # beatable as it is: nothing to learn
    opened = planes.grad[1, solid] > 0
    assert opened.any()
    assert planes.grad[1].sum().abs() < 1e-5  # what one tile loses another gains
    trainer.config = replace(TINY, mend_until=0.9)
    trainer.metrics["beaten"] = 0.99  # nearly all are beatable: the discriminator alone decides
    planes.grad = None
    trainer._unmended(planes).backward()
    assert not planes.grad.any()


def test_what_is_made_too_seldom_gains_until_shares_are_those_of_the_corpus() -> None:
    game = load_game("platformer")
    trainer = GanTrainer(game, corpus(game), TINY, 0)
    balance = Balance(game, shares(game, trainer.windows.tiles, trainer.windows.weight), rate=0.1)
    before = imbalance(shares(game, trainer.sample(32, average=trainer.generator)), balance.wanted.numpy())
    rng = np.random.default_rng(0)
    for _ in range(150):
        inputs = trainer._inputs(8, rng)
        with torch.no_grad():
            made = trainer.generator.decode(*torched(inputs)).planes
        balance(trainer.generator, made)
    after = imbalance(shares(game, trainer.sample(32, average=trainer.generator)), balance.wanted.numpy())
    assert after < before / 2
    lean = trainer.generator.lean
    assert 0 < lean.abs().max() <= FARTHEST


def test_the_reconstruction_is_not_asked_to_undo_the_balance() -> None:
    game = load_game("platformer")
    trainer = GanTrainer(game, corpus(game), TINY, 0)
    real = one_hot(trainer.windows.tiles[:2], len(game.tiles))
    condition = torch.from_numpy(trainer.windows.condition[:2])

    def loss() -> float:
        dice = torch.Generator().manual_seed(0)
        found = trainer.reconstruction(trainer.encoder, trainer.generator, real, condition, 1.0, dice)
        return float(found["terrain"].detach())

    before = loss()
    nothing_but_sky = torch.zeros(1, len(game.tiles), 16, 64)
    nothing_but_sky[:, game.empty.id] = 1
    learnt = trainer.generator.terrain.bias.detach().clone()
    trainer.balance(trainer.generator, nothing_but_sky)
    moved = trainer.generator.terrain.bias.detach() - learnt
    rare = {t.name for t, m in zip(game.terrain, moved, strict=True) if m > 0}
    assert rare == {"brick", "platform", "ladder", "spikes"}
    assert not moved[game.ground[[game.empty.id, game.solid.id]]].any()
    assert loss() == pytest.approx(before, rel=1e-5)


def test_a_balance_of_rate_zero_leaves_the_generator_alone() -> None:
    game = load_game("platformer")
    trainer = GanTrainer(game, corpus(game), replace(TINY, balance=0.0), 0)
    for _ in range(3):
        trainer.step()
    assert not trainer.generator.lean.any()


@pytest.mark.parametrize("asked", [0.0, 1.0])
def test_levels_made_for_a_difficulty_are_not_held_to_the_shares(asked: float) -> None:
    game = load_game("platformer")
    trainer = GanTrainer(game, corpus(game), replace(TINY, asked=asked), 0)
    trainer.steering = lambda made, *_: (made.sum() * 0, {})  # type: ignore[assignment]
    for _ in range(3):
        trainer.step()
    assert bool(trainer.generator.lean.any()) == (asked == 0)


def test_imbalance_counts_factors_of_two_over_the_terrain_that_is_wanted() -> None:
    wanted = np.array([0.7, 0.3, 0.0])
    assert imbalance(wanted, wanted) == 0
    assert imbalance(np.array([0.35, 0.6, 0.05]), wanted) == pytest.approx(1.0)


def test_what_is_made_too_much_costs_and_what_is_made_too_seldom_pays() -> None:
    game = load_game("platformer")
    balance = Balance(game, np.array([0.60, 0.34, 0.04, 0.01, 0.005, 0.005]), rate=0.1)
    names = [t.name for t in game.terrain]
    balance.made = torch.tensor([0.60, 0.34, 0.04, 0.02, 0.0025, 0.005])
    planes = torch.full((2, len(game.tiles), 4, 5), 0.5, requires_grad=True)
    balance.pull(planes).backward()
    slope = {name: float(planes.grad[0, game.terrain[i].id, 0, 0]) for i, name in enumerate(names)}
    assert slope["platform"] == pytest.approx(np.log(2) / 2, rel=1e-5)
    assert slope["ladder"] == pytest.approx(-np.log(2) / 2, rel=1e-5)
    assert slope["brick"] == slope["spikes"] == slope["sky"] == 0


def test_a_game_without_rare_terrain_has_nothing_to_balance() -> None:
    game = load_game("dungeon")
    trainer = GanTrainer(game, corpus(game), TINY, 0)
    for _ in range(3):
        trainer.step()
    assert not trainer.balance.active
    assert not trainer.generator.lean.any()


def test_shares_count_an_entity_as_the_free_space_under_it() -> None:
    game = load_game("platformer")
    level = np.full((1, 4, 5), game.empty.id, np.uint8)
    level[0, 3] = game.solid.id
    level[0, 0, 0] = game.of_role(Role.START)[0].id
    found = shares(game, level)
    assert found.sum() == pytest.approx(1)
    assert found[game.ground[game.empty.id]] == pytest.approx(0.75)
