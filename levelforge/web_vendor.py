"""The two JavaScript libraries of the web kit: where their few files come from.

They are too large to lie in the repository. In order: a ``node_modules`` folder that the user names, the
package's own data (where a release was built with them), the user's cache, and at last npm, whose archives are
checked against the hashes in ``exporters/web_kit/vendor.json`` and of which the cache keeps the files that are used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from levelforge.errors import LevelForgeError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Library:
    """One npm package.

    Attributes:
        name, version: as npm knows it.
        integrity: ``sha512-`` and the hash of its archive, in base64.
        licence: one line.
        files: those used, within the package.
    """

    name: str
    version: str
    integrity: str
    licence: str
    files: tuple[str, ...]


def libraries(kit: Path) -> list[Library]:
    """The libraries that the kit in the folder ``kit`` needs."""
    data = json.loads((kit / "vendor.json").read_text(encoding="utf-8"))
    return [Library(**{**entry, "files": tuple(entry["files"])}) for entry in data["packages"]]


def vendor_files(kit: Path, node_modules: Path | None, say: Say) -> dict[str, Path]:
    """Find each library's files, fetching them with npm if they are nowhere yet.

    Args:
        kit: the kit's folder in the package data.
        node_modules: a folder to take them from and nowhere else.
        say: told when npm is run.

    Returns:
        Path of each file, by its name.

    Raises:
        LevelForgeError: not in ``node_modules``, no npm, or npm could not fetch them.
    """
    found: dict[str, Path] = {}
    for library in libraries(kit):
        if node_modules is not None:
            folder = node_modules / library.name
            if not _whole(folder, library):
                raise LevelForgeError(
                    f"{folder}: lacks {' or '.join(library.files)}; run 'npm install {library.name}@{library.version}' "
                    "beside it, or leave --node-modules away"
                )
        else:
            cached = cache_folder() / f"{library.name}-{library.version}"
            places = (kit / "vendor" / library.name, cached)
            folder = next((place for place in places if _whole(place, library)), cached)
            if not _whole(folder, library):
                say(f"fetching {library.name} {library.version} with npm (once; kept in {cached})")
                _fetch(library, cached)
        found |= {Path(name).name: folder / name for name in library.files}
    return found


def cache_folder() -> Path:
    """Where fetched libraries are kept between runs."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "levelforge" / "web-kit"


def _whole(folder: Path, library: Library) -> bool:
    return all((folder / name).is_file() for name in library.files)


def _fetch(library: Library, target: Path) -> None:
    npm = shutil.which("npm")
    mend = "or give --node-modules DIR, a folder that has " + library.name
    if npm is None:
        raise LevelForgeError(
            f"the web kit needs {library.name} from npm, and npm is not installed; install Node.js, {mend}"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as name:
            draft = Path(name)
            package = f"{library.name}@{library.version}"
            done = _run([npm, "pack", "--silent", "--pack-destination", str(draft), package], draft)
            archive = next(draft.glob("*.tgz"), None)
            if done.returncode or archive is None:
                lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
                reason = lines[0].strip() if lines else f"status {done.returncode}"
                raise LevelForgeError(
                    f"npm could not fetch {package} ({reason}); see that you are online, {mend}"
                )
            unpack(library, archive.read_bytes(), draft / "package")
            shutil.rmtree(target, ignore_errors=True)
            os.replace(draft / "package", target)
    except OSError as error:
        raise LevelForgeError(f"{target}: cannot be written ({error.strerror}); {mend}") from None


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def unpack(library: Library, archive: bytes, target: Path) -> None:
    """Write a library's files into ``target``, from an npm archive whose hash must be the known one.

    Raises:
        LevelForgeError: another archive, or one that lacks a file.
    """
    kind, _, wanted = library.integrity.partition("-")
    if base64.b64encode(hashlib.new(kind, archive).digest()).decode() != wanted:
        raise LevelForgeError(
            f"npm gave another {library.name} {library.version} than the one this version of levelforge knows; "
            "check your npm registry, or give --node-modules DIR"
        )
    import io

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for name in library.files:
            member = tar.extractfile(f"package/{name}")
            if member is None:
                raise LevelForgeError(f"{library.name} {library.version}: its archive has no file {name}")
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.read())
