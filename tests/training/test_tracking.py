"""A tracker hears of parameters, metrics, pictures and the pack; the CSV is written with or without one."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from training.fake_trainers import SETTINGS, FakeMakers

from levelforge.errors import LevelForgeError, MissingExtraError
from levelforge.training.folder import RunFolder
from levelforge.training.run import train
from levelforge.training.settings import RunSettings
from levelforge.training.tracking import MLFLOW_FILE

HERE = Path(__file__).parent
DRAWN = RunSettings(**(vars(SETTINGS) | {"sample_levels": 2}))


class FakeClient:
    """Keeps what MLflow's client is told, over all clients: the server's memory."""

    runs: dict = {}  # noqa: RUF012 - shared on purpose
    failing = False

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name):
        return "1"

    def create_run(self, experiment, run_name):
        run_id = f"run{len(self.runs)}"
        self.runs[run_id] = {
            "name": run_name, "params": {}, "metrics": [], "tags": {}, "files": [], "packs": [], "status": []
        }  # fmt: skip
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    def get_run(self, run_id):
        return SimpleNamespace(data=SimpleNamespace(params=dict(self.runs[run_id]["params"])))

    def update_run(self, run_id, status):
        self.runs[run_id]["status"].append(status)

    def set_terminated(self, run_id, status):
        self.runs[run_id]["status"].append(status)

    def set_tag(self, run_id, key, value):
        self.runs[run_id]["tags"][key] = value

    def log_batch(self, run_id, metrics=(), params=()):
        if self.failing and metrics:
            raise ConnectionError("no route to host\nand more")
        assert len(params) <= 100
        for key, value in params:
            assert key not in self.runs[run_id]["params"], "MLflow refuses a parameter told twice"
            self.runs[run_id]["params"][key] = value
        self.runs[run_id]["metrics"] += metrics

    def log_artifact(self, run_id, path, where):
        assert Path(path).is_file()
        self.runs[run_id]["files"].append(f"{where}/{Path(path).name}")

    def log_artifacts(self, run_id, folder, where):
        self.runs[run_id]["packs"].append((where, {p.name for p in Path(folder).iterdir()}))


@pytest.fixture
def server(monkeypatch):
    FakeClient.runs, FakeClient.failing = {}, False
    mlflow, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    mlflow.MlflowClient = FakeClient
    entities.Param = lambda key, value: (key, value)
    entities.Metric = lambda key, value, now, step: (key, value, step)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return FakeClient


def go(out, makers=None, **extra):
    given = {"settings": DRAWN, "budget": 300, "seed": 5, "track": "mlflow", "quiet": True} | extra
    return train("dungeon", out=out, makers=makers or FakeMakers(), **given)


def test_a_run_tells_parameters_metrics_pictures_and_the_pack(server, tmp_path):
    assert go(tmp_path / "run").done
    (told,) = server.runs.values()
    assert told["name"] == "dungeon run"
    assert told["params"]["seed"] == "5"
    assert told["params"]["gan.learning_rate"] == "0.0006"
    assert told["tags"]["levelforge.budget"] == "300"
    rows = [
        (f"{phase}.{name}", value) for _, phase, name, value in RunFolder(tmp_path / "run").read_metrics()
    ]
    assert [name for name, _, _ in told["metrics"]] == [name for name, _ in rows]
    assert [value for _, value, _ in told["metrics"]] == pytest.approx([value for _, value in rows], rel=1e-5)
    assert "samples/gan-last.png" in told["files"]
    ((where, files),) = told["packs"]
    assert where == "pack"
    assert {"generator.onnx", "playtester.onnx", "pack.json", "model_card.md"} <= files
    assert told["status"] == ["FINISHED"]


def test_a_resume_goes_on_with_the_same_run(server, tmp_path):
    def stop(name, trainer):
        plain = trainer.advance

        def advance(seconds):
            os.kill(os.getpid(), 2)
            return plain(seconds)

        trainer.advance = advance

    run = tmp_path / "run"
    assert not go(run, FakeMakers(on_build=stop)).done
    assert train(out=run, resume=True, budget=301, settings=DRAWN, makers=FakeMakers(), quiet=True).done
    (told,) = server.runs.values()
    assert told["status"] == ["KILLED", "RUNNING", "FINISHED"]
    assert told["tags"]["levelforge.budget"] == "301"
    assert json.loads((run / MLFLOW_FILE).read_text(encoding="utf-8")) == {"run_id": "run0"}


def test_a_tracker_that_fails_does_not_stop_the_run(server, tmp_path):
    server.failing = True
    assert go(tmp_path / "run").done
    log = (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    assert log.count("tracking stopped, training goes on: no route to host\n") == 1
    assert RunFolder(tmp_path / "run").read_metrics()


def test_a_run_that_breaks_is_told_as_failed(server, tmp_path):
    def break_off(name, trainer):
        trainer.advance = lambda seconds: 1 / 0

    with pytest.raises(ZeroDivisionError):
        go(tmp_path / "run", FakeMakers(on_build=break_off))
    (told,) = server.runs.values()
    assert told["status"] == ["FAILED"]


def test_a_missing_extra_is_one_line_and_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(
        MissingExtraError, match=r"tracking with MLflow needs .* pip install 'levelforge\[mlflow\]'"
    ):
        go(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_tracker_and_an_unreachable_store_are_named(server, monkeypatch, tmp_path):
    with pytest.raises(LevelForgeError, match=r"unknown tracker 'mlfow' .*did you mean 'mlflow'"):
        go(tmp_path / "run", track="mlfow")
    monkeypatch.setattr(FakeClient, "get_experiment_by_name", lambda self, name: 1 / 0)
    with pytest.raises(LevelForgeError, match="MLflow cannot use its local store: division by zero; mend"):
        go(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_a_tracker_mlflow_is_never_imported(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert go(tmp_path / "run", track=None).done
    assert not (tmp_path / "run" / MLFLOW_FILE).exists()


TRAIN = """
from training.fake_trainers import SETTINGS, FakeMakers
from levelforge.training.run import train
assert train("dungeon", out="run", settings=SETTINGS, makers=FakeMakers(), budget=300, track="mlflow").done
"""
READ_BACK = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient()
(run,) = client.search_runs([client.get_experiment_by_name("levelforge").experiment_id])
files = [f.path for part in ("samples", "pack") for f in client.list_artifacts(run.info.run_id, part)]
steps = [m.value for m in client.get_metric_history(run.info.run_id, "gan.step")]
print(json.dumps([run.info.status, run.data.params["seed"], steps, files]))
"""


@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("mlflow", "sqlalchemy", "alembic")),
    reason="MLflow is not installed",
)
def test_a_run_in_the_real_local_store(tmp_path):
    # processes of their own: MLflow changes warnings and handlers of the one it is imported into
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment |= {
        "PYTHONPATH": str(HERE.parent),
        "OMP_NUM_THREADS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    for program in (TRAIN, READ_BACK):
        command = [sys.executable, "-c", program]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    status, seed, steps, files = json.loads(done.stdout.splitlines()[-1])
    assert (status, seed, steps) == ("FINISHED", "0", [1.0, 2.0, 3.0])
    assert {"samples/gan-last.png", "pack/generator.onnx", "pack/pack.json"} <= set(files)
