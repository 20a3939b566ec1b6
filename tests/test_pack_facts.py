"""pack.json tells an engine all it needs, and keeps to its schema."""

from __future__ import annotations

import json
import shutil
from math import ceil, floor
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from standins import make_pack

from levelforge.decode import sample_inputs
from levelforge.game import Game, bundled_games, load_game
from levelforge.models import SCORES
from levelforge.pack import INFO, Pack, load_pack

SCHEMA = Path(__file__).parents[1] / "docs" / "schemas" / "pack-1.schema.json"


@pytest.fixture(scope="module", name="pack", params=bundled_games())
def _pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(tmp_path_factory.mktemp("packs") / request.param, request.param, critic=True)


def named(values: object) -> object:
    """Tables whose keys are written after a dot, as the formulas in pack.json have them."""
    return json.loads(json.dumps(values), object_hook=lambda table: SimpleNamespace(**table))


def worked_out(formula: str, **values: object) -> float:
    tools = {"max": max, "min": min, "ceil": ceil, "floor": floor}
    return float(eval(formula, {"__builtins__": {}}, tools | {k: named(v) for k, v in values.items()}))


def sizes(game: Game) -> list[tuple[int, int]]:
    (lw, lh), (hw, hh) = game.header.min_size, game.header.max_size
    return [(w, h) for w in range(lw, hw + 1, 7) for h in range(lh, hh + 1, 5)]


def test_pack_json_keeps_to_its_schema(pack: Pack) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    info = json.loads((pack.folder / INFO).read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(info)] == []
    assert pack.info == info == load_pack(pack.folder).info


def test_the_vocabulary_is_the_games(pack: Pack) -> None:
    game = pack.game
    for i, entry in enumerate(pack.info["vocabulary"]):
        tile = game.tiles[i]
        assert (entry["id"], entry["name"], entry["symbol"], entry["role"], entry["place"]) == (
            i, tile.name, tile.symbol, tile.role.word, tile.place,
        )  # fmt: skip
    kinds = {entry["name"]: entry["kind"] for entry in pack.info["vocabulary"]}
    assert [name for name in kinds if kinds[name] == "entity"] == [tile.name for tile in game.entities]
    assert [action["code"] for action in pack.info["actions"]] == [action.code for action in game.actions]


@pytest.mark.parametrize("size", [None, (24, 16), (41, 16)])
def test_shapes_and_names_are_those_that_the_generator_takes(
    pack: Pack, size: tuple[int, int] | None
) -> None:
    info = pack.info
    width, height = size or info["size"]["default"]
    inputs = sample_inputs(
        pack.game, 1, size, rng=np.random.default_rng(0), latent_channels=info["latent"]["channels"]
    )
    stride = info["latent"]["stride"]
    assert inputs["latent"].shape[1:] == (
        info["latent"]["channels"],
        ceil(height / stride),
        ceil(width / stride),
    )
    assert inputs["noise"].shape[1:] == (len(info["noise"]["planes"]), height, width)
    assert inputs["condition"].shape[1] == len(info["condition"]) == 1 + len(info["counts"]["order"])
    assert [column["name"] for column in info["condition"]] == ["difficulty", *info["counts"]["order"]]
    assert [i["name"] for i in info["models"]["generator.onnx"]["inputs"]] == list(inputs)
    assert [o["name"] for o in info["models"]["generator.onnx"]["outputs"]] == [info["decoding"]["output"]]
    assert info["models"]["critic.onnx"]["outputs"][0]["shape"][1:] == [len(SCORES)]


def test_the_formulas_are_ours_at_every_size(pack: Pack) -> None:
    game, info = pack.game, pack.info
    for width, height in sizes(game):
        here = {"width": width, "height": height, "size": info["size"]}
        for name, (low, high) in game.counts(width, height).items():
            asked = info["counts"]["ranges"][name]
            formula = info["counts"]["most_if_scales"] if asked["scales"] else "most"
            assert (asked["least"], worked_out(formula, **asked, **here)) == (low, high)
        checks = info["checks"]
        assert worked_out(checks["time_limit_at_size"], **checks, **here) == game.time_limit(width, height)
        assert worked_out(checks["min_solution_at_size"], **checks, **here) == game.min_solution(
            width, height
        )


def test_older_packs_are_read_without_them(pack: Pack, tmp_path: Path) -> None:
    """Packs written before these facts were there have none of them."""
    folder = shutil.copytree(pack.folder, tmp_path / "older")
    info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    for name in (
        "size",
        "vocabulary",
        "counts",
        "condition",
        "latent",
        "noise",
        "decoding",
        "checks",
        "models",
    ):
        del info[name]
    (folder / INFO).write_text(json.dumps(info), encoding="utf-8")
    assert load_pack(folder).hash == pack.hash
    assert load_game(pack.game.name).digest == load_pack(folder).game.digest


@pytest.mark.parametrize("name", bundled_games())
def test_bundled_packs_keep_to_the_schema(name: str) -> None:
    info = load_pack(name).info
    if "models" not in info:
        pytest.skip("written by an older version")
    jsonschema.validate(info, json.loads(SCHEMA.read_text(encoding="utf-8")))
