"""The web kit's JavaScript says what Python says: rules, observation, solver and autotiling, compared in Node.js."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from levelforge.decode import sample_inputs
from levelforge.env import BatchEnv
from levelforge.exporters import read_level
from levelforge.exporters.tiled_tileset import tiled_tileset
from levelforge.game import bundled_games, load_game
from levelforge.generate import GenerateConfig, generate
from levelforge.level import Level
from levelforge.pack import load_pack
from levelforge.playtest.decide import TREMBLE, decide
from levelforge.rules import TRAIL, compile_levels, step
from levelforge.rules.replay import OUTCOMES
from levelforge.rules.state import P_MAX_HP, RUNNING
from levelforge.solver import Solution, Unbeatable, solve
from levelforge.tileset import load_tileset
from levelforge.web_kit import game_facts, kit_folder, tileset_facts

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
by_game = pytest.mark.parametrize("name", bundled_games())
PLAY = Path(__file__).parent / "web_kit" / "play.mjs"


def in_node(games, cases):
    """What the kit's modules say to cases of ``(game key, Level, {wishes})``."""
    document = {
        "kit": str(kit_folder() / "levelforge"),
        "games": {key: json.loads(json.dumps(game_facts(game))) for key, game in games.items()},
        "tilesets": {key: tileset_facts(load_tileset(game)) for key, game in games.items()},
        "cases": [
            {"game": key, "width": level.width, "height": level.height, "tiles": level.tiles.ravel().tolist()}
            | wishes
            for key, level, wishes in cases
        ],
    }
    done = subprocess.run(
        [NODE, PLAY], input=json.dumps(document), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def states_of(level, actions):
    """Every state of a run under the Python rules, as ``play.mjs`` tells it."""
    batch = compile_levels(level.tiles[None], level.game)
    trail = np.empty(TRAIL, np.int32)
    y, x = divmod(int(batch.start[0]), level.width)
    state = (y, x, 0, int(batch.params[P_MAX_HP]), 0, 0)
    outcome, states = RUNNING, [[*state, "running"]]
    for t, action in enumerate(actions):
        if outcome != RUNNING:
            break
        *state, outcome, _ = step(
            batch.params, batch.height, batch.width, batch.role[0], batch.item[0], batch.patrol[0],
            batch.n_patrol[0], batch.start[0], *state, t, action, trail,
        )  # fmt: skip
        if outcome == RUNNING and t + 1 >= batch.time_limit:
            outcome = 2
        states.append([*map(int, state), OUTCOMES[outcome]])
    return states


def wander(rng, game, length):
    """Random actions that go on for a while, or nobody would get anywhere."""
    actions = []
    while len(actions) < length:
        actions += [int(rng.integers(len(game.actions)))] * int(rng.integers(1, 7))
    return actions[:length]


def rough_level(game, rng, size):
    """Any tiles anywhere, with one start: more than a generator would dare."""
    width, height = size
    share = {"empty": 8.0, "solid": 3.0, "key": 0.2, "door": 0.2, "heal": 0.2, "goal": 0.1}
    weights = np.array([share.get(t.role.word, 0.5) for t in game.tiles])
    tiles = rng.choice(len(game.tiles), (height, width), p=weights / weights.sum()).astype(np.uint8)
    start, empty = game.tile("start").id, game.empty.id
    tiles[tiles == start] = empty
    tiles[rng.integers(height), rng.integers(width)] = start
    return Level(game, tiles)


def strict(game):
    """The same game under other rules."""
    rules = replace(game.rules, hazard="kill", hit_points=2, time_limit=60, patrol_cycle=12)
    return replace(game, rules=rules)


def gentle(game):
    rules = replace(game.rules, fall_out="hurt", enemy="kill", hit_points=5)
    profile = (3, 1, 0, 0, -1, -2) if game.movement == "platformer" else ()
    return replace(game, rules=replace(rules, jump_profile=profile))


@pytest.fixture(scope="module", name="made")
def _made():
    """100 certified levels of each game."""
    return {
        name: generate(name, GenerateConfig(n=100, seed=11, playtest=False)).levels
        for name in bundled_games()
    }


@by_game
def test_certificates_of_generated_levels_replay_with_the_same_states(made, name):
    levels = made[name]
    told = in_node({name: levels[0].game}, [(name, x, {"actions": list(x.solution)}) for x in levels])
    for level, answer in zip(levels, told, strict=True):
        states = states_of(level, level.solution)
        assert states[-1][-1] == "won"
        assert answer["states"] == states


@by_game
def test_aimless_runs_go_through_the_same_states(made, name):
    rng = np.random.default_rng(5)
    game = load_game(name)
    games = {"own": game, "strict": strict(game), "gentle": gentle(game)}
    sizes = [(24, 16), (13, 9), (40, 14)]
    cases = [("own", x, {"actions": wander(rng, game, 150)}) for x in made[name][:40]]
    for key, variant in games.items():
        for i in range(40):
            level = rough_level(variant, rng, sizes[i % len(sizes)])
            cases.append((key, level, {"actions": wander(rng, game, 150)}))
    told = in_node(games, cases)
    outcomes = set()
    for (_, level, wishes), answer in zip(cases, told, strict=True):
        states = states_of(level, wishes["actions"])
        assert answer["states"] == states
        outcomes.add(states[-1][-1])
    assert outcomes == {"running", "won", "lost"}


@by_game
def test_the_observation_is_the_same(made, name):
    rng = np.random.default_rng(6)
    game = load_game(name)
    levels = [
        *made[name][:4],
        *(rough_level(game, rng, size) for size in [(9, 7), (24, 16), (33, 25), (70, 12)]),
    ]
    cases = [(name, x, {"actions": wander(rng, game, 60), "observe": "collector"}) for x in levels]
    cases += [(name, x, {"actions": list(x.solution), "observe": "collector"}) for x in made[name][4:8]]
    told = in_node({name: game}, cases)
    for (_, level, wishes), answer in zip(cases, told, strict=True):
        env = BatchEnv(game, level.tiles, 1, 0, persona=(0, 0, 1, 0), shaping=False, autoreset=False)
        observation = env.reset()
        for t, seen in enumerate(answer["observations"]):
            if t:
                observation = env.step(np.array([wishes["actions"][t - 1]]))[0]
            for part, values in observation.items():
                assert np.array_equal(values.ravel().astype(np.float32), np.float32(seen[part])), (part, t)


@by_game
def test_the_solver_agrees(made, name):
    """On raw candidates too, which need not be beatable."""
    game = load_game(name)
    pack = load_pack(name)
    inputs = sample_inputs(
        game, 16, rng=np.random.default_rng(3), distribution=pack.info["count_distribution"]
    )
    rng = np.random.default_rng(4)
    levels = [Level(game, tiles) for tiles in pack.generator(inputs)] + list(made[name][:10])
    levels += [rough_level(game, rng, (14, 10)) for _ in range(30)]
    told = in_node({name: game}, [(name, x, {"solve": 20_000}) for x in levels])
    verdicts = []
    for level, answer in zip(levels, told, strict=True):
        ours, theirs = solve(level, node_limit=200_000), answer["solution"]
        verdicts.append(theirs["verdict"])
        if theirs["verdict"] == "beatable":
            assert isinstance(ours, Solution)
            assert len(theirs["actions"]) == len(ours.actions)
            assert states_of(level, theirs["actions"])[-1][-1] == "won"
        elif theirs["verdict"] == "unbeatable":
            assert isinstance(ours, Unbeatable)
    assert verdicts.count("beatable") >= 15
    assert "unbeatable" in verdicts
    assert verdicts.count("undecided") <= 2


@by_game
def test_the_same_pictures_are_chosen(made, name):
    rng = np.random.default_rng(7)
    game = load_game(name)
    levels = [*made[name][:3], *(rough_level(game, rng, size) for size in [(9, 7), (33, 25)])]
    told = in_node({name: game}, [(name, x, {"pictures": True}) for x in levels])
    for level, answer in zip(levels, told, strict=True):
        terrain, entities = load_tileset(game).cells(level.tiles, game)
        assert answer["pictures"]["terrain"] == terrain.ravel().tolist()
        assert answer["pictures"]["entities"] == entities.ravel().tolist()


def test_files_carry_whatever_is_noted(made, tmp_path):
    """Whole numbers of more than 32 bits and whole objects, which Tiled's properties cannot hold."""
    level = made["dungeon"][0]
    extra = {
        "web_seed": 2**32 - 1,
        "made_by": 'a "kit"',
        "rank": 3,
        "boss": True,
        "share": 0.5,
        "list": [1, {"a": 2}],
    }
    document = {
        "game": game_facts(level.game), "tileset": tileset_facts(load_tileset(level.game)),
        "tiled": {"tileset": json.loads(tiled_tileset(level.game).json)}, "width": level.width, "height": level.height,
        "tiles": level.tiles.ravel().tolist(), "extra": extra, "solution": list(level.solution),
    }  # fmt: skip
    program = """
        const [, kit] = process.argv, read = JSON.parse(require("fs").readFileSync(0, "utf8"));
        (async () => {
          const { compileLevel } = await import(kit + "/rules.js");
          const { levelJson, levelTmj } = await import(kit + "/files.js");
          const level = compileLevel(Uint8Array.from(read.tiles), read.width, read.height, read.game);
          const about = { id: "a", solution: read.solution, pack: { hash: "0" }, extra: read.extra };
          const tmj = levelTmj(level, about, read.tileset, read.tiled);
          console.log(JSON.stringify({ json: levelJson(level, about), tmj }));
        })();
    """
    done = subprocess.run(
        [NODE, "-e", program, kit_folder() / "levelforge"],
        input=json.dumps(document), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for kind, text in json.loads(done.stdout).items():
        (tmp_path / f"a.{kind}").write_text(text)
        back = read_level(tmp_path / f"a.{kind}")
        assert back.same_as(level)
        assert (back.extra, back.solution) == (extra, level.solution)
    whole = [
        p["value"] for p in json.loads((tmp_path / "a.tmj").read_text())["properties"] if p["type"] == "int"
    ]
    assert max(whole) < 2**31


def test_actions_are_drawn_as_playtests_draw_them():
    """Chances proportional to exp(value / tremble), in both languages."""
    values, n = [0.5, 0.495, 0.48, -2.0], 4000
    script = """
        const { decide } = await import(process.argv[1] + "/playtester.js");
        const { Random } = await import(process.argv[1] + "/random.js");
        const [{ tremble }, values, n] = JSON.parse(process.argv[2]);
        const random = new Random(5);
        console.log(JSON.stringify(Array.from({ length: n }, () => decide(values, tremble, random))));
    """
    facts = [game_facts(load_game("dungeon"))["playing"], values, n]
    kit = (kit_folder() / "levelforge").as_uri()
    command = [NODE, "--input-type=module", "-e", script, kit, json.dumps(facts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    state = np.zeros(n, [("rng", np.uint64), ("t", np.int32)])
    state["rng"] = np.random.default_rng(5).integers(2**63, size=n)
    chance = np.exp(np.array(values) / TREMBLE)
    chance /= chance.sum()
    for drawn in (json.loads(done.stdout), decide(np.tile(np.float32(values), (n, 1)), state)):
        shares = np.bincount(drawn, minlength=len(values)) / n
        np.testing.assert_allclose(shares, chance, atol=4 * np.sqrt(0.25 / n))
