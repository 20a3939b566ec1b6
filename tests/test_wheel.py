"""The wheel: one package in site-packages, with everything in it that making levels needs."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from levelforge.game import bundled_games, load_game

ROOT = Path(__file__).parent.parent


def run(*command, cwd):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the tracked files, so that no build folder is left in the tree."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        source, target = ROOT / name, tree / name
        if not source.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(source.readlink())
        else:
            target.write_bytes(source.read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, tree, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_one_package_lands_in_site_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"levelforge"}


def test_the_mapped_folders_are_whole(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for mapped in ("exporters", "demo_game", "assets"):
        assert f"levelforge/{mapped}/__init__.py" in names
    assert "levelforge/py.typed" in names
    suffixes = {".py", ".toml", ".txt", ".md", ".json", ".png", ".onnx", ".ttf", ".js", ".html", ".css"}
    for folder in ("levelforge", "exporters", "demo_game", "assets"):
        for path in (ROOT / folder).rglob("*"):
            inner = path.relative_to(ROOT).as_posix()
            if path.is_file() and path.suffix in suffixes and "__pycache__" not in inner:
                place = inner if folder == "levelforge" else f"levelforge/{inner}"
                assert place in names, f"{inner} does not ship"


def test_an_empty_environment_makes_a_level(wheel, tmp_path):
    """No torch there, and nothing of the checkout: only the wheel and what it depends on."""
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel, cwd=tmp_path)
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    # The dependencies are lent by this environment: a path line brings no editable installs along.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (site / "torch.py").write_text("raise ImportError('no torch here')\n", encoding="utf-8")
    where = run(python, "-c", "import levelforge; print(levelforge.__file__)", cwd=tmp_path)
    assert where.strip().startswith(str(venv))
    forge = venv / "bin" / "levelforge"
    assert "dungeon" in run(forge, "games", cwd=tmp_path)
    for name in bundled_games():
        if not (load_game(name).folder / "pack").is_dir():
            pytest.skip(f"{name} has no pack yet")
        out = tmp_path / name
        run(
            forge,
            "generate",
            name,
            "-n",
            "1",
            "--no-playtest",
            "--format",
            "json",
            "--out",
            out,
            cwd=tmp_path,
        )
        assert list(out.glob("*.json"))
