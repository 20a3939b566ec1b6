"""The command export-kit: what it writes, where its libraries come from, and what it refuses."""

import base64
import hashlib
import io
import json
import stat
import sys
import tarfile
from dataclasses import replace

import pytest
from click.testing import CliRunner

from levelforge import web_vendor
from levelforge.cli import cli
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.pack import load_pack
from levelforge.web_kit import export_web_kit, game_facts, kit_folder
from levelforge.web_vendor import libraries, vendor_files


def archive(library, changed=b""):
    """An npm archive of a library whose files hold their own names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in [*library.files, "README.md"]:
            info = tarfile.TarInfo(f"package/{name}")
            content = name.encode() + changed
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def integrity(data):
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


@pytest.fixture(name="known")
def _known(monkeypatch):
    """The libraries as they are, but of archives made here."""
    archives = {x.name: archive(x) for x in libraries(kit_folder())}
    changed = [replace(x, integrity=integrity(archives[x.name])) for x in libraries(kit_folder())]
    monkeypatch.setattr(web_vendor, "libraries", lambda _kit: changed)
    return archives


@pytest.fixture(name="npm")
def _npm(tmp_path, monkeypatch):
    """``npm(archives)`` puts a stand-in for npm on an otherwise bare PATH, and a cache of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(web_vendor.sys, "platform", "linux")

    def install(archives, status=0):
        for name, data in archives.items():
            (folder / f"{name}.data").write_bytes(data)
        script = folder / "npm"
        script.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            f"if {status}: sys.exit('npm error code ENOTFOUND')\n"
            "assert sys.argv[1:4] == ['pack', '--silent', '--pack-destination']\n"
            "name = sys.argv[5].rpartition('@')[0]\n"
            "data = pathlib.Path(__file__).with_name(name + '.data').read_bytes()\n"
            "(pathlib.Path(sys.argv[4]) / (name + '.tgz')).write_bytes(data)\n"
            f"with open({str(tmp_path / 'calls')!r}, 'a') as log: log.write(sys.argv[5] + chr(10))\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    return install


@pytest.fixture(name="modules")
def _modules(tmp_path):
    """A folder like ``node_modules``."""
    for library in libraries(kit_folder()):
        for name in library.files:
            path = tmp_path / "modules" / library.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"stand-in")
    return tmp_path / "modules"


def test_npm_is_asked_once_and_its_archives_are_checked(known, npm, tmp_path):
    npm(known)
    told = []
    found = vendor_files(kit_folder(), None, told.append)
    assert {path.read_text() for path in found.values()} == {
        "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm", "dist/phaser.esm.min.js",
    }  # fmt: skip
    assert all("with npm" in line for line in told)
    assert vendor_files(kit_folder(), None, told.append) == found
    assert len(told) == 2
    assert len((tmp_path / "calls").read_text().splitlines()) == 2
    assert not list((tmp_path / "cache").rglob("*.tgz"))


def test_another_archive_is_refused_and_leaves_nothing(known, npm, tmp_path):
    npm({x.name: archive(x, b"!") for x in libraries(kit_folder())})
    with pytest.raises(LevelForgeError, match="another onnxruntime-web"):
        vendor_files(kit_folder(), None, print)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_without_npm_or_network_the_mend_is_named(known, npm):
    with pytest.raises(
        LevelForgeError, match=r"npm is not installed; install Node\.js, or give --node-modules"
    ):
        vendor_files(kit_folder(), None, print)
    npm({}, status=1)
    with pytest.raises(LevelForgeError, match=r"could not fetch onnxruntime-web.*ENOTFOUND.*online"):
        vendor_files(kit_folder(), None, print)


def test_files_that_came_with_the_package_are_used(npm, tmp_path, monkeypatch):
    kit = tmp_path / "kit"
    for library in libraries(kit_folder()):
        for name in library.files:
            path = kit / "vendor" / library.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("ours")
    (kit / "vendor.json").write_bytes((kit_folder() / "vendor.json").read_bytes())
    assert {p.read_text() for p in vendor_files(kit, None, print).values()} == {"ours"}


def test_the_versions_tested_are_the_ones_that_ship():
    lock = json.loads((kit_folder().resolve().parents[1] / "tests/consumers/package-lock.json").read_text())
    for library in libraries(kit_folder()):
        entry = lock["packages"][f"node_modules/{library.name}"]
        assert (entry["version"], entry["integrity"]) == (library.version, library.integrity)


def test_the_command_writes_a_whole_kit_and_replaces_it(modules, tmp_path):
    out = tmp_path / "web"
    command = ["export-kit", "web", "dungeon", "--out", str(out), "--node-modules", str(modules), "--json"]
    for _ in range(2):
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert sorted(told["files"]) == sorted(
            path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()
        )
        (out / "page" / "old.js").write_text("left over")
    pack = load_pack("dungeon")
    for name in (*pack.info["files"], "pack.json"):
        assert (out / "pack" / name).read_bytes() == (pack.folder / name).read_bytes()
    assert "{{" not in (out / "index.html").read_text()
    assert json.loads((out / "game" / "game.json").read_text())["digest"] == pack.game.digest
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["dungoen", "--out", "web"], "did you mean 'dungeon'"),
        (["dungeon", "--out", "taken"], "is not empty and no web kit"),
        (["dungeon", "--out", "file"], "is not empty and no web kit"),
        (["dungeon", "--out", "web", "--node-modules", "nowhere"], "npm install onnxruntime-web@"),
    ],
)
def test_faults_are_one_line(arguments, word, tmp_path, monkeypatch):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("keep me")
    (tmp_path / "file").write_text("keep me")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["export-kit", "web", *arguments])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert word in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_game_without_pictures_gets_a_kit_too(modules, tmp_path):
    pack = load_pack("dungeon")
    bare = replace(pack.game, path=None)
    bare.__dict__.pop("folder", None)
    files = export_web_kit(replace(pack, game=bare), tmp_path / "kit", node_modules=modules)
    assert "game/dungeon-tileset.png" in files


def test_game_json_carries_every_rule():
    game = load_game("platformer")
    facts = json.loads(json.dumps(game_facts(game)))
    assert facts["rules"]["jump_profile"] == list(game.rules.jump_profile)
    assert facts["roles"]["ladder"] == 12
    assert facts["counts"]["coin"] == list(game.count_ranges["coin"])
