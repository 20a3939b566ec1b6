"""What the worker process does: levels, checks and the playtester's thoughts, so that no frame waits for them.

Every job is a plain dictionary and so is its answer; nothing is shared with the window's process.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, load_game
from levelforge.level import Level, faults

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from levelforge.env import BatchEnv
    from levelforge.pack import Pack
    from levelforge.playtest import PlaytestResult

CANDIDATES = 4
"""Certified levels among which the one nearest to the difficulty asked for is chosen."""
MISS = 0.1
"""Where all candidates are farther than this to one side of what was asked, as many again are made with other counts."""
HARDER, EASIER = (0.75, 1.0), (0.25, 0.0)
"""How much of the range of each danger's count those have."""
USUAL = 2 / 3
"""Share of the range of each danger's count that goes with difficulty 1, about as the library draws it."""
DRAFTS = 24
"""Candidates that the critic judges where there is no time to judge more; a batch brings more anyway."""
BATCHES = 8
"""Batches after which so few candidates as come are too few."""
TRIES = 64
"""Candidates tried for all of these around locked tiles, before one is enough."""
EPISODES = 4
"""Episodes a rung of the skill ladder; fewer than the library's 8, because a player waits."""
NODE_LIMIT = 400_000
Job = dict[str, Any]


def serve(pipe: Connection) -> None:
    """Answer jobs until the pipe closes."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the window goes first
    while True:
        try:
            number, job = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            answer = JOBS[job["kind"]](job)
        except LevelForgeError as error:
            answer = {"error": str(error)}
        except Exception as error:  # noqa: BLE001 (one job that fails must not take the others along)
            answer = {"error": f"{type(error).__name__}: {error}"}
        try:
            pipe.send((number, answer))
        except OSError:
            return


def make_level(job: Job) -> Job:
    """A certified level: ``game``, ``pack`` (or None), ``seed``, ``difficulty`` (or None).

    A ``quick`` one is what the critic thinks best of the first few; how hard it is is measured later, while it is played.

    Where nothing near what is asked turns up, candidates with more or fewer dangers are made, within what the game allows.
    """
    game = _game(job["game"])
    pack, problem = _pack(job["game"], job["pack"])
    if pack is None:
        missing = "has no pack yet" in problem
        why = f"{game.title} has no pack yet" if missing else problem
        note = f"{why}; you play the designer's levels"
        return _from_corpus(game, job) | {"note": note}
    if job.get("quick"):
        asked = job["difficulty"]
        (level,) = _drafts(pack, job, {} if asked is None else dangers(game, USUAL * asked), 1)
        return {
            "tiles": level.tiles, "solution": level.solution, "edits": level.edits, "seed": job["seed"],
            "difficulty": None, "source": "pack", "note": "",
        }  # fmt: skip
    from levelforge.generate import GenerateConfig, generate

    # a pack's critic picks those that it expects to be near to what is asked
    config = GenerateConfig(
        n=CANDIDATES,
        seed=job["seed"],
        difficulty=None if pack.critic is None else job["difficulty"],
        playtest=False,
        diverse=False,
        threads=1,
    )
    levels = list(generate(pack, config).levels)
    measured = _measure(levels, game, pack)
    for share in _shares(measured, job["difficulty"]):
        with contextlib.suppress(
            LevelForgeError
        ):  # so many of everything may not fit: then those at hand must do
            more = _drafts(pack, job, dangers(game, share), CANDIDATES // 2)
            levels += more
            measured += _measure(more, game, pack)
    return _nearest(levels, measured, job) | {"source": "pack", "note": ""}


def dangers(game: Game, share: float) -> dict[str, int]:
    """Counts of what hurts and what heals: with share 0 the fewest dangers and the most healing, with 1 the reverse."""
    from levelforge.decode import DANGERS

    found = {}
    for tile in game.entities:
        low, high = game.count_ranges[tile.name]
        if tile.role in DANGERS:
            found[tile.name] = round(low + (high - low) * share)
        elif tile.role is Role.HEAL:
            found[tile.name] = round(high - (high - low) * share)
    return found


def _shares(measured: list[PlaytestResult], asked: float | None) -> tuple[float, ...]:
    """What to give :func:`dangers` for more candidates, where all at hand are too easy, or all too hard."""
    found = [result.difficulty for result in measured]
    if asked is not None and max(found) < asked - MISS:
        return HARDER
    if asked is not None and min(found) > asked + MISS:
        return EASIER
    return ()


def _drafts(pack: Pack, job: Job, counts: dict[str, int], n: int) -> list[Level]:
    """Of the certified candidates of a batch, the ``n`` that the pack's critic, if it has one, expects to fit best.

    Raises:
        LevelForgeError: these counts are not allowed, or hardly a candidate with them could be certified.
    """
    from levelforge.generate import CERTIFIED, GenerateConfig, check_config, make_batch
    from levelforge.models import SCORES

    config = GenerateConfig(n=n, seed=job["seed"], counts=counts, playtest=False)
    check_config(pack.game, config)
    levels: list[Level] = []
    for index in range(BATCHES):
        batch = make_batch(pack, config, index)
        for i in np.flatnonzero(batch.verdict == CERTIFIED):
            solution = tuple(int(action) for action in batch.solutions[i, : batch.length[i]])
            levels.append(Level(pack.game, batch.tiles[i], solution=solution, edits=int(batch.edits[i])))
        if len(levels) >= n:
            break
    else:
        raise LevelForgeError(f"{pack.game.name}: {len(levels)} of {n} levels found in {BATCHES} batches")
    if pack.critic is None or job["difficulty"] is None:
        return levels[:n]
    few = levels[: max(n, DRAFTS)]
    expected = pack.critic(np.stack([level.tiles for level in few]))[:, SCORES.index("difficulty")]
    return [few[i] for i in np.argsort(np.abs(expected - job["difficulty"]), kind="stable")[:n]]


def regenerate(job: Job) -> Job:
    """Another level around locked tiles: ``make_level``'s, ``tiles`` and ``locked`` (``bool[H, W]``)."""
    locked, given = job["locked"], job["tiles"]
    game = _game(job["game"])
    pack, problem = _pack(job["game"], job["pack"])
    if pack is None:
        raise LevelForgeError(problem)
    from levelforge.generate import GenerateConfig, generate
    from levelforge.lock import Lock

    lock = Lock(Level(game, given), locked)
    size = (given.shape[1], given.shape[0])
    config = GenerateConfig(n=CANDIDATES, seed=job["seed"], size=size, playtest=False, threads=1, lock=lock)
    try:
        levels = generate(pack, replace(config, max_candidates=TRIES)).levels
    except LevelForgeError:  # a small area has few answers: one is enough
        levels = generate(pack, replace(config, n=1)).levels
    measured = _measure(list(levels), game, pack)
    return _nearest(list(levels), measured, job) | {"source": "pack", "note": ""}


def check(job: Job) -> Job:
    """Whether ``tiles`` can be won, and how hard they are where there is a pack."""
    game = _game(job["game"])
    level = Level(game, job["tiles"])
    lacking = faults(level, limits=False)
    if lacking:
        return {"verdict": "unbeatable", "why": "; ".join(lacking)}
    from levelforge.solver import Solution, Unbeatable, solve

    found = solve(level, node_limit=NODE_LIMIT)
    if isinstance(found, Unbeatable):
        return {"verdict": "unbeatable", "why": found.reason}
    if not isinstance(found, Solution):
        return {"verdict": "undecided", "why": "too many possibilities to search"}
    answer: Job = {"verdict": "beatable", "solution": found.actions}
    pack, _ = _pack(job["game"], job["pack"])
    if pack is not None and job.get("measure", True):
        answer |= _facts(_measure([level], game, pack)[0])
    return answer


def think(job: Job) -> Job:
    """What the playtester would do after ``actions`` on ``tiles``, and its values as ``persona`` weighs them."""
    from levelforge.playtest.decide import decide

    pack, problem = _pack(job["game"], job["pack"])
    if pack is None:
        raise LevelForgeError(problem)
    env, done = _mirror(job)
    for action in job["actions"][done:]:
        env.step(np.array([action]))
    _MIRROR["actions"] = list(job["actions"])
    env.set_persona(np.asarray(job["persona"], np.float32))
    values = pack.playtester(env.observation)
    return {"q": values[0].tolist(), "action": int(decide(values, env.state)[0])}


def crash(job: Job) -> Job:
    """Die at once, as a worker may that runs out of memory; for tests."""
    os._exit(int(job.get("status", 1)))


JOBS = {"level": make_level, "regenerate": regenerate, "check": check, "think": think, "crash": crash}
_MIRROR: dict[str, Any] = {}


def _mirror(job: Job) -> tuple[BatchEnv, int]:
    """An environment at ``job``'s level, and how many of its actions it has seen."""
    from levelforge.env.batch import BatchEnv

    key = job["game"], job["tiles"].tobytes(), job["tiles"].shape
    seen: list[int] = _MIRROR.get("actions", [])
    if _MIRROR.get("key") != key:
        _MIRROR["env"] = BatchEnv(
            _game(job["game"]), job["tiles"][None], 1, seed=0, shaping=False, autoreset=False
        )
        _MIRROR["key"], seen = key, []
    elif list(job["actions"][: len(seen)]) != seen:
        _MIRROR["env"].reset(0)
        seen = []
    _MIRROR["env"].set_epsilon(0.0)
    return _MIRROR["env"], len(seen)


def _nearest(levels: list[Level], measured: list[PlaytestResult], job: Job) -> Job:
    """Of certified levels, the one nearest to the difficulty asked for, with all that was measured."""
    asked = job["difficulty"]
    best = 0 if asked is None else int(np.argmin([abs(m.difficulty - asked) for m in measured]))
    level = levels[best]
    answer = {"tiles": level.tiles, "solution": level.solution, "edits": level.edits, "seed": job["seed"]}
    return answer | _facts(measured[best])


def _measure(levels: list[Level], game: Game, pack: Pack) -> list[PlaytestResult]:
    """One playtest a level; always with the same noise, so that a level measures the same wherever it is met."""
    from levelforge.playtest.measure import playtest

    return playtest(levels, game, pack, seed=0, episodes=EPISODES, personas=("runner",), fun=False)


def _facts(result: PlaytestResult) -> Job:
    play = result.first
    return {
        "difficulty": result.difficulty,
        "why": result.why,
        "visits": play.visits,
        "near": play.near,
        "deaths": play.deaths[:, :2],
    }


def _from_corpus(game: Game, job: Job) -> Job:
    """A level of the designer's for where there is no pack: of a few, the one whose solution's length fits best."""
    from levelforge.solver import Solution, solve

    dice = np.random.default_rng(job["seed"])
    paths = corpus_files(game)
    picked = [
        read_corpus(game, paths[int(i)]) for i in dice.choice(len(paths), min(4, len(paths)), replace=False)
    ]
    solved = [(level, solve(level, node_limit=NODE_LIMIT)) for level in picked]
    pairs = [(level, found.actions) for level, found in solved if isinstance(found, Solution)]
    if not pairs:
        raise LevelForgeError(f"{game.name}: no level of the corpus could be solved")
    pairs.sort(key=lambda pair: len(pair[1]))
    asked = 0.5 if job["difficulty"] is None else job["difficulty"]
    level, actions = pairs[min(len(pairs) - 1, int(asked * len(pairs)))]
    return {
        "tiles": level.tiles, "solution": actions, "difficulty": None, "seed": job["seed"], "source": "corpus",
        "edits": None, "name": level.id,
    }  # fmt: skip


def corpus_files(game: Game) -> list[str]:
    """The readable levels of a game's corpus, sorted.

    Raises:
        LevelForgeError: the game has none.
    """
    from levelforge.exporters import find_files

    if game.folder is None or not (game.folder / "corpus").is_dir():
        raise LevelForgeError(f"game {game.name!r} has neither a pack nor a corpus to play")
    return [str(path) for path in find_files([game.folder / "corpus"])]


def read_corpus(game: Game, path: str) -> Level:
    """One level of a corpus."""
    from levelforge.exporters import read_level

    return read_level(path, game)


@lru_cache(maxsize=8)
def _game(name: str) -> Game:
    return load_game(name)


def _pack(game: str, folder: str | None) -> tuple[Pack | None, str]:
    """The pack, or why there is none. Asked anew while there is none: one may be in the making."""
    try:
        return _loaded(game, folder), ""
    except LevelForgeError as error:
        return None, str(error)


@lru_cache(maxsize=4)
def _loaded(game: str, folder: str | None) -> Pack:
    from pathlib import Path

    from levelforge.pack import load_pack, read_pack

    return load_pack(_game(game)) if folder is None else read_pack(Path(folder), _game(game))
