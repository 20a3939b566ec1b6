"""The command ``formats``, and the options that every command which writes levels shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from levelforge.console import print_json

F = TypeVar("F", bound=Callable[..., Any])


class OptionType(click.ParamType[tuple[str, str]]):
    """``NAME=VALUE``."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Parse, or say what is wanted."""
        if isinstance(value, tuple):
            return value
        name, sign, choice = str(value).partition("=")
        if not sign or not name.strip():
            self.fail(f"{value!r} is no option; write a name and a value, such as scale=2", param, ctx)
        return name.strip(), choice.strip()


def _collect(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Put an option of a format among the others; the command sees them as one ``options``."""
    found: dict[str, str] = ctx.meta.setdefault("levelforge.options", {})
    if param.name == "options":
        return found | dict(value)
    if value is not None:
        found[str(param.name)] = value
    return value


def format_options(command: F) -> F:
    """Add ``--encoding``, ``--tileset`` and ``--option``; the command gets them as ``options``, by name."""
    # Eager ones are handled first, so that the last one has them all.
    encoding = click.option(
        "--encoding",
        expose_value=False,
        is_eager=True,
        callback=_collect,
        help="Of Tiled's layers: csv, base64-zlib or base64-zstd.",
    )
    tileset = click.option(
        "--tileset",
        expose_value=False,
        is_eager=True,
        callback=_collect,
        help="embedded in each file, or external: one for the folder.",
    )
    rest = click.option(
        "--option",
        "options",
        type=OptionType(),
        multiple=True,
        callback=_collect,
        help="Any option of a chosen format (see 'levelforge formats'), such as scale=2; repeatable.",
    )
    return encoding(tileset(rest(command)))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def formats(as_json: bool) -> None:
    """List the file formats: what is read and written, with which options, tested with what, and the limits.

    \b
    Examples:
      levelforge formats
      levelforge convert mine.txt --game dungeon --to tiled --out maps --encoding base64-zlib
    """
    from levelforge.files import known_formats

    entries = known_formats()
    if as_json:
        print_json({"formats": entries})
        return
    for entry in entries:
        ways = " and ".join(way for way in ("read", "write") if entry[way])
        click.echo(f"{entry['name']:<8} {' '.join(entry['suffixes']):<18} {ways:<15} {entry['title']}")
        for name, values in entry["options"].items():
            click.echo(f"{'':<8} {name}: {', '.join(values)}")
        for name in ("tested", "limits"):
            if entry[name]:
                click.echo(f"{'':<8} {name}: {entry[name]}")
