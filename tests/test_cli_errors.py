"""Bad input: one line that names the fault and the mend, status 2, nothing left behind; and Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from standins import make_pack, playtester_onnx

import levelforge
from levelforge.cli import cli
from levelforge.console import Forge, progress
from levelforge.game import load_game
from levelforge.generate import GenerateConfig, generate

LEVEL = "################\n#@............>#\n" + "#..............#\n" * 10 + "################\n"

Refuse = Callable[..., str]


@pytest.fixture(name="refusal")
def _refusal() -> Refuse:
    """Runs a command that must fail, and returns its one line of error."""

    def run(*args: object) -> str:
        result: Result = CliRunner().invoke(cli, [str(a) for a in args])
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0]

    return run


@pytest.fixture(scope="module", name="pack")
def _pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pack(tmp_path_factory.mktemp("packs") / "dungeon", "dungeon").folder


@pytest.fixture(name="broken")
def _broken(pack: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pack, tmp_path / "pack")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["generat"], "unknown command 'generat' (did you mean 'generate'?)"),
        (["generate", "dungon"], "unknown game 'dungon' (did you mean 'dungeon'?)"),
        (["generate", "dungeon", "--sede", "1"], "--sede"),
        (["generate", "dungeon", "--format", "tild"], "unknown format 'tild' (did you mean 'tiled'?)"),
        (
            ["generate", "dungeon", "--difficulty", "hard"],
            "'hard' is no difficulty; write a number such as 0.4",
        ),
        (["generate", "dungeon", "--size", "big"], "'big' is no size"),
        (["generate", "dungeon", "--count", "door"], "'door' is no count; write a tile and a number"),
        (["generate", "dungeon", "-n", "0"], "0 is not in the range"),
        (["generate", "dungeon", "--seed", "-1"], "-1 is not in the range"),
        (["generate"], "GAME"),
        (["verify"], "PATH"),
        (["verify", "nowhere.json"], "nowhere.json: no such file or folder"),
        (["convert", "x.json", "--to", "jsn", "--out", "y"], "did you mean 'json'?"),
        (["playtest", "nowhere"], "nowhere: no such file or folder"),
        (["train"], "which game?"),
        (["train", "dungon"], "did you mean 'dungeon'?"),
        (["train", "dungeon", "--resume", "x", "--out", "y"], "leave --out away"),
        (["train", "dungeon", "--freeze"], "freeze what? give a pack to start from with --from"),
        (["train", "dungeon", "--from", "dungoen"], "did you mean 'dungeon'?"),
        (["train", "dungeon", "--set", "gan.gama=1"], "gan: unknown setting 'gama' (did you mean 'gamma'?)"),
        (["train", "dungeon", "--device", "tpu"], "unknown device 'tpu' (known: auto, cpu, cuda)"),
        (["train", "dungeon", "--track", "mlfow"], "unknown tracker 'mlfow' (did you mean 'mlflow'?)"),
    ],
)
def test_bad_usage(refusal: Refuse, args: list[str], message: str) -> None:
    assert message in refusal(*args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--difficulty", "2"], "difficulty 2 is outside 0 (easy) to 1 (hard)"),
        (["--difficulty", "0.9:0.1"], "must rise"),
        (["--count", "door=5"], "dungeon allows 0 to 3"),
        (["--count", "dor=1"], "did you mean 'door'?"),
        (["--count", "wall=9"], "'wall' has no count"),
        (["--size", "3x3"], "size 3x3 is outside what dungeon allows: 16x12 to 128x96"),
    ],
)
def test_what_the_game_does_not_allow(
    refusal: Refuse, pack: Path, tmp_path: Path, args: list[str], message: str
) -> None:
    assert message in refusal("generate", "dungeon", "--pack", pack, "--out", tmp_path / "out", *args)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "ragged.txt",
            LEVEL.replace("#..............#\n", "#....#\n", 1),
            "row 3 has 6 symbols where row 1 has 16",
        ),
        ("latin.txt", LEVEL.encode().replace(b"@", b"\xe9"), "not UTF-8"),
        ("symbol.txt", LEVEL.replace("@.", "@?"), "unknown symbol '?' at row 2, column 3"),
        ("nostart.txt", LEVEL.replace("@", "."), "no start"),
        ("nogoal.txt", LEVEL.replace(">", "."), "no goal"),
        ("empty.txt", "", "empty.txt"),
        ("cut.json", '{"format": "levelforge-level", "ver', "cut.json"),
        ("cut.tmx", "<?xml version='1.0'?><map", "cut.tmx"),
        ("picture.gif", b"GIF89a", "picture.gif"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "solve", "playtest"])
def test_a_level_that_cannot_be_used(
    refusal: Refuse, tmp_path: Path, command: str, name: str, content: str | bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    line = refusal(command, file, "--game", "dungeon")
    assert message in line
    assert name in line


def test_an_empty_folder(refusal: Refuse, tmp_path: Path) -> None:
    assert "holds no level" in refusal("verify", tmp_path)
    assert str(tmp_path) in refusal("train", "dungeon", "--levels", tmp_path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_levels_of_two_games_are_not_played_together(refusal: Refuse, tmp_path: Path) -> None:
    files = [
        next((load_game(name).folder or tmp_path).glob("corpus/**/*.txt"))
        for name in ("dungeon", "platformer")
    ]
    assert "one game at a time" in refusal("playtest", *files)


def test_a_truncated_model(refusal: Refuse, broken: Path, tmp_path: Path) -> None:
    model = broken / "generator.onnx"
    model.write_bytes(model.read_bytes()[:400])
    args = ("generate", "dungeon", "--pack", broken, "--out", tmp_path / "out")
    assert "generator.onnx: does not match its hash" in refusal(*args)
    assert not (tmp_path / "out").exists()


def test_a_foreign_model(refusal: Refuse, broken: Path, tmp_path: Path) -> None:
    (broken / "generator.onnx").write_bytes(playtester_onnx(load_game("dungeon")))
    assert "does not match its hash" in refusal(
        "generate", "dungeon", "--pack", broken, "--out", tmp_path / "out"
    )


def test_a_pack_whose_hash_does_not_match_its_card(refusal: Refuse, broken: Path, tmp_path: Path) -> None:
    info = json.loads((broken / "pack.json").read_text())
    (broken / "pack.json").write_text(json.dumps(info | {"hash": "0" * 64}))
    assert "'hash' does not match" in refusal(
        "generate", "dungeon", "--pack", broken, "--out", tmp_path / "out"
    )


def test_a_pack_for_another_game(refusal: Refuse, pack: Path, tmp_path: Path) -> None:
    line = refusal("generate", "platformer", "--pack", pack, "--out", tmp_path / "out")
    assert "is a pack for game 'dungeon', not for this 'platformer'" in line


def test_no_pack_there(refusal: Refuse, tmp_path: Path) -> None:
    assert "pack.json: cannot be read" in refusal(
        "generate", "dungeon", "--pack", tmp_path, "--out", tmp_path / "o"
    )
    assert "is not a training run" in refusal("pack", tmp_path, "--out", tmp_path / "o")


def test_a_folder_that_cannot_be_made(refusal: Refuse, pack: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    line = refusal("generate", "dungeon", "--no-playtest", "--pack", pack, "--out", tmp_path / "file" / "out")
    assert "cannot be written" in line
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(refusal: Refuse, pack: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert "cannot be written" in refusal(
        "generate", "dungeon", "--no-playtest", "--pack", pack, "--out", locked
    )


def test_a_full_disk_leaves_nothing_half_written(
    refusal: Refuse, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = Path.write_bytes, 0

    def write_bytes(path: Path, data: bytes) -> int:
        nonlocal written
        written += len(data)
        if written > 20_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    line = refusal("generate", "dungeon", "--no-playtest", "--pack", pack, "--out", tmp_path / "a" / "b")
    assert "No space left on device" in line
    assert not (tmp_path / "a").exists()


def test_a_missing_extra_names_the_install_command(refusal: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(levelforge, "training", raising=False)  # so that the one of other tests comes back
    for name in [m for m in sys.modules if m.startswith("levelforge.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install 'levelforge[train]'" in refusal("train", "dungeon")


def test_a_fault_of_ours_is_not_an_answer(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def boom(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("levelforge.output.write_generated", boom)
    result = CliRunner().invoke(
        cli, ["generate", "dungeon", "--pack", str(pack), "--out", str(tmp_path / "o")]
    )
    assert result.exit_code == 70, "1 would mean that the answer is no"
    assert not (tmp_path / "o").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_nothing_half_written(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = ["generate", "dungeon", "-n", "100000", "--format", "json", "--pack", str(pack), "--out", str(out)]
    # tests that run in the background of a shell hand down that Ctrl-C is ignored
    command = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command += "from levelforge.cli import cli; cli.main()"
    with subprocess.Popen(
        [sys.executable, "-c", command, *args], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not out.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert stderr.strip().splitlines()[-1] == "error: interrupted; nothing half-written was left behind"
    assert "Traceback" not in stderr
    assert not out.exists()


@pytest.fixture(name="attentive")
def _attentive() -> Iterator[None]:
    """Ctrl-C as a terminal has it, whatever the tests were started by."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_ctrl_c_that_c_code_swallowed_is_heard_at_the_next_step(attentive: None) -> None:
    steps: list[int] = []
    group = Forge()

    @group.command()
    def work() -> None:
        with progress() as tell:
            for step in range(3):
                tell("work", step, 3)
                steps.append(step)
                with contextlib.suppress(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)

    result = CliRunner().invoke(group, ["work"])
    assert result.exit_code == 130
    assert result.stderr.strip() == "error: interrupted; nothing half-written was left behind"
    assert steps == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    steps.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert CliRunner().invoke(group, ["work"]).exit_code == 0, "who ignores Ctrl-C goes on ignoring it"
    assert steps == [0, 1, 2]


def test_ctrl_c_counts_while_the_threads_of_generation_end(
    pack: Path, attentive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pool(ThreadPoolExecutor):
        def shutdown(self, *args: bool, **how: bool) -> None:
            super().shutdown(*args, **how)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("levelforge.batches.ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        generate(pack, GenerateConfig(1, playtest=False))


def test_a_reader_that_stops_listening(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LEVEL)
    command = f"{sys.executable} -m levelforge.cli verify {tmp_path} --game dungeon --json | head -c 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr


def test_help_does_not_load_what_takes_long() -> None:
    code = (
        "import sys; from levelforge.cli import cli\n"
        "try: cli.main(['generate', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'numpy', 'numba', 'onnxruntime', 'PIL', 'torch', 'tcod', 'lxml'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
