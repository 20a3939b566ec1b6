"""What the commands share: one-line errors with suggestions, parameter types, progress, output.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from levelforge.errors import LevelForgeError, did_you_mean

if TYPE_CHECKING:
    from tqdm import tqdm

DONE, ANSWER_IS_NO, BAD_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 70, 130


class Forge(click.Group):
    """A command group whose errors are one line each and end with the right status."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and leave with 0 (done), 1 (the answer is no), 2 (bad input), 130 (interrupted) or 70 (our fault)."""
        extra["standalone_mode"] = False
        try:
            with _heard():
                status = super().main(*args, **extra)
        except click.Abort:
            fail("interrupted; nothing half-written was left behind", INTERRUPTED)
        except click.ClickException as error:
            fail(error.format_message(), BAD_INPUT)
        except LevelForgeError as error:
            fail(str(error), BAD_INPUT)
        except BrokenPipeError:
            # The reader of our output has seen enough; keep Python from complaining on exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(DONE)
        except OSError as error:
            if error.errno is None:
                raise
            place = f"{error.filename}: " if error.filename else ""
            mend = "; free some space or choose another --out" if error.errno == errno.ENOSPC else ""
            fail(f"{place}{error.strerror}{mend}", BAD_INPUT)
        except Exception:  # noqa: BLE001 - the status 1 that Python would leave with means "no"
            traceback.print_exc()
            fail("that is a fault in levelforge; please report it with the lines above", FAULT)
        sys.exit(status if isinstance(status, int) else DONE)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or suggest the nearest one."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            known = self.list_commands(ctx)
            raise click.UsageError(f"unknown command {args[0]!r}{did_you_mean(args[0], known)}")
        return super().resolve_command(ctx, args)


def fail(message: str, status: int) -> None:
    """Print ``error: ...`` as one line and leave."""
    click.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(status)


# --- parameter types ---------------------------------------------------------------------------


class SizeType(click.ParamType[tuple[int, int]]):
    """``WxH`` in tiles."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse, or say what is wanted."""
        if isinstance(value, tuple):
            return value
        try:
            width, height = (int(part) for part in str(value).lower().split("x"))
        except ValueError:
            self.fail(f"{value!r} is no size; write width x height in tiles, such as 32x24", param, ctx)
        return width, height


class DifficultyType(click.ParamType["float | tuple[float, float]"]):
    """``D`` or ``LO:HI``, in [0, 1]."""

    name = "D|LO:HI"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | tuple[float, float]:
        """Parse, or say what is wanted."""
        if isinstance(value, float | tuple):
            return value
        try:
            parts = [float(part) for part in str(value).split(":")]
        except ValueError:
            parts = []
        if len(parts) not in (1, 2):
            self.fail(
                f"{value!r} is no difficulty; write a number such as 0.4, or a range such as 0.2:0.7",
                param,
                ctx,
            )
        return parts[0] if len(parts) == 1 else (parts[0], parts[1])


class CountType(click.ParamType[tuple[str, int]]):
    """``TILE=N``."""

    name = "TILE=N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Parse, or say what is wanted."""
        if isinstance(value, tuple):
            return value
        tile, sign, number = str(value).partition("=")
        if not sign or not number.strip().isdigit():
            self.fail(f"{value!r} is no count; write a tile and a number, such as door=2", param, ctx)
        return tile.strip(), int(number)


def split_words(values: Sequence[str]) -> list[str]:
    """Words given as ``a,b`` or as repeated options, each once."""
    return list(dict.fromkeys(word.strip() for value in values for word in value.split(",") if word.strip()))


# --- output ------------------------------------------------------------------------------------


def say(message: str) -> None:
    """A message to the person at the terminal (stderr)."""
    click.echo(message, err=True)


def print_json(document: Any) -> None:
    """The one JSON document of a command (stdout)."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A ``tell(stage, done, total)`` that draws bars on stderr, when that is a terminal.

    Each step looks whether Ctrl-C was pressed, too: see :func:`_heard`.
    """
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def tell(stage: str, done: int, total: int) -> None:
        if _asked:
            raise KeyboardInterrupt
        if stage not in bars:
            bars[stage] = tqdm(
                total=total, desc=stage, unit="level", file=sys.stderr, disable=None, leave=False
            )
        bars[stage].update(done - bars[stage].n)

    try:
        yield tell
    finally:
        for bar in bars.values():
            bar.close()


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder`` whose files move into it at the end, all or (on any fault) none.

    Raises:
        LevelForgeError: the folder cannot be written.
    """
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = tempfile.TemporaryDirectory(prefix=".levelforge-", dir=folder)
    except OSError as error:
        raise LevelForgeError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from None
    try:
        with draft as name:
            yield Path(name)
            with _undisturbed():
                for path in sorted(Path(name).iterdir()):
                    os.replace(path, folder / path.name)
    except BaseException:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


_asked: list[int] = []
"""The signal of a Ctrl-C that was pressed during this command."""


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    """Remember a Ctrl-C, besides raising ``KeyboardInterrupt``.

    Where that is raised inside a callback from C code or while an object is thrown away, Python prints it and goes on,
    and Ctrl-C would have done nothing. Remembered, it ends the command at its next step.

    A Ctrl-C that somebody else handles, or that is ignored (as in a shell's background jobs), is left to them.
    """

    def ask(number: int, _frame: object) -> None:
        _asked.append(number)
        raise KeyboardInterrupt

    _asked.clear()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        signal.signal(signal.SIGINT, ask)
    except ValueError:  # only the main thread can
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait for a moment (only the main thread can ask for that)."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
