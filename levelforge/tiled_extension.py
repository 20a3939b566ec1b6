"""Installs the extension that puts LevelForge into Tiled's menus."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from levelforge.errors import LevelForgeError
from levelforge.exporters import write_files

FILE = "levelforge.js"
_SETUP = re.compile(r"^    const SETUP = .*;$", re.MULTILINE)
_MARK = "LevelForge inside Tiled"


def extensions_folder(platform: str = sys.platform, env: Mapping[str, str] = os.environ) -> Path:
    """Where Tiled looks for the extensions of a user."""
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    if platform == "win32":
        return Path(env.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Tiled" / "extensions"
    if platform == "darwin":
        return home / "Library" / "Preferences" / "Tiled" / "extensions"
    return _absolute(env.get("XDG_CONFIG_HOME"), home / ".config") / "tiled" / "extensions"


def scratch_folder(platform: str = sys.platform, env: Mapping[str, str] = os.environ) -> Path:
    """Where the extension puts its temporary files: a folder of the user's own, never one that all share."""
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    if platform == "win32":
        return Path(env.get("LOCALAPPDATA") or home / "AppData" / "Local") / "LevelForge" / "tiled"
    if platform == "darwin":
        return home / "Library" / "Caches" / "levelforge" / "tiled"
    return _absolute(env.get("XDG_CACHE_HOME"), home / ".cache") / "levelforge" / "tiled"


def own_command() -> list[str]:
    """How to start this ``levelforge``: the script beside the interpreter, else the interpreter itself."""
    beside = shutil.which("levelforge", path=str(Path(sys.executable).parent))
    return [beside] if beside else [sys.executable, "-m", "levelforge.cli"]


def install(folder: Path) -> tuple[Path, str]:
    """Write the extension into a folder of Tiled's extensions.

    Returns:
        The file, and ``"new"``, ``"replaced"`` (another version of it was there) or ``"unchanged"``.

    Raises:
        LevelForgeError: the folder cannot be written, or holds a file of that name that is not ours.
    """
    template = (
        resources.files("levelforge.exporters").joinpath("tiled_extension", FILE).read_text(encoding="utf-8")
    )
    scratch = scratch_folder()
    setup = json.dumps({"command": own_command(), "scratch": scratch.as_posix()})
    text, count = _SETUP.subn(lambda _found: f"    const SETUP = {setup};", template)
    assert count == 1
    path, data = folder / FILE, text.encode()
    try:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch.chmod(0o700)
        folder.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise LevelForgeError(
            f"{error.filename}: cannot be used ({error.strerror}); choose another --dir"
        ) from None
    if before is not None and _MARK.encode() not in before:
        raise LevelForgeError(f"{path}: is not LevelForge's extension; move it away first")
    if before == data:
        return path, "unchanged"
    write_files(folder, {FILE: data})
    return path, "new" if before is None else "replaced"


def _absolute(text: str | None, otherwise: Path) -> Path:
    """A folder of the XDG variables, which count only where they are absolute."""
    return Path(text) if text and Path(text).is_absolute() else otherwise
