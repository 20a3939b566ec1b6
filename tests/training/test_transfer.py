"""Networks that start from a pack: what has a counterpart is copied exactly, the rest is new and said to be."""

import json
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch.nn import functional as F
from training.fake_trainers import SETTINGS, FakeMakers

from levelforge import decode
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.level import parse_text
from levelforge.pack import CRITIC, GENERATOR, INFO, PLAYTESTER, load_pack, pack_hash, read_pack, write_pack
from levelforge.playtest.observation import VIEW_SIZE, view_codes
from levelforge.training import phases, transfer
from levelforge.training.critic import CriticConfig, CriticTrainer
from levelforge.training.dqn import DqnConfig, DqnTrainer
from levelforge.training.folder import RunFolder
from levelforge.training.gan import GanConfig, GanTrainer
from levelforge.training.level_pool import TrainingGround
from levelforge.training.loop import Loop, LoopConfig
from levelforge.training.packing import pack_again, pack_run
from levelforge.training.playtester_net import (
    INPUT_NAMES,
    NetConfig,
    PlaytesterNet,
    example_inputs,
    export_playtester,
)
from levelforge.training.run import train
from levelforge.training.settings import to_json
from levelforge.training.transfer import (
    Starting,
    generator_axes,
    keep_source,
    match_tiles,
    playtester_axes,
    playtester_net,
    read_tensors,
    start_critic,
    start_generator,
    start_playtester,
)

GAN = GanConfig(
    batch=2,
    steps=3,
    warm_up=2,
    judge_every=2,
    judge_levels=2,
    precision="float32",
    generator_channels=(8, 8, 8),
    discriminator_channels=(8, 8, 8),
)
DQN = DqnConfig(
    n_envs=8,
    batch_size=16,
    capacity=800,
    warm_up=80,
    eval_frames=10**9,
    judged_levels=1,
    eval_episodes=1,
    total_frames=800,
    net=NetConfig((4, 8), (4, 4), 16, 8),
)
OTHER = {"dungeon": "platformer", "platformer": "dungeon"}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_pool(monkeypatch):
    """Networks that have learnt nothing make levels that take long to repair, and nobody here plays them."""

    def none(_export, game, _info, **_options):
        width, height = game.header.size
        return np.zeros((0, height, width), np.uint8), 0.0

    monkeypatch.setattr(phases, "make_pool", none)


def levels(game, most=4):
    files = sorted((game.folder / "corpus" / "train").glob("*.txt"))[::20][:most]
    return [parse_text(f.read_text(encoding="utf-8"), game) for f in files]


def gan(game, seed=0):
    return GanTrainer(game, levels(game), GAN, seed)


def dqn(game, seed=0, config=DQN):
    return DqnTrainer(game, levels(game), (), config, seed)


def shake(module):
    """Parameters that no initialisation gives."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    made = {}
    for name in OTHER:
        game = load_game(name)
        trainer = gan(game, seed=7)
        shake(trainer.best)
        torch.manual_seed(7)
        net = PlaytesterNet([a.name for a in game.actions], VIEW_SIZE[game.movement], DQN.net)
        shake(net)
        info = {
            "generator": trainer.describe(),
            "playtester": {"view": list(VIEW_SIZE[game.movement]), "actions": [a.name for a in game.actions]},
            "count_distribution": trainer.distribution,
        }
        folder = tmp_path_factory.mktemp("packs") / name
        made[name] = write_pack(folder, game, trainer.export(), export_playtester(net, game), info, "card")
    return made


def run_onnx(content, inputs):
    return ort.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, inputs)[0]


# --- the same game -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHER)
def test_from_its_own_game_a_generator_makes_the_levels_of_the_pack(packs, name):
    pack = packs[name]
    trainer = gan(pack.game)
    report = start_generator(trainer, pack)
    assert report.copied == report.numbers
    assert (report.partly, report.fresh) == ({}, [])
    inputs = decode.sample_inputs(pack.game, 3, rng=np.random.default_rng(0))
    theirs = run_onnx((pack.folder / GENERATOR).read_bytes(), inputs)
    assert np.array_equal(run_onnx(trainer.export(), inputs), theirs)
    for one, two in zip(trainer.generator.parameters(), trainer.average.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", OTHER)
def test_from_its_own_game_a_playtester_has_the_values_of_the_pack(packs, name):
    pack = packs[name]
    trainer = dqn(pack.game)
    assert start_playtester(trainer, pack).fresh == []
    example = [x.numpy() for x in example_inputs(trainer.net, 5, view_codes(pack.game))]
    inputs = dict(zip(INPUT_NAMES, example, strict=True))
    theirs = run_onnx((pack.folder / PLAYTESTER).read_bytes(), inputs)
    assert np.array_equal(run_onnx(trainer.export(), inputs), theirs)
    for copy in (trainer.target, trainer.actor):
        assert torch.equal(copy.trunk[0].weight, trainer.net.trunk[0].weight)


@pytest.mark.parametrize("name", OTHER)
def test_from_its_own_game_a_critic_foresees_what_the_packs_does(name):
    pack = load_pack(name)
    trainer = CriticTrainer(pack.game, CriticConfig(), 0)
    report = start_critic(trainer, pack)
    assert (report.partly, report.fresh) == ({}, [])
    tiles = np.stack([level for level in levels(pack.game) if level.shape == levels(pack.game)[0].shape])
    (theirs,) = ort.InferenceSession(pack.folder / CRITIC).run(None, {"tiles": tiles.astype(np.float32)})
    assert np.allclose(trainer.predict(tiles), theirs, atol=1e-5)


@pytest.mark.parametrize("name", OTHER)
def test_every_parameter_is_an_initialiser_of_its_own_name(packs, name):
    # the exporter could fold or rename some; then a pack would not be enough to start from
    pack = packs[name]
    assert {n for n, _ in gan(pack.game).generator.named_parameters()} <= set(
        read_tensors(pack.folder / GENERATOR)
    )
    assert {n for n, _ in dqn(pack.game).net.named_parameters()} == set(
        read_tensors(pack.folder / PLAYTESTER)
    )


# --- another game ------------------------------------------------------------------------------


def test_tiles_match_by_role_then_name_then_order():
    dungeon, platformer = load_game("dungeon"), load_game("platformer")
    here, there = match_tiles(platformer.entities, dungeon.entities)
    pairs = {
        tile.role.name: dungeon.entities[there.index(label)].role.name
        for tile, label in zip(platformer.entities, here, strict=True)
        if label in there
    }
    assert {"START", "GOAL", "COLLECTIBLE", "HEAL", "ENEMY_H"} <= pairs.keys()
    assert all(mine == theirs for mine, theirs in pairs.items())
    # both kinds of solid ground cannot come from one wall
    here, there = match_tiles(platformer.terrain, dungeon.terrain)
    assert len(set(here)) == len(here)
    assert len([label for label in here if label in there]) == len(dungeon.terrain)
    # in a game of its own each tile is itself, whatever the order
    here, there = match_tiles(dungeon.entities[::-1], dungeon.entities)
    assert here[::-1] == there


@pytest.mark.parametrize("name", OTHER)
def test_from_another_game_rows_follow_roles(packs, name):
    source, game = packs[OTHER[name]], load_game(name)
    trainer, plain = gan(game), gan(game)
    report = start_generator(trainer, source)
    tensors = read_tensors(source.folder / GENERATOR)
    theirs = {tile.role: tensors["entities.weight"][e] for e, tile in enumerate(source.game.entities)}
    for e, tile in enumerate(game.entities):
        row = trainer.generator.entities.weight[e].detach().numpy()
        fresh = plain.generator.entities.weight[e].detach().numpy()
        assert np.array_equal(row, theirs.get(tile.role, fresh))
    # the condition's columns: what is asked of a role reaches the features as it did
    column = {tile.role: tensors["styler.0.weight"][:, 9 + e] for e, tile in enumerate(source.game.entities)}
    for e, tile in enumerate(game.entities):
        if tile.role in column:
            mine = trainer.generator.styler[0].weight[:, 9 + e].detach().numpy()
            assert np.array_equal(mine, column[tile.role])
    assert np.array_equal(trainer.generator.coarse[1].first.weight.detach(), tensors["coarse.1.first.weight"])
    assert 0.9 < report.copied / report.numbers < 1.0
    missing = {tile.name for tile in game.entities if tile.role not in theirs}
    assert set(report.partly.get("entities.weight", [])) == missing


@pytest.mark.parametrize("name", OTHER)
def test_from_another_game_what_a_critic_sees_follows_tiles(name):
    source, game = load_pack(OTHER[name]), load_game(name)
    trainer, plain = CriticTrainer(game, CriticConfig(), 0), CriticTrainer(game, CriticConfig(), 0)
    report = start_critic(trainer, source)
    tensors = read_tensors(source.folder / CRITIC)
    here, there = match_tiles(game.tiles, source.game.tiles)
    for parameter, first in (("enter", 0), ("dense", 3 * 24 + 2 * 64)):
        mine, fresh = (getattr(t.net, parameter).weight.detach().numpy() for t in (trainer, plain))
        theirs = tensors[f"{parameter}.weight"]
        for i, label in enumerate(here):
            expected = theirs[:, first + there.index(label)] if label in there else fresh[:, first + i]
            assert np.array_equal(mine[:, first + i], expected)
        # what follows the tiles is what is known of the way, the same in all games
        assert np.array_equal(mine[:, first + len(here) :], theirs[:, first + len(there) :])
    assert set(report.partly["enter.weight"]) == {
        tile.name for tile, label in zip(game.tiles, here, strict=True) if label not in there
    }


@pytest.mark.parametrize("name", OTHER)
def test_from_another_game_actions_follow_names(packs, name):
    source, game = packs[OTHER[name]], load_game(name)
    trainer = dqn(game)
    report = start_playtester(trainer, source)
    tensors = read_tensors(source.folder / PLAYTESTER)
    for a, action in enumerate(game.actions):
        for b, other in enumerate(source.game.actions):
            same = np.array_equal(
                trainer.net.advantage.last[:, :, a].detach(), tensors["advantage.last"][:, :, b]
            )
            assert same == (action.name == other.name)
    assert np.array_equal(trainer.net.view[0].weight.detach(), tensors["view.0.weight"])
    # columns of the map and the scalars lie behind those of the view, whose number differs
    behind = trainer.net.trunk[0].weight[:, -24:].detach().numpy()
    assert np.array_equal(behind, tensors["trunk.0.weight"][:, -24:])
    assert report.partly["trunk.0.weight"] == ["places of the view"]
    text = "\n".join(report.lines(source))
    assert f"playtester from the {source.game.name} pack" in text
    assert "trunk.0.weight: new for places of the view" in text
    assert all(a.name in text for a in game.actions if a.name not in {b.name for b in source.game.actions})


def test_heads_that_all_personas_share_become_each_ones_own(packs, monkeypatch):
    """As in packs written before each persona had its own."""
    source = packs["dungeon"]
    tensors = dict(read_tensors(source.folder / PLAYTESTER))
    for head in ("value", "advantage"):
        for name, layer in (("first", 0), ("last", 2)):
            weight, bias = (tensors.pop(f"{head}.{name}{suffix}")[0] for suffix in ("", "_bias"))
            tensors |= {f"{head}.{layer}.weight": weight.T, f"{head}.{layer}.bias": bias[0]}
    monkeypatch.setattr(transfer, "read_tensors", lambda _: tensors)
    player = dqn(source.game)
    report = start_playtester(player, source)
    assert report.copied == report.numbers
    view, far, scalars, persona = example_inputs(player.net, 3)
    with torch.no_grad():
        hidden = player.net.features(view, far, scalars, persona)
        q = player.net(view, far, scalars, persona)
        layers = {
            h: [torch.from_numpy(tensors[f"{h}.{k}.{kind}"]) for k in (0, 2) for kind in ("weight", "bias")]
            for h in ("value", "advantage")
        }
        value, advantage = (
            F.linear(torch.relu(F.linear(hidden, w1, b1)), w2, b2) for w1, b1, w2, b2 in layers.values()
        )
    torch.testing.assert_close(q, value + advantage - advantage.mean(dim=1, keepdim=True))


def test_labels_count_what_the_networks_have():
    for name, other in OTHER.items():
        game, source = load_game(name), load_game(other)
        trainer = gan(game)
        for key, axis in generator_axes(game, source, 8).items():
            assert dict(trainer.generator.named_parameters())[key].shape[axis.axis] == len(axis.here)
            assert len(set(axis.here)) == len(axis.here)
        net = dqn(game).net
        for key, axis in playtester_axes(net, game, source).items():
            assert dict(net.named_parameters())[key].shape[axis.axis] == len(axis.here)


# --- frozen or not -----------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_trunks_stay_and_heads_learn(packs, frozen):
    game, source = load_game("dungeon"), packs["dungeon"]
    trainer = gan(game)
    report = start_generator(trainer, source, freeze=frozen)
    player = dqn(game)
    start_playtester(player, source, freeze=frozen)
    before = {
        n: p.detach().clone() for net in (trainer.generator, player.net) for n, p in net.named_parameters()
    }
    for _ in range(3):
        trainer.step()
    for _ in range(20):
        player.play()
    player.learn()
    player.learn()
    player._wait()
    after = {n: p.detach() for net in (trainer.generator, player.net) for n, p in net.named_parameters()}
    moved = {n for n in before if not torch.equal(before[n], after[n])}
    heads = {"terrain.weight", "entities.weight", "value.first", "advantage.last"}
    assert moved >= heads
    assert ("trunk.0.weight" in moved) == ("enter.weight" in moved) == (not frozen)
    assert bool(report.frozen) == frozen


def test_only_what_was_copied_is_frozen(packs):
    game, source = load_game("platformer"), packs["dungeon"]
    player = dqn(game)
    start_playtester(player, source, freeze=True)
    before = player.net.trunk[0].weight.detach().clone()
    for _ in range(20):
        player.play()
    player.learn()
    player._wait()
    moved = (player.net.trunk[0].weight.detach() != before).any(dim=0)
    assert moved.any()
    assert not moved[-24:].any()


# --- a run -------------------------------------------------------------------------------------


class Makers(FakeMakers):
    """Real trainers for the two networks that start from a pack; the loop is none of them."""

    def gan(self, game, corpus, config, seed):
        return GanTrainer(game, corpus[:4], config, seed)

    def dqn(self, game, levels, heldout, config, seed):
        return DqnTrainer(game, levels[:4], (), config, seed)


def go(out, **extra):
    given = {"game": "dungeon", "settings": replace(SETTINGS, sample_levels=2), "gan": GAN, "dqn": DQN}
    given |= {"budget": 300, "quiet": True, "makers": Makers()} | extra
    return train(given.pop("game"), out=out, **given)


def test_a_run_starts_from_a_pack_says_so_and_resumes_without_it(packs, tmp_path):
    source = packs["platformer"]
    result = go(tmp_path / "run", start=source.folder, freeze=True)
    assert result.done
    folder = RunFolder(tmp_path / "run")
    log = (folder.path / "log.txt").read_text(encoding="utf-8")
    for part in (
        "generator from the platformer pack",
        "playtester from the platformer pack",
        "frozen",
        "new for",
    ):
        assert part in log
    assert folder.config()["start"] == {"game": "platformer", "pack": source.hash, "freeze": True}
    assert read_pack(folder.path / "start").hash == source.hash
    exported = read_tensors(folder.export / GENERATOR)
    assert np.array_equal(exported["enter.weight"], read_tensors(source.folder / GENERATOR)["enter.weight"])
    assert train(out=folder.path, resume=True, budget=301, makers=Makers(), quiet=True).done
    with pytest.raises(LevelForgeError, match=r"start\.freeze changed: the run has true, now it is false"):
        train(out=folder.path, resume=True, freeze=False, quiet=True)
    with pytest.raises(LevelForgeError, match=r"start\.game changed"):
        train(out=folder.path, resume=True, start=packs["dungeon"].folder, quiet=True)


def test_a_run_that_starts_from_a_pack_has_a_network_as_wide_as_the_packs(packs, tmp_path):
    assert playtester_net(packs["platformer"]) == DQN.net
    changes = {"dqn.total_frames": "0", "dqn.warm_up": "80", "dqn.judged_levels": "1"}
    assert go(tmp_path / "run", start=packs["platformer"].folder, dqn=None, changes=changes).done
    assert RunFolder(tmp_path / "run").config()["dqn"]["net"] == to_json(DQN.net)


def test_a_run_that_starts_from_a_facing_playtester_has_one_too(packs, tmp_path):
    source = packs["platformer"]
    shape = replace(DQN.net, facing=True)
    net = PlaytesterNet([a.name for a in source.game.actions], VIEW_SIZE["platformer"], shape)
    info = {key: source.info[key] for key in ("generator", "playtester", "count_distribution")}
    models = (source.folder / GENERATOR).read_bytes(), export_playtester(net, source.game)
    assert playtester_net(write_pack(tmp_path / "pack", source.game, *models, info, "card")) == shape


def test_a_pack_tells_how_the_pack_was_made_that_it_started_from(packs, tmp_path):
    source = packs["dungeon"]
    for number in (1, 2):
        command = f"levelforge train dungeon --from {source.folder} --seed {number}"
        assert go(tmp_path / f"run{number}", start=source.folder, command=command).done
        made = pack_run(tmp_path / f"run{number}", tmp_path / f"pack{number}")
        told = made.info["training"]["start"]
        assert (told["game"], told["pack"], told["freeze"]) == ("dungeon", source.hash, False)
        assert told["training"] == source.info.get("training", {})
        source = made
    card = (source.folder / "model_card.md").read_text(encoding="utf-8")
    first, second = (
        f"levelforge train dungeon --from {name} --seed {n}" for name, n in (("dungeon", 1), ("pack1", 2))
    )
    assert f"{first}  # gave the pack {told['pack'][:12]}\n{second}\n" in card


class RealLoop(Makers):
    """Makers whose loop is real, too."""

    def loop(self, *args):
        return Loop(*args)


def started_loop(tmp_path, only=None, channels=(24, 40, 64), name="dungeon", frames=DQN.total_frames):
    """A loop of the dungeon that starts from a bundled pack, and what was logged."""
    pack, game, log = load_pack(name), load_game("dungeon"), []
    config = LoopConfig(critic=CriticConfig(channels=channels))
    pool = np.zeros((0, game.height, game.width), np.uint8)
    ground = TrainingGround(levels(game), game)
    starting = Starting(RealLoop(), pack, False, log.append, only)
    player = dqn(game, config=replace(DQN, total_frames=frames))
    made = starting.loop(game, ground, gan(game), player, pool, config, 60.0, tmp_path, 0)
    return made, "\n".join(log)


def has_the_packs_critic(loop):
    theirs = read_tensors(load_pack("dungeon").folder / CRITIC)["enter.weight"]
    return np.array_equal(loop.critic.net.enter.weight.detach().numpy(), theirs)


def test_a_loop_goes_on_with_the_packs_critic(tmp_path):
    loop, log = started_loop(tmp_path)
    assert has_the_packs_critic(loop)
    assert "critic from the dungeon pack" in log


def test_a_loop_begins_a_new_critic_where_one_network_alone_is_taken(tmp_path):
    loop, log = started_loop(tmp_path, only="playtester")
    assert not has_the_packs_critic(loop)
    assert not log


def test_a_critic_of_other_widths_does_not_end_a_run_that_has_come_to_its_loop(tmp_path):
    loop, log = started_loop(tmp_path, channels=(24, 40, 48))
    assert not has_the_packs_critic(loop)
    assert "the critic begins new" in log
    assert "to_coarse.weight has shape" in log


@pytest.mark.parametrize("only", [None, "playtester"])
def test_the_packs_playtesters_judge_where_the_playtester_does_not_learn(tmp_path, only):
    loop, log = started_loop(tmp_path, only=only, frames=0)
    assert loop.judge is not None
    assert loop.judge.hash == load_pack("dungeon").hash
    assert "levels are played by the pack's playtesters" in log


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="it learns"),
        pytest.param({"frames": 0, "only": "generator"}, id="it is not the pack's"),
        pytest.param({"frames": 0, "name": "platformer"}, id="the pack is another game's"),
    ],
)
def test_elsewhere_the_playtester_itself_judges(tmp_path, changed):
    loop, log = started_loop(tmp_path, **changed)
    assert loop.judge is None
    assert "levels are played by" not in log


def test_a_generator_that_learnt_this_corpus_goes_on_in_small_steps(tmp_path, monkeypatch):
    nothing = {name: lambda *_, **__: transfer.Report("fake") for name in transfer.STARTS}
    monkeypatch.setattr(transfer, "STARTS", nothing)  # what is copied is not the matter here

    def config(name, **extra):
        assert go(tmp_path / name, makers=FakeMakers(), gan=None, **extra).done
        found = RunFolder(tmp_path / name).config()["gan"]
        return found["warm_up"], found["reconstruction"], found["learning_rate"]

    usual = GanConfig().warm_up, GanConfig().reconstruction, GanConfig().learning_rate
    assert config("first") == usual
    pack = pack_run(tmp_path / "first", tmp_path / "pack").folder
    assert config("on", start=pack) == (0, 0.0, 1e-4)
    assert config("as-set", start=pack, changes={"gan.warm_up": "7"}) == (7, 0.0, 1e-4)
    assert config("new", start=pack, only="playtester") == usual
    few = tmp_path / "levels" / "train"
    few.mkdir(parents=True)
    for file in sorted((load_game("dungeon").folder / "corpus" / "train").glob("*.txt"))[:6]:
        (few / file.name).write_bytes(file.read_bytes())
    assert config("other-corpus", start=pack, levels=few.parent) == usual


@pytest.mark.parametrize("only", ["generator", "playtester"])
def test_one_network_alone_can_be_taken_from_a_pack(packs, tmp_path, only):
    source = packs["dungeon"]
    assert go(tmp_path / "run", start=source.folder, only=only).done
    folder = RunFolder(tmp_path / "run")
    log = (folder.path / "log.txt").read_text(encoding="utf-8")
    other = {"generator": "playtester", "playtester": "generator"}[only]
    assert f"{only} from the dungeon pack" in log
    assert f"{other} from the dungeon pack" not in log
    assert folder.config()["start"]["only"] == only
    made = pack_run(folder.path, tmp_path / "pack")
    card = (made.folder / "model_card.md").read_text(encoding="utf-8")
    assert f"| started from | the {only} of the dungeon pack `{source.hash[:12]}` |" in card
    with pytest.raises(
        LevelForgeError, match=f'start.only changed: the run has "{only}", now it is "{other}"'
    ):
        train(out=folder.path, resume=True, only=other, quiet=True)


# --- bad packs ---------------------------------------------------------------------------------


def damaged(pack, tmp_path, change):
    """A pack whose hashes are right and whose content is not what it should be."""
    copy = keep_source(pack, tmp_path / "bad")
    change(copy.folder)
    info = json.loads((copy.folder / INFO).read_text(encoding="utf-8"))
    import hashlib

    old = info["hash"]
    info["files"] = {n: hashlib.sha256((copy.folder / n).read_bytes()).hexdigest() for n in info["files"]}
    info["hash"] = pack_hash(info["files"])
    (copy.folder / INFO).write_text(json.dumps(info), encoding="utf-8")
    card = copy.folder / "model_card.md"
    card.write_text(card.read_text(encoding="utf-8").replace(old, info["hash"]), encoding="utf-8")
    return copy.folder


@pytest.mark.parametrize("name", [GENERATOR, PLAYTESTER])
def test_a_missing_file_is_named(packs, tmp_path, name):
    folder = keep_source(packs["dungeon"], tmp_path / "bad").folder
    (folder / name).unlink()
    with pytest.raises(LevelForgeError, match=f"{name}: cannot be read: No such file"):
        go(tmp_path / "run", start=folder)
    assert not (tmp_path / "run").exists()


def test_no_pack_is_named(tmp_path):
    with pytest.raises(LevelForgeError, match="nowhere"):
        go(tmp_path / "run", start=tmp_path / "nowhere")
    with pytest.raises(LevelForgeError, match="give a pack to start from with --from"):
        go(tmp_path / "run", freeze=True)
    with pytest.raises(LevelForgeError, match="only what"):
        go(tmp_path / "run", only="generator")
    with pytest.raises(LevelForgeError, match=r"unknown network 'critic' \(known: generator, playtester\)"):
        go(tmp_path / "run", start="dungeon", only="critic")


def test_a_network_of_other_widths_is_named(packs, tmp_path):
    trainer = GanTrainer(
        load_game("dungeon"), levels(load_game("dungeon")), replace(GAN, generator_channels=(8, 8, 12)), 0
    )
    with pytest.raises(LevelForgeError, match=r"to_fine.weight has shape 8x8x3x3 where 12x8x3x3 is needed"):
        start_generator(trainer, packs["dungeon"])
    player = DqnTrainer(
        load_game("dungeon"),
        levels(load_game("dungeon")),
        (),
        replace(DQN, net=NetConfig((4, 8), (4, 4), 32, 8)),
        0,
    )
    with pytest.raises(
        LevelForgeError, match=r"trunk.0.weight has shape .* is needed; .*train without --from"
    ):
        start_playtester(player, packs["dungeon"])


def test_a_file_of_other_tensors_is_named(packs, tmp_path):
    def swap(folder):
        (folder / PLAYTESTER).write_bytes((folder / GENERATOR).read_bytes())

    folder = damaged(packs["dungeon"], tmp_path, swap)
    with pytest.raises(LevelForgeError, match="has none of this network's tensors"):
        start_playtester(dqn(load_game("dungeon")), read_pack(folder))

    def garble(folder):
        (folder / GENERATOR).write_bytes(b"no model at all")

    folder = damaged(packs["dungeon"], tmp_path, garble)
    with pytest.raises(LevelForgeError, match="is no ONNX file"):
        start_generator(gan(load_game("dungeon")), read_pack(folder))


def test_a_pack_brings_the_playtesters_of_others_and_tells_how_they_were_made(packs, tmp_path):
    source = packs["dungeon"]
    for number in (1, 2):
        assert go(tmp_path / f"run{number}", start=source.folder, command=f"levelforge train {number}").done
    first = pack_run(tmp_path / "run1", tmp_path / "pack1")
    both = pack_run(tmp_path / "run2", tmp_path / "pack2", [first.folder])
    example = example_inputs(dqn(source.game).net, 2, view_codes(source.game))
    inputs = {k: v.numpy() for k, v in zip(INPUT_NAMES, example, strict=True)}
    theirs, ours = (run_onnx(p.path.read_bytes(), inputs) for p in (first.panel[0], both.panel[1]))
    np.testing.assert_allclose(ours, theirs, atol=2e-3 * np.abs(theirs).max())
    assert both.panel[1].path.stat().st_size < first.panel[0].path.stat().st_size
    assert [entry["pack"] for entry in both.info["playtester"]["panel"]] == [first.hash]
    card = (both.folder / "model_card.md").read_text(encoding="utf-8")
    made = f"levelforge train 1  # gave the pack {first.hash[:12]}\nlevelforge train 2\n"
    assert f"{made}levelforge pack run2 --panel {first.hash[:12]} --out pack2\n" in card
    three = pack_run(tmp_path / "run2", tmp_path / "pack3", [both.folder])
    assert [entry["file"] for entry in three.info["playtester"]["panel"]] == [
        "playtester-2.onnx",
        "playtester-3.onnx",
    ]
    with pytest.raises(LevelForgeError, match="is a pack for game 'platformer'"):
        pack_run(tmp_path / "run2", tmp_path / "pack4", [packs["platformer"].folder])
    assert not (tmp_path / "pack4").exists()

    # where a first playtester is kept as float16, a training starts from it as well
    whole, half = (
        read_tensors(p.folder / PLAYTESTER) for p in (pack_run(tmp_path / "run2", tmp_path / "x"), both)
    )
    assert whole.keys() == half.keys()
    for name, tensor in whole.items():
        np.testing.assert_allclose(half[name], tensor, atol=1e-3 * max(1.0, np.abs(tensor).max()))


def test_a_pack_is_made_of_a_pack_with_other_playtesters(packs, tmp_path):
    for number in (1, 2, 3):
        assert go(
            tmp_path / f"run{number}", start=packs["dungeon"].folder, command=f"levelforge train {number}"
        ).done
        pack_run(tmp_path / f"run{number}", tmp_path / f"pack{number}")
    one, two, three = (read_pack(tmp_path / f"pack{number}") for number in (1, 2, 3))
    both = pack_again(one.folder, tmp_path / "both", [two.folder])
    assert [p.path.name for p in both.panel] == ["playtester.onnx", "playtester-2.onnx"]
    made = pack_again(f"{both.folder}:1", tmp_path / "made", [f"{both.folder}:2", three.folder], apart=True)
    assert [entry["pack"] for entry in made.info["playtester"]["panel"]] == [two.hash, three.hash]
    assert [p.path.name for p in made.playtesters] == [
        "playtester.onnx",
        "playtester-2.onnx",
        "playtester-3.onnx",
    ]
    assert made.panel == made.playtesters[1:]  # the first one is apart
    assert made.panel[0].path.read_bytes() == both.panel[1].path.read_bytes()
    assert (made.folder / GENERATOR).read_bytes() == (one.folder / GENERATOR).read_bytes()
    assert made.info["figures"] == one.info["figures"]
    card = (made.folder / "model_card.md").read_text(encoding="utf-8")
    pack = f"levelforge pack {both.hash[:12]}:1 --panel {both.hash[:12]}:2 --panel {three.hash[:12]} --apart --out made"
    assert f"\n{pack}\n```" in card
    for number, source in ((1, one), (2, two), (3, three)):
        assert f"\nlevelforge train {number}  # gave the pack {source.hash[:12]}\n" in card
    pack = f"levelforge pack {one.hash[:12]} --panel {two.hash[:12]} --out both  # gave the pack {both.hash[:12]}"
    assert card.count(pack) == 1
    # a training that goes on from it tells of all that, too
    assert go(tmp_path / "on", start=made.folder, command="levelforge train on").done
    told = (pack_run(tmp_path / "on", tmp_path / "pack-on").folder / "model_card.md").read_text(
        encoding="utf-8"
    )
    assert f"{pack}\n" in told
    assert f"--apart --out made  # gave the pack {made.hash[:12]}\nlevelforge train on\n" in told
    assert card.count("shares the playtests with") == 0
    assert card.count("leaves the playtests to") == 1
    # and once more, in which the first plays again
    again = pack_again(f"{made.folder}:1,3", tmp_path / "again")
    assert len(again.panel) == 2
    assert "apart" not in again.info["playtester"]
    assert [entry["pack"] for entry in again.info["playtester"]["panel"]] == [three.hash]


def test_what_cannot_be_packed_again_is_told(packs, tmp_path):
    source = packs["dungeon"].folder
    with pytest.raises(LevelForgeError, match="has no playtester 2; there are: 1 only"):
        pack_again(f"{source}:1,2", tmp_path / "out")
    with pytest.raises(LevelForgeError, match="name it first, as in PACK:1,3"):
        pack_again(f"{pack_again(source, tmp_path / 'two', [source]).folder}:2", tmp_path / "out")
    with pytest.raises(LevelForgeError, match="there are none; add --panel"):
        pack_again(source, tmp_path / "out", apart=True)
    assert not (tmp_path / "out").exists()
