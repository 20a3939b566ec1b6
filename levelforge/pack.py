"""Packs: one trained, self-contained model folder, checked before anything runs.

A pack holds ``generator.onnx``, ``playtester.onnx``, the ``game.toml`` it was trained for,
``model_card.md`` and ``pack.json`` (what the models expect, all that an engine needs, and a hash of every
file). It may hold ``critic.onnx``, described under ``critic`` in ``pack.json``; without one, ``generate``
plays every candidate. Further playtesters, ``playtester-2.onnx`` and so on, share the playtests with the first one, or
play them without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levelforge.errors import LevelForgeError
from levelforge.game import Game, bundled_games, games_folder, load_game, read_game
from levelforge.pack_facts import embedding_facts, interface

if TYPE_CHECKING:
    from levelforge.models import Critic, Generator, Playtester

FORMAT = 1
GENERATOR, PLAYTESTER, GAME, CARD, INFO = (
    "generator.onnx",
    "playtester.onnx",
    "game.toml",
    "model_card.md",
    "pack.json",
)
CRITIC = "critic.onnx"
HASHED = (GAME, GENERATOR, PLAYTESTER)
REQUIRED = ("format", "game", "game_digest", "files", "hash", "generator", "playtester", "count_distribution")


@dataclass(frozen=True)
class Pack:
    """A checked pack; the ONNX Runtime sessions are opened when first used.

    Attributes:
        folder: where it lies.
        game: the game it makes levels of.
        info: the content of ``pack.json``.

    Examples:
        >>> from levelforge.pack import load_pack
        >>> pack = load_pack("dungeon")  # doctest: +SKIP
        >>> pack.game.name, len(pack.hash)  # doctest: +SKIP
        ('dungeon', 64)
    """

    folder: Path
    game: Game
    info: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over the hashes of the pack's files; levels carry it as their origin."""
        return str(self.info["hash"])

    @cached_property
    def generator(self) -> Generator:
        """The generator's session.

        Raises:
            LevelForgeError: the file is no generator of this game.
        """
        from levelforge.models import Generator

        return Generator(self.folder / GENERATOR, self.game, self.info["generator"])

    @cached_property
    def playtester(self) -> Playtester:
        """The playtester's session.

        Raises:
            LevelForgeError: the file is no playtester of this game.
        """
        from levelforge.models import Playtester

        return Playtester(self.folder / PLAYTESTER, self.game)

    @cached_property
    def panel(self) -> tuple[Playtester, ...]:
        """The playtesters that take the episodes of a playtest in turn: all of the pack's, the first one first, or all but
        the first where ``pack.json`` says ``"apart": true`` of it.

        Raises:
            LevelForgeError: a file is no playtester of this game.
        """
        return self.playtesters[1:] if self.info["playtester"].get("apart") is True else self.playtesters

    @cached_property
    def playtesters(self) -> tuple[Playtester, ...]:
        """The sessions of all playtesters, the first one first.

        Raises:
            LevelForgeError: a file is no playtester of this game.
        """
        from levelforge.models import Playtester

        others = further_playtesters(self.info["files"])
        return (self.playtester, *(Playtester(self.folder / name, self.game) for name in others))

    @cached_property
    def critic(self) -> Critic | None:
        """The critic's session, or None for a pack without one.

        Raises:
            LevelForgeError: the file is no critic that this version understands.
        """
        if CRITIC not in self.info["files"]:
            return None
        from levelforge.models import Critic

        return Critic(self.folder / CRITIC, self.game, self.info["critic"])


def load_pack(game_or_path: str | Path | Game) -> Pack:
    """Load and check a pack.

    Args:
        game_or_path: a bundled game's name, a game, a ``game.toml`` or its folder (the pack beside it,
            in ``pack/``), or a pack folder.

    Raises:
        LevelForgeError: no pack, a damaged file, or a pack for another game; one line with the mend.
    """
    if not isinstance(game_or_path, Game) and str(game_or_path) not in bundled_games():
        folder = Path(game_or_path)
        folder = folder.parent if folder.name == INFO else folder
        if (folder / INFO).exists():
            return read_pack(folder)
    game = game_or_path if isinstance(game_or_path, Game) else load_game(game_or_path)
    if game.folder is None or not (game.folder / "pack" / INFO).exists():
        raise LevelForgeError(
            f"game {game.name!r} has no pack yet: make one with 'levelforge train {game.name}' and 'levelforge pack'"
        )
    return read_pack(game.folder / "pack", game)


def pack_for(game: Game, folder: Path | None) -> Pack:
    """The pack in ``folder``, checked to be for ``game``; with None, the game's own."""
    return load_pack(game) if folder is None else read_pack(folder, game)


def read_pack(folder: Path, game: Game | None = None) -> Pack:
    """Read one pack folder, checking every hash.

    Args:
        folder: the pack folder.
        game: the game it must be for; by default the one of its own ``game.toml``.

    Raises:
        LevelForgeError: as :func:`load_pack`.
    """
    info = _read_info(folder)
    if CRITIC not in info["files"] and (folder / CRITIC).exists():
        raise LevelForgeError(
            f"{folder / CRITIC}: is no part of this pack ({INFO} does not name it); remove it or write the pack again"
        )
    for name in dict.fromkeys((*HASHED, *info["files"])):
        if _sha256(_read_bytes(folder / name)) != info["files"].get(name):
            raise LevelForgeError(
                f"{folder / name}: does not match its hash in {INFO}; the file is damaged or was changed, "
                "so get or write the pack again"
            )
    if pack_hash(info["files"]) != info["hash"]:
        raise LevelForgeError(
            f"{folder / INFO}: its 'hash' does not match its 'files'; get or write the pack again"
        )
    if info["hash"] not in _read_bytes(folder / CARD).decode("utf-8", "replace"):
        raise LevelForgeError(
            f"{folder / CARD}: is the card of another pack (hash {info['hash'][:12]} is not in it)"
        )
    own = read_game(folder / GAME)
    if own.digest != info["game_digest"]:
        raise LevelForgeError(f"{folder / INFO}: is for another game than the {GAME} beside it")
    if game is None:
        game = _at_home(own)
    _check_same_game(folder, own, game)
    return Pack(folder, game, info)


def write_pack(
    folder: Path,
    game: Game,
    generator_onnx: bytes,
    playtester_onnx: bytes,
    info: Mapping[str, Any],
    card: str,
    critic_onnx: bytes | None = None,
    others: Sequence[bytes] = (),
) -> Pack:
    """Write a pack folder whole or not at all, and load it back.

    Args:
        folder: the folder to make; an older pack there is replaced.
        game: the game the models were trained for (read from a file).
        generator_onnx, playtester_onnx: the models as written by ``exporters.onnx_pack``.
        info: ``generator``, ``playtester``, ``count_distribution`` and ``figures`` of ``pack.json``; ``critic`` too for a
            pack with one.
        card: the model card, Markdown; the pack's hash is added to its end.
        critic_onnx: the critic, if there is one.
        others: further playtesters.

    Raises:
        LevelForgeError: a model is not what a pack holds, or the folder cannot be written.
    """
    if game.path is None:
        raise LevelForgeError("a pack needs a game that was read from a game.toml")
    if folder.exists() and any(folder.iterdir()) and not (folder / INFO).exists():
        raise LevelForgeError(f"{folder}: is not empty and not a pack; choose another folder")
    contents = {GAME: game.path.read_bytes(), GENERATOR: generator_onnx, PLAYTESTER: playtester_onnx}
    if critic_onnx is not None:
        contents[CRITIC] = critic_onnx
    contents |= {numbered(k): content for k, content in enumerate(others, 2)}
    files = {name: _sha256(content) for name, content in sorted(contents.items())}
    whole = pack_hash(files)
    facts = {
        "format": FORMAT,
        "game": game.name,
        "game_digest": game.digest,
        "files": files,
        "hash": whole,
        **embedding_facts(game, info["generator"]),
        **info,
    }
    contents[CARD] = f"{card.rstrip()}\n\nPack hash: `{whole}`\n".encode()
    contents[INFO] = _encode(facts)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise LevelForgeError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        for name, content in contents.items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        checked = read_pack(draft, game)
        # a model that does not load never becomes a pack
        models: dict[str, Generator | Playtester | Critic | None] = {
            GENERATOR: checked.generator,
            CRITIC: checked.critic,
            **dict(zip([PLAYTESTER, *further_playtesters(files)], checked.playtesters, strict=True)),
        }
        facts["models"] = {name: interface(model.session) for name, model in models.items() if model}
        (draft / INFO).write_bytes(_encode(facts))
        _swap(draft, folder)
    except OSError as error:
        raise LevelForgeError(f"{folder}: cannot be written: {error.strerror}") from None
    except LevelForgeError as error:
        raise LevelForgeError(str(error).replace(str(draft), str(folder))) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return replace(checked, folder=folder, info=json.loads(_encode(facts)))


def numbered(k: int) -> str:
    """File name of a pack's k-th playtester, from 2."""
    return f"playtester-{k}.onnx"


def further_playtesters(files: Container[str]) -> list[str]:
    """The names of a pack's playtesters after the first, as far as they are numbered without a gap."""
    return list(takewhile(files.__contains__, map(numbered, count(2))))


def pack_hash(files: Mapping[str, str]) -> str:
    """SHA-256 (hex) over the sorted names and hashes of a pack's files."""
    return _sha256("".join(f"{name} {files[name]}\n" for name in sorted(files)).encode())


def _encode(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=2) + "\n").encode()


def _swap(draft: Path, folder: Path) -> None:
    """Put ``draft`` in the place of ``folder``."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        os.replace(folder, old / "pack")
        os.replace(draft, folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(draft, folder)


def _read_info(folder: Path) -> dict[str, Any]:
    path = folder / INFO
    content = _read_bytes(path)
    try:
        info = json.loads(content)
    except ValueError:
        raise LevelForgeError(f"{path}: not valid JSON; get or write the pack again") from None
    if not isinstance(info, dict) or any(key not in info for key in REQUIRED):
        missing = [key for key in REQUIRED if not isinstance(info, dict) or key not in info]
        raise LevelForgeError(f"{path}: is no pack description (missing: {', '.join(missing)})")
    if info["format"] != FORMAT:
        raise LevelForgeError(
            f"{path}: pack format {info['format']!r}, but this version reads {FORMAT}; update levelforge"
        )
    if not isinstance(info["files"], dict):
        raise LevelForgeError(f"{path}: 'files' must name each file's hash; get or write the pack again")
    known = {*HASHED, CRITIC, *further_playtesters(info["files"])}
    if unknown := sorted(set(info["files"]) - known):
        raise LevelForgeError(
            f"{path}: 'files' names {unknown[0]!r}, which is no file of a pack; get or write the pack again"
        )
    if CRITIC in info["files"] and not isinstance(info.get("critic"), dict):
        raise LevelForgeError(
            f"{path}: names {CRITIC}, but has no 'critic' to say what it gives; get or write the pack again"
        )
    return info


def _at_home(own: Game) -> Game:
    """A pack's game, moved beside the bundled game of the same meaning (for its tileset and corpus)."""
    if own.name in bundled_games():
        home = read_game(games_folder() / own.name / GAME)
        if home.digest == own.digest:
            return replace(own, path=home.path)
    return own


def _check_same_game(folder: Path, own: Game, game: Game) -> None:
    if own.digest != game.digest:
        other = f"game {own.name!r}" if own.name != game.name else f"another version of game {own.name!r}"
        raise LevelForgeError(
            f"{folder}: is a pack for {other}, not for this {game.name!r} (tiles or rules differ); train one for it"
        )
    if dict(own.count_ranges) != dict(game.count_ranges):
        raise LevelForgeError(
            f"{folder}: was trained with other [counts] than those of {game.name!r}; train again"
        )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LevelForgeError(f"{path}: cannot be read: {error.strerror}") from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
