"""The house rules that a reader relies on: arrows point down, torch stays in its wing, imports stay light."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import levelforge

ROOT = Path(levelforge.__file__).parent
FLOORS = [
    {"errors"},
    {"game"},
    {"level"},
    {"choose", "files", "models", "pack", "pack_facts", "tileset", "tileset_file"},
    {"rules", "render", "decode", "corpus", "novelty", "terrain"},
    {"solver", "relaxed", "exporters"},
    {"repair", "repair_search", "env", "lock", "lock_mask", "playtest"},
    {"batches", "campaign", "dial", "generate", "spread"},
    {"demo_game", "judge", "output", "report", "tiled_extension", "training", "web_kit", "web_vendor"},
    {
        "cli",
        "cli_campaign",
        "cli_formats",
        "cli_levels",
        "cli_play",
        "cli_report",
        "cli_tiled",
        "cli_web",
        "console",
        "__main__",
    },
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
"""Each module's floor; it may import its own floor and those below (deferred imports may look up)."""
HEAVY = (
    "PIL",
    "gymnasium",
    "jsonschema",
    "lxml",
    "matplotlib",
    "numba",
    "onnx",
    "onnxruntime",
    "scipy",
    "tcod",
    "torch",
)
LIBRARIES_OF_TRAINING = {"torch", "onnxscript", "matplotlib"}


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        inner = path.relative_to(ROOT)
        if inner.parts[0] != "assets" and "__pycache__" not in inner.parts:
            yield inner


def part(inner):
    return inner.parts[0].removesuffix(".py")


def imports(node, *, deferred):
    """Names of imported modules at module level (and in functions, if ``deferred``), not those for typing only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, child) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.level == 0:
            if child.module == "levelforge":
                yield from ((f"levelforge.{alias.name}", child) for alias in child.names)
            else:
                yield child.module, child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif deferred or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(child, deferred=deferred)


def tree(inner):
    return ast.parse((ROOT / inner).read_text(encoding="utf-8"))


ALL = list(modules())


def test_every_module_has_a_floor():
    assert {part(inner) for inner in ALL} - {"__init__"} <= set(FLOOR)


@pytest.mark.parametrize("inner", ALL, ids=str)
def test_arrows_point_down(inner):
    if part(inner) == "__init__":
        return
    for name, node in imports(tree(inner), deferred=False):
        pieces = name.split(".")
        assert pieces[0] not in {"exporters", "demo_game", "assets"}, (
            f"{inner}:{node.lineno}: import levelforge.{name}"
        )
        if pieces[0] == "levelforge" and len(pieces) > 1 and pieces[1] in FLOOR:
            assert FLOOR[pieces[1]] <= FLOOR[part(inner)], (
                f"{inner}:{node.lineno} imports {name} from a floor above"
            )


@pytest.mark.parametrize("inner", [i for i in ALL if part(i) != "training"], ids=str)
def test_torch_and_training_stay_in_their_wing(inner):
    deferred_is_fine = inner.as_posix() in {"exporters/onnx_pack.py", "cli.py", "cli_levels.py"}
    for name, node in imports(tree(inner), deferred=not deferred_is_fine):
        assert name.split(".")[0] not in LIBRARIES_OF_TRAINING, f"{inner}:{node.lineno} imports {name}"
        assert not name.startswith("levelforge.training"), f"{inner}:{node.lineno} imports {name}"


def loaded_after(code):
    """Which heavy libraries a fresh interpreter has loaded after running ``code``."""
    program = f"import sys\n{code}\nprint(*[n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_import_levelforge_is_light():
    assert loaded_after("import levelforge") == []


@pytest.mark.parametrize("command", [[], ["generate"], ["train"], ["verify"]])
def test_help_is_light(command):
    code = (
        f"sys.argv[1:] = {[*command, '--help']}\n"
        "from levelforge.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
    )
    assert loaded_after(code) == []


def test_making_levels_needs_no_torch():
    assert "torch" not in loaded_after(
        "import levelforge.generate, levelforge.playtest.measure, levelforge.exporters, levelforge.repair"
    )


def test_the_table_of_contents_holds():
    for name in levelforge.__all__:
        assert getattr(levelforge, name) is not None
    assert callable(levelforge.generate)
    assert callable(levelforge.repair)
    importlib.import_module("levelforge.repair")
    assert callable(levelforge.repair)
    with pytest.raises(AttributeError, match="no attribute 'genrate'"):
        _ = levelforge.genrate
