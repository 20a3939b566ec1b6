"""A run: its phases, its folder, stopping and going on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from training.fake_trainers import SETTINGS, FakeMakers

from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.training.budget import format_seconds, parse_budget
from levelforge.training.dqn import DqnConfig
from levelforge.training.folder import CHECKPOINT, PREVIOUS, RunFolder
from levelforge.training.gan import FIRST_TRAINING, GanConfig
from levelforge.training.loop import LoopConfig
from levelforge.training.packing import pack_run
from levelforge.training.run import train
from levelforge.training.settings import RunSettings, changed, from_json, to_json

HERE = Path(__file__).parent


def go(out, makers=None, **extra):
    extra.setdefault("settings", SETTINGS)
    given = extra.pop("game", "dungeon")
    return train(given, out=out, makers=makers or FakeMakers(), quiet=True, **extra)


def totals(run):
    """The final sums of the fakes: equal only if every step drew the same numbers."""
    return {phase: value for _, phase, name, value in RunFolder(run).read_metrics() if name == "final"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "whole"
    makers = FakeMakers()
    result = go(run, makers, budget=300, seed=5, command="levelforge train dungeon --seed 5")
    assert result.done
    return run, makers


def test_a_run_goes_through_its_phases_and_leaves_its_files(finished):
    run, _ = finished
    assert {p.name for p in run.iterdir()} >= {"config.json", "metrics.csv", "log.txt", CHECKPOINT}
    assert {p.name for p in (run / "export").iterdir()} >= {
        "generator.onnx",
        "playtester.onnx",
        "critic.onnx",
        "pool.npz",
    }
    assert list((run / "samples").glob("*.png"))
    phases = [phase for _, phase, _, _ in RunFolder(run).read_metrics()]
    assert list(dict.fromkeys(phases)) == ["gan", "pool", "dqn", "loop"]
    assert not list(run.rglob("*.part"))


def test_what_anneals_goes_by_the_runs_clock(tmp_path):
    built = []
    makers = FakeMakers(on_build=lambda phase, trainer: built.append((phase, trainer)))
    assert go(tmp_path / "run", makers, budget=3000).done
    first, second = (trainer for phase, trainer in built if phase == "gan")
    assert 0 < first.progress() < 0.1  # a few seconds of 3000
    assert second.progress() == FIRST_TRAINING  # the loop's time, by which it goes on, is not there yet
    (player,) = (trainer for phase, trainer in built if phase == "dqn")
    assert player.progress() == 0
    (loop,) = (trainer for phase, trainer in built if phase == "loop")
    assert 2900 < loop.left < 3000  # all of the budget that is left is for its end


def test_the_config_tells_what_was_done(finished):
    run, _ = finished
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["seed"] == 5
    assert config["game_digest"] == load_game("dungeon").digest
    assert len(config["corpus_hash"]) == 64
    assert config["command"] == "levelforge train dungeon --seed 5"
    assert config["gan"] == to_json(GanConfig())
    assert config["dqn"] == to_json(DqnConfig())
    assert config["loop"] == to_json(LoopConfig())


def test_the_playtester_trains_on_corpus_and_generated_levels(finished):
    run, makers = finished
    with np.load(run / "export" / "pool.npz") as data:
        generated = data["levels"]
    assert len(generated) == SETTINGS.generated_levels
    assert len(makers.levels) > len(generated)
    assert len(makers.heldout) > 0
    heldout = {level.tobytes() for level in makers.heldout}
    assert not heldout & {level.tobytes() for level in makers.levels}


def test_a_finished_run_becomes_a_pack_with_its_card(finished, tmp_path):
    run, _ = finished
    pack = pack_run(run, tmp_path / "pack")
    card = (tmp_path / "pack" / "model_card.md").read_text(encoding="utf-8")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    for fact in (config["command"], config["corpus_hash"], "| seed | 5 |", pack.hash):
        assert fact in card
    assert pack.info["figures"]["loop.heldout_best"] == 0.5
    assert pack.critic is not None
    assert pack.info["training"]["corpus_hash"] == config["corpus_hash"]


def test_resuming_a_finished_run_changes_nothing(finished):
    run, _ = finished
    before = totals(run)
    assert train(out=run, resume=True, budget=0.001, makers=FakeMakers(), quiet=True).done
    assert totals(run) == before


def test_an_unfinished_run_is_no_pack(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create({"game": "dungeon"})
    with pytest.raises(LevelForgeError, match="is not done; finish it first"):
        pack_run(run.path, tmp_path / "pack")
    with pytest.raises(LevelForgeError, match="is not a training run"):
        pack_run(tmp_path, tmp_path / "pack")


def interrupted(run, phase):
    """A run that Ctrl-C stopped in the midst of a phase."""

    def interrupt(name, trainer):
        if name == phase:
            plain = trainer.advance

            def advance(seconds):
                if trainer.steps == 1:
                    os.kill(os.getpid(), signal.SIGINT)
                return plain(seconds)

            trainer.advance = advance

    assert not go(run, FakeMakers(on_build=interrupt), budget=300, seed=5).done
    return run


@pytest.mark.parametrize("phase", ["gan", "dqn", "loop"])
def test_ctrl_c_stops_cleanly_and_a_resume_ends_where_the_whole_run_does(finished, tmp_path, phase):
    before = signal.getsignal(signal.SIGINT)
    run = interrupted(tmp_path / "run", phase)
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopped" in (run / "log.txt").read_text(encoding="utf-8")
    second = train(out=run, resume=True, makers=FakeMakers(), quiet=True)
    assert second.done
    assert totals(run) == totals(finished[0])
    steps = [v for _, p, name, v in RunFolder(run).read_metrics() if p == phase and name == "step"]
    assert steps == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("phase", "lacking"), [("gan", "total"), ("dqn", "total"), ("loop", "total"), ("loop", "pool")]
)
def test_a_checkpoint_of_another_version_is_refused_by_name_of_what_it_lacks(tmp_path, phase, lacking):
    run = RunFolder(interrupted(tmp_path / "run", phase))
    state = run.load_checkpoint()
    del state["trainer"][lacking]
    run.save_checkpoint(state)
    with pytest.raises(LevelForgeError, match=rf"another version \(it lacks '{lacking}'\); start a new run"):
        train(out=run.path, resume=True, makers=FakeMakers(), quiet=True)


def test_a_full_gpu_is_not_taken_for_another_version(tmp_path):
    run = interrupted(tmp_path / "run", "gan")

    def full(phase, trainer):
        def load(state):
            raise torch.OutOfMemoryError("CUDA out of memory")

        trainer.load_state_dict = load

    with pytest.raises(torch.OutOfMemoryError):
        train(out=run, resume=True, makers=FakeMakers(on_build=full), quiet=True)


def test_a_checkpoint_whose_networks_have_other_sizes_is_refused(tmp_path):
    run = interrupted(tmp_path / "run", "gan")

    def grown(phase, trainer):
        weights = torch.nn.Linear(2, 3)
        trainer.load_state_dict = lambda state: weights.load_state_dict(torch.nn.Linear(2, 4).state_dict())

    with pytest.raises(LevelForgeError, match=r"another version \(size mismatch for .*\); start a new run"):
        train(out=run, resume=True, makers=FakeMakers(on_build=grown), quiet=True)


def test_kill_9_loses_at_most_what_came_after_the_checkpoint(tmp_path):
    program = [sys.executable, str(HERE / "fake_trainers.py"), str(tmp_path / "killed")]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "killed" / PREVIOUS
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    state = RunFolder(tmp_path / "killed").load_checkpoint()
    assert state is not None
    assert 0 < state["trainer"]["steps"] < 60
    resumed = train(out=tmp_path / "killed", resume=True, makers=FakeMakers(steps=60), quiet=True)
    whole = go(tmp_path / "whole", FakeMakers(steps=60), budget=600)
    assert resumed.done
    assert whole.done
    assert totals(tmp_path / "killed") == totals(tmp_path / "whole")
    steps = [v for _, p, n, v in RunFolder(tmp_path / "killed").read_metrics() if (p, n) == ("gan", "step")]
    assert steps == [float(i + 1) for i in range(60)]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create({})
    run.save_checkpoint({"number": 1})
    run.save_checkpoint({"number": 2})
    assert run.load_checkpoint() == {"number": 2}
    (run.path / CHECKPOINT).write_bytes((run.path / CHECKPOINT).read_bytes()[:50])
    assert run.load_checkpoint() == {"number": 1}
    (run.path / PREVIOUS).write_bytes(b"")
    with pytest.raises(LevelForgeError, match="no checkpoint can be read"):
        run.load_checkpoint()


def test_checkpoints_are_never_unpickled(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create({})
    torch.save({"evil": Path("x")}, run.path / CHECKPOINT)
    with pytest.raises(LevelForgeError, match="no checkpoint can be read"):
        run.load_checkpoint()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 6}, "seed changed: the run has 5, now it is 6"),
        ({"loss": "wgan-gp"}, 'gan.loss changed: the run has "r3gan", now it is "wgan-gp"'),
        ({"game": "platformer"}, 'game changed: the run has "dungeon", now it is "platformer"'),
        ({"dqn": DqnConfig(n_envs=64)}, "dqn.n_envs changed: the run has 128, now it is 64"),
    ],
)
def test_a_resume_refuses_a_changed_configuration(finished, change, words):
    with pytest.raises(LevelForgeError, match=words):
        train(**({"out": finished[0], "resume": True, "makers": FakeMakers(), "quiet": True} | change))


def test_a_resume_refuses_a_changed_corpus(finished, tmp_path):
    corpus = load_game("dungeon").folder / "corpus" / "train"
    for path in sorted(corpus.iterdir())[:6]:
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(LevelForgeError, match="corpus_hash changed"):
        train(out=finished[0], levels=tmp_path, resume=True, makers=FakeMakers(), quiet=True)


def test_a_run_is_never_overwritten(finished, tmp_path):
    with pytest.raises(LevelForgeError, match="holds a run already; go on with --resume"):
        go(finished[0])
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(LevelForgeError, match="is not empty and not a run"):
        go(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"game": None}, "which game"),
        ({"game": "dungoen"}, "did you mean 'dungeon'"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"budget": 0}, "budget 0 s is no time"),
        ({"levels": "nowhere"}, "nowhere: no such"),
    ],
)
def test_bad_arguments_are_named(tmp_path, change, words):
    with pytest.raises(LevelForgeError, match=words):
        go(tmp_path / "run", **change)
    assert not (tmp_path / "run").exists()


def test_an_empty_corpus_is_named(tmp_path):
    (tmp_path / "maps").mkdir()
    with pytest.raises(LevelForgeError, match=r"maps: holds no .*level"):
        go(tmp_path / "run", levels=tmp_path / "maps")


def test_a_corpus_level_without_a_start_is_named(tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a.txt").write_text("####\n#.>#\n####\n", encoding="utf-8")
    with pytest.raises(LevelForgeError, match="level 'a' has no start; mend it"):
        go(tmp_path / "run", levels=tmp_path / "maps")


def test_settings_survive_json_and_refuse_unknown_keys():
    for settings in (RunSettings(), GanConfig(), DqnConfig(), LoopConfig()):
        assert from_json(type(settings), json.loads(json.dumps(to_json(settings))), "x") == settings
    with pytest.raises(LevelForgeError, match=r"dqn.net: unknown setting 'hiden'.*did you mean 'hidden'"):
        from_json(DqnConfig, {"net": {"hiden": 3}}, "dqn")
    with pytest.raises(LevelForgeError, match="checkpoint_seconds 90"):
        RunSettings(checkpoint_seconds=90)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("2h", 7200), ("90s", 90), ("1h30m", 5400), ("10", 600), ("0.5h", 1800)],
)
def test_budgets(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "30x", "-5m", "0s", "m30"])
def test_bad_budgets(text):
    with pytest.raises(LevelForgeError, match=r"write a number and a unit|at least 1s"):
        parse_budget(text)


def test_seconds_for_people():
    assert [format_seconds(s) for s in (9.9, 75, 3661)] == ["9s", "1m 15s", "1h 01m"]


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("gamma", "16", 16.0),
        ("batch", "8", 8),
        ("loss", "wgan-gp", "wgan-gp"),
        ("generator_channels", "[64, 32, 16]", (64, 32, 16)),
    ],
)
def test_any_setting_can_be_changed_by_name(path, text, value):
    settings = changed(GanConfig(), path, text, "gan")
    assert getattr(settings, path) == value
    assert type(getattr(settings, path)) is type(getattr(GanConfig(), path))
    assert changed(settings, path, json.dumps(to_json(GanConfig())[path]), "gan") == GanConfig()


def test_nested_settings_are_joined_by_dots():
    assert changed(LoopConfig(), "weights.fun", "0", "loop").weights.fun == 0.0


@pytest.mark.parametrize(
    ("settings", "path", "text", "message"),
    [
        (GanConfig(), "gama", "1", r"gan: unknown setting 'gama' \(did you mean 'gamma'\?\)"),
        (GanConfig(), "gamma.x", "1", "gan: unknown setting 'gamma.x'"),
        (GanConfig(), "gamma", "much", r"gan.gamma: 'much' will not do where 8.0 is the default"),
        (GanConfig(), "batch", "1.5", "gan.batch: '1.5' will not do where 16"),
        (GanConfig(), "batch", "true", "gan.batch: 'true' will not do where 16"),
        (GanConfig(), "generator_channels", "[1]", "gan.generator_channels"),
        (LoopConfig(), "weights", "{}", "gan.weights"),
    ],
)
def test_a_change_that_will_not_do_is_refused_by_name(settings, path, text, message):
    with pytest.raises(LevelForgeError, match=message):
        changed(settings, path, text, "gan")


def test_changes_reach_the_run_and_hold_when_it_goes_on(tmp_path):
    run = tmp_path / "run"
    go(run, budget=300, changes={"gan.gamma": "16", "loop.weights.fun": "0"}, threads=2)
    config = RunFolder(run).config()
    assert config["gan"]["gamma"] == 16.0
    assert config["loop"]["weights"]["fun"] == 0.0
    assert config["settings"]["gan_threads"] == 2
    with pytest.raises(LevelForgeError, match=r"gan.gamma changed: the run has 16.0, now it is 8.0"):
        go(run, resume=True, threads=2, changes={"gan.gamma": "8"})
    with pytest.raises(
        LevelForgeError, match=r"unknown setting 'gamma': settings begin with gan\., dqn\., loop\., run\."
    ):
        go(tmp_path / "other", changes={"gamma": "1"})


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(LevelForgeError, match=r"unknown device 'tpu' \(known: auto, cpu, cuda\)"):
        go(tmp_path / "run", device="tpu")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(LevelForgeError, match=r"no GPU that torch can use; .*--device cpu"):
        go(tmp_path / "run", device="cuda")
    assert not (tmp_path / "run").exists()
