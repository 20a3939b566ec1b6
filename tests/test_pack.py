"""Packs: written whole, checked on reading, and every fault is one clear line."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standins import critic_onnx, generator_onnx, make_pack, pack_info, playtester_onnx

from levelforge.decode import sample_inputs
from levelforge.env.state import STATE
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.generate import GenerateConfig, generate
from levelforge.models import SCORES
from levelforge.pack import INFO, Pack, load_pack, pack_hash, read_pack, write_pack
from levelforge.playtest.decide import decide
from levelforge.playtest.observation import VIEW_CHANNELS, VIEW_SIZE


@pytest.fixture(scope="module", name="original")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(tmp_path_factory.mktemp("packs") / "dungeon", "dungeon")


@pytest.fixture(name="folder")
def _folder(original: Pack, tmp_path: Path) -> Path:
    return shutil.copytree(original.folder, tmp_path / "pack")


def refusal(folder: Path) -> str:
    with pytest.raises(LevelForgeError) as caught:
        load_pack(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rehash(folder: Path) -> None:
    """Make the hashes right for whatever the files now hold."""
    import hashlib

    info = json.loads((folder / INFO).read_text())
    old = info["hash"]
    info["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in info["files"]}
    info["hash"] = pack_hash(info["files"])
    (folder / INFO).write_text(json.dumps(info))
    card = (folder / "model_card.md").read_text()
    (folder / "model_card.md").write_text(card.replace(old, info["hash"]))


def test_a_pack_is_read_as_it_was_written(original: Pack) -> None:
    pack = load_pack(original.folder)
    assert pack.game.name == "dungeon"
    assert pack.hash == original.hash
    assert sorted(p.name for p in pack.folder.iterdir()) == [
        "game.toml",
        "generator.onnx",
        "model_card.md",
        "pack.json",
        "playtester.onnx",
    ]
    assert pack.hash in (pack.folder / "model_card.md").read_text()


def test_a_pack_of_a_bundled_game_finds_its_tileset_and_corpus(original: Pack) -> None:
    assert load_pack(original.folder).game.folder == load_game("dungeon").folder


def test_writing_replaces_an_older_pack_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    game = load_game("dungeon")
    write_pack(folder, game, generator_onnx(game), playtester_onnx(game), pack_info(game), "# Newer")
    assert (folder / "model_card.md").read_text().startswith("# Newer")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pack"]
    other = tmp_path / "precious"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(LevelForgeError, match="not empty and not a pack"):
        write_pack(other, game, b"", b"", {}, "")
    assert (other / "thesis.txt").read_text() == "mine"


def test_a_model_that_does_not_load_never_becomes_a_pack(tmp_path: Path) -> None:
    game = load_game("dungeon")
    for generator in (
        generator_onnx(game)[:500],
        playtester_onnx(game),
        b"",
        generator_onnx(load_game("platformer")),
    ):
        with pytest.raises(LevelForgeError, match=r"pack/generator\.onnx"):
            write_pack(tmp_path / "pack", game, generator, playtester_onnx(game), pack_info(game), "")
        assert list(tmp_path.iterdir()) == []


def test_further_playtesters_are_checked_as_the_first_one_is(tmp_path: Path) -> None:
    game = load_game("dungeon")
    models = generator_onnx(game), playtester_onnx(game)
    pack = write_pack(tmp_path / "pack", game, *models, pack_info(game), "# Three", others=[models[1]] * 2)
    assert [player.path.name for player in pack.panel] == [
        "playtester.onnx",
        "playtester-2.onnx",
        "playtester-3.onnx",
    ]
    assert "playtester-3.onnx" in pack.info["models"]
    assert len(load_pack(pack.folder).panel) == 3
    (pack.folder / "playtester-3.onnx").write_bytes(b"")
    assert "playtester-3.onnx: does not match its hash" in refusal(pack.folder)
    with pytest.raises(LevelForgeError, match=r"playtester-2\.onnx: is an ONNX model, but no playtester"):
        write_pack(tmp_path / "other", game, *models, pack_info(game), "# Two", others=[models[0]])


@pytest.mark.parametrize("name", ["../thesis.txt", "/etc/passwd", "playtester-3.onnx"])
def test_a_pack_names_no_files_but_those_of_a_pack(folder: Path, name: str) -> None:
    info = json.loads((folder / INFO).read_text())
    info["files"][name] = "0" * 64
    (folder / INFO).write_text(json.dumps(info))
    assert f"'files' names {name!r}" in refusal(folder)


def test_no_such_pack() -> None:
    with pytest.raises(LevelForgeError, match="did you mean 'dungeon'"):
        load_pack("dungon")


def test_a_game_without_a_pack_says_how_to_make_one(tmp_path: Path) -> None:
    source = load_game("dungeon").path
    assert source is not None
    shutil.copy(source, tmp_path / "game.toml")
    with pytest.raises(LevelForgeError, match=r"has no pack yet.*levelforge train"):
        load_pack(tmp_path / "game.toml")


@pytest.mark.parametrize("name", ["generator.onnx", "playtester.onnx", "game.toml"])
def test_a_truncated_or_missing_file(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    assert f"{name}: does not match its hash" in refusal(folder)
    (folder / name).unlink()
    assert f"{name}: cannot be read" in refusal(folder)


def test_truncated_models_are_found_even_where_the_hashes_fit(folder: Path) -> None:
    for name, model in (("generator.onnx", "generator"), ("playtester.onnx", "playtester")):
        (folder / name).write_bytes((folder / name).read_bytes()[:300])
        rehash(folder)
        with pytest.raises(LevelForgeError, match=f"{name}: is truncated or no ONNX model"):
            getattr(load_pack(folder), model)


def test_a_foreign_model(folder: Path) -> None:
    shutil.copy(folder / "playtester.onnx", folder / "generator.onnx")
    rehash(folder)
    with pytest.raises(LevelForgeError, match="is an ONNX model, but no generator: it takes view"):
        _ = load_pack(folder).generator


def test_models_of_another_game(folder: Path) -> None:
    (folder / "generator.onnx").write_bytes(generator_onnx(load_game("platformer")))
    (folder / "playtester.onnx").write_bytes(playtester_onnx(load_game("platformer")))
    rehash(folder)
    with pytest.raises(LevelForgeError, match="generator for another game"):
        _ = load_pack(folder).generator
    with pytest.raises(
        LevelForgeError, match=r"playtester for another game: it knows 6 actions, dungeon has 5"
    ):
        _ = load_pack(folder).playtester


def test_the_pack_of_another_game(folder: Path) -> None:
    with pytest.raises(LevelForgeError, match="is a pack for game 'dungeon', not for this 'platformer'"):
        read_pack(folder, load_game("platformer"))


def test_the_pack_of_another_version_of_the_game(folder: Path) -> None:
    game = load_game("dungeon")
    with pytest.raises(LevelForgeError, match="another version of game 'dungeon'"):
        read_pack(folder, replace(game, rules=replace(game.rules, hit_points=9)))
    with pytest.raises(LevelForgeError, match=r"other \[counts\]"):
        read_pack(folder, replace(game, count_ranges={**game.count_ranges, "bat": (0, 7)}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hash": "0" * 64}, "'hash' does not match its 'files'"),
        ({"format": 99}, "pack format 99"),
        ({"game_digest": "0" * 64}, "is for another game than the game.toml beside it"),
        ({"files": []}, "'files' must name"),
    ],
)
def test_a_description_that_does_not_fit(folder: Path, change: dict[str, object], message: str) -> None:
    info = json.loads((folder / INFO).read_text())
    (folder / INFO).write_text(json.dumps(info | change))
    assert message in refusal(folder)


def test_a_description_that_is_none(folder: Path) -> None:
    (folder / INFO).write_text("{")
    assert "not valid JSON" in refusal(folder)
    (folder / INFO).write_text("[]")
    assert "is no pack description" in refusal(folder)


def test_the_card_of_another_pack(folder: Path) -> None:
    (folder / "model_card.md").write_text("# Some other model\n")
    assert "is the card of another pack" in refusal(folder)


def test_a_level_does_not_depend_on_its_neighbours_or_on_threads(original: Pack) -> None:
    inputs = sample_inputs(original.game, 37, rng=np.random.default_rng(1), latent_channels=4)
    together = original.generator(inputs)
    with ThreadPoolExecutor(2) as pool:
        assert np.array_equal(together, original.generator(inputs, pool))
    for i in (0, 16, 36):
        alone = original.generator({name: array[i : i + 1] for name, array in inputs.items()})
        assert np.array_equal(alone[0], together[i])
    assert original.generator({name: array[:0] for name, array in inputs.items()}).shape[0] == 0


def test_the_playtester_values_every_action(original: Pack) -> None:
    seen = {
        "view": np.zeros((70, VIEW_CHANNELS, 11, 11), np.uint8),
        "map": np.zeros((70, 9, 12, 16), np.uint8),
        "scalars": np.zeros((70, 20), np.float32),
        "persona": np.zeros((70, 4), np.float32),
    }
    values = original.playtester(seen)
    assert values.shape == (70, 5)
    assert values.dtype == np.float32


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_values_hardly_depend_on_how_observations_are_batched(name: str) -> None:
    """Sums of another order may change a last bit, but not what is decided; of shipped networks."""
    pack = load_pack(name)
    rng = np.random.default_rng(1)
    state = np.zeros(100, STATE)
    state["rng"] = rng.integers(2**63, size=100)
    rows, columns = VIEW_SIZE[pack.game.movement]
    seen = {
        "view": rng.integers(0, 18, (100, VIEW_CHANNELS, rows, columns)).astype(np.uint8),
        "map": rng.integers(0, 256, (100, 9, 12, 16)).astype(np.uint8),
        "scalars": rng.random((100, 20), dtype=np.float32),
        "persona": rng.random((100, 4), dtype=np.float32),
    }
    together = pack.playtester(seen)
    for first, last in ((0, 1), (30, 90), (64, 100)):
        some = pack.playtester({name: array[first:last] for name, array in seen.items()})
        np.testing.assert_allclose(some, together[first:last], rtol=0, atol=1e-6)
        assert np.array_equal(decide(some, state[first:last]), decide(together, state)[first:last])


def test_a_playtester_that_sees_something_else(folder: Path) -> None:
    (folder / "playtester.onnx").write_bytes(playtester_onnx(load_game("dungeon"), view_channels=7))
    rehash(folder)
    with pytest.raises(LevelForgeError, match=r"another version of levelforge: its 'view' is \[7, 11, 11\]"):
        generate(load_pack(folder), GenerateConfig(1))


@pytest.fixture(scope="module", name="judged")
def _judged(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(tmp_path_factory.mktemp("judged") / "pack", "dungeon", critic=True)


def test_a_pack_may_have_a_critic(original: Pack, judged: Pack) -> None:
    assert original.critic is None
    assert judged.critic is not None
    assert (judged.folder / "critic.onnx").is_file()
    assert judged.hash != original.hash
    plain = np.full((24, 32), judged.game.empty.id, np.uint8)
    full = plain.copy()
    full[:5, :10] = judged.game.tile("spikes").id
    scores = judged.critic(np.stack([plain, full] * 20))
    assert scores.shape == (40, len(SCORES))
    assert scores.dtype == np.float32
    assert scores[:2].tolist() == [[1, 0, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0, 0]]
    assert np.array_equal(judged.critic(full[None])[0], scores[39])
    assert judged.critic(plain[None, :9, :16]).shape == (1, len(SCORES))
    assert judged.critic(plain[None][:0]).shape == (0, len(SCORES))


def test_damaged_and_foreign_critics(judged: Pack, tmp_path: Path) -> None:
    folder = shutil.copytree(judged.folder, tmp_path / "pack")
    critic = folder / "critic.onnx"
    whole = critic.read_bytes()
    critic.write_bytes(whole[:200])
    assert "critic.onnx: does not match its hash" in refusal(folder)
    rehash(folder)
    with pytest.raises(LevelForgeError, match=r"critic\.onnx: is truncated or no ONNX model"):
        _ = load_pack(folder).critic
    shutil.copy(folder / "generator.onnx", critic)
    rehash(folder)
    with pytest.raises(LevelForgeError, match="is an ONNX model, but no critic: it takes latent"):
        _ = load_pack(folder).critic
    critic.write_bytes(critic_onnx(judged.game, scores=5))
    rehash(folder)
    with pytest.raises(LevelForgeError, match="critic of another version of levelforge: it gives 5 scores"):
        _ = load_pack(folder).critic
    critic.unlink()
    assert "critic.onnx: cannot be read" in refusal(folder)


@pytest.mark.parametrize(
    ("critic", "message"),
    [
        (None, "names critic.onnx, but has no 'critic'"),
        ({"scores": ["difficulty"]}, "gives the scores ['difficulty']"),
    ],
)
def test_a_description_that_does_not_fit_the_critic(
    judged: Pack, tmp_path: Path, critic: object, message: str
) -> None:
    folder = shutil.copytree(judged.folder, tmp_path / "pack")
    info = json.loads((folder / INFO).read_text())
    (folder / INFO).write_text(json.dumps(info | {"critic": critic}))
    with pytest.raises(LevelForgeError) as caught:
        _ = load_pack(folder).critic
    assert message in str(caught.value)


def test_a_critic_that_belongs_to_no_pack(folder: Path) -> None:
    (folder / "critic.onnx").write_bytes(critic_onnx(load_game("dungeon")))
    assert "critic.onnx: is no part of this pack" in refusal(folder)


def test_a_critic_that_gives_nonsense_on_a_level(judged: Pack) -> None:
    assert judged.critic is not None
    with pytest.raises(LevelForgeError, match="gives no scores for levels of 'dungeon'"):
        judged.critic(np.full((1, 24, 32), 200, np.uint8))
