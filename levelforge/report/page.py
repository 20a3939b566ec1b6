"""The HTML page: everything inlined, nothing loaded, no script."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from levelforge.level import Level
from levelforge.playtest.result import PlaytestResult
from levelforge.report import charts
from levelforge.report.markdown import to_html
from levelforge.report.rounds import rounds_table

if TYPE_CHECKING:
    from PIL import Image

LONG = 2.5
"""A level so many times wider than high is shown across the page."""
MOST_PIXELS = 2048
"""A picture's longer side; larger ones are shrunk."""
COLORS = 128
PHASES = {
    "gan": "Generator (GAN)",
    "pool": "Pool of levels",
    "dqn": "Playtester (DQN)",
    "loop": "The loop",
}
"""Headings of the phases of a run; any other is shown under its own name."""


@dataclass(frozen=True)
class Shown:
    """One level of a report.

    Attributes:
        level: with all that is known of it.
        result: its playtest, if it was played.
        requested: the difficulty that was asked for, if one was.
    """

    level: Level
    result: PlaytestResult | None = None
    requested: float | None = None


@dataclass(frozen=True)
class Page:
    """What a page shows; what is empty is left out.

    Attributes:
        title: the heading.
        facts: names and values, as tiles under it.
        levels: the levels.
        detailed: so many of them are shown with pictures.
        rounds: the figures of each round of a run's loop.
        guards: what its guards said.
        curves: by phase, then by chart, then by line: (minutes, value) points.
        samples: pictures (PNG) with their captions.
        settings: names and values of a run's configuration.
        card: the model card, Markdown.
        notes: sentences about how the page came about.
    """

    title: str
    facts: Sequence[tuple[str, str]] = ()
    levels: Sequence[Shown] = ()
    detailed: int = 60
    rounds: Sequence[dict[str, float]] = ()
    guards: Sequence[str] = ()
    curves: Mapping[str, Mapping[str, Mapping[str, charts.Points]]] = field(default_factory=dict)
    samples: Sequence[tuple[str, bytes]] = ()
    settings: Sequence[tuple[str, str]] = ()
    card: str = ""
    notes: Sequence[str] = ()


def render_page(page: Page) -> str:
    """The page as one HTML document that needs nothing but itself."""
    sections = [
        ("sheet", "Contact sheet", _sheet(page)),
        ("difficulty", "Difficulty", _difficulty(page)),
        ("table", "Levels", _table(page)),
        ("rounds", "Rounds of the loop", rounds_table(page.rounds, page.guards)),
        ("curves", "Learning curves", _curves(page)),
        ("samples", "Samples along the way", _samples(page)),
        ("details", "Level by level", _details(page)),
        ("settings", "Settings", _settings(page)),
        ("card", "Model card", f'<div class="card">{to_html(page.card)}</div>' if page.card else ""),
    ]
    style = resources.files("levelforge.report").joinpath("style.css").read_text(encoding="utf-8")
    kept = [(anchor, title, body) for anchor, title, body in sections if body]
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title, _ in kept)
    tiles = "".join(
        f'<div class="tile"><b class="num">{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value in page.facts
    )
    notes = "".join(f'<p class="soft small">{escape(note)}</p>' for note in page.notes)
    body = "".join(f'<h2 id="{anchor}">{title}</h2>{content}' for anchor, title, content in kept)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # No matter what a level's name or a card may hold: nothing is loaded, nothing runs.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(page.title)}</title><style>{style}</style></head>\n"
        f"<body><main><h1>{escape(page.title)}</h1>{notes}<nav>{links}</nav>"
        f'<div class="tiles">{tiles}</div>{body}</main></body></html>\n'
    )


def data_uri(image: Image.Image) -> str:
    """A picture as a ``data:`` address, in a palette of its own."""
    from PIL import Image as Pictures

    if max(image.size) > MOST_PIXELS:
        image = image.copy()
        image.thumbnail((MOST_PIXELS, MOST_PIXELS), Pictures.Resampling.BOX)
    out = io.BytesIO()
    image.quantize(COLORS, dither=Pictures.Dither.NONE).save(out, "PNG", optimize=True)
    return png_uri(out.getvalue())


def png_uri(data: bytes) -> str:
    """PNG bytes as a ``data:`` address."""
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


# --- the set ----------------------------------------------------------------------------------------


def _sheet(page: Page) -> str:
    from levelforge.render import render

    if not page.levels:
        return ""
    long = _is_long(page.levels[0].level)
    figures = []
    for number, shown in enumerate(page.levels[: page.detailed]):
        level = shown.level
        figures.append(
            f'<figure><a href="#level-{number}"><img src="{data_uri(render(level))}" alt="{escape(level.id)}">'
            f"<figcaption><b>{escape(level.id)}</b><br>{escape(_summary(level))}</figcaption></a></figure>"
        )
    return f'<div class="sheet{" long" if long else ""}">{"".join(figures)}</div>{_rest(page)}'


def _rest(page: Page) -> str:
    left = len(page.levels) - page.detailed
    return f'<p class="soft small">{left} more are in the table only.</p>' if left > 0 else ""


def _difficulty(page: Page) -> str:
    known = [s for s in page.levels if s.level.difficulty is not None]
    measured = [s.level.difficulty for s in known if s.level.difficulty is not None]
    if not measured:
        return ""
    asked = [s.requested for s in known if s.requested is not None]
    blocks = [charts.histogram(measured, asked)]
    if asked and len(asked) == len(known):
        intervals = [s.level.difficulty_ci or (d, d) for s, d in zip(known, measured, strict=True)]
        pairs = list(zip(asked, measured, strict=True))
        blocks.append(charts.scatter(pairs, ("asked for", "measured (95 %)"), intervals, diagonal=True))
    fun = [(s.level.difficulty, s.level.fun) for s in known]
    pairs = [(d, f) for d, f in fun if d is not None and f is not None]
    if pairs:
        blocks.append(charts.scatter(pairs, ("difficulty", "fun")))
    return f'<div class="row">{"".join(f"<div class=card>{block}</div>" for block in blocks)}</div>'


def _table(page: Page) -> str:
    if not page.levels:
        return ""
    asked = any(s.requested is not None for s in page.levels)
    parts = list(dict.fromkeys(name for s in page.levels for name in s.level.fun_parts or ()))
    heads = ["level", *(["asked for"] if asked else []), "difficulty (95 %)", "fun", *parts]
    heads += ["steps", "edits", "novelty"]
    numeric = {"asked for", "fun", "steps", "edits", "novelty", *parts}
    top = "".join(f'<th class="n">{h}</th>' if h in numeric else f"<th>{h}</th>" for h in map(escape, heads))
    rows = []
    for number, shown in enumerate(page.levels):
        level = shown.level
        name = escape(level.id)
        link = f'<a href="#level-{number}">{name}</a>' if number < page.detailed else name
        cells = [f'<td class="id">{link}</td>']
        if asked:
            cells.append(_n(shown.requested))
        cells.append(_difficulty_cell(level))
        cells += [_n(level.fun), *(_n((level.fun_parts or {}).get(part)) for part in parts)]
        steps = None if level.solution is None else len(level.solution)
        cells += [_n(steps), _n(level.edits), _n(level.novelty)]
        why = _why(shown)
        under = f'<tr><td class="why" colspan="{len(heads)}">{escape(why)}</td></tr>' if why else ""
        rows.append(f"<tbody><tr>{''.join(cells)}</tr>{under}</tbody>")
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _difficulty_cell(level: Level) -> str:
    if level.difficulty is None:
        return '<td class="num soft">-</td>'
    low, high = level.difficulty_ci or (level.difficulty, level.difficulty)
    bar = (
        f'<span class="ci" title="{low:.2f} to {high:.2f}"><i style="left:{low:.1%};width:{high - low:.1%}"></i>'
        f'<b style="left:{level.difficulty:.1%}"></b></span>'
    )
    return f'<td class="num" style="white-space:nowrap">{level.difficulty:.2f}{bar}</td>'


def _n(value: float | None) -> str:
    if value is None:
        return '<td class="n soft">-</td>'
    return f'<td class="n">{value if isinstance(value, int) else format(value, ".2f")}</td>'


# --- level by level -----------------------------------------------------------------------------------


def _details(page: Page) -> str:
    blocks = [_detail(number, shown) for number, shown in enumerate(page.levels[: page.detailed])]
    return "".join(blocks) + (_rest(page) if blocks else "")


def _detail(number: int, shown: Shown) -> str:
    level, result = shown.level, shown.result
    why = _why(shown)
    head = (
        f'<div class="head"><h3>{escape(level.id)}</h3><span class="soft">{level.width}x{level.height} tiles · '
        f"{escape(_summary(level))}</span></div>" + (f'<p class="whyline">{escape(why)}</p>' if why else "")
    )
    long = " long" if _is_long(level) else ""
    side = _side(shown)
    return (
        f'<article class="card" id="level-{number}">{head}<div class="level{long}">'
        f'<div class="pictures">{_pictures(level, result)}</div>'
        f'<div class="side">{side}</div></div></article>'
    )


def _pictures(level: Level, result: PlaytestResult | None) -> str:
    from levelforge.playtest.pictures import KINDS, pictures
    from levelforge.playtest.tension import REACH, danger_distance
    from levelforge.render import render
    from levelforge.rules import replay

    if result is None:
        path = None if level.solution is None else replay(level, level.solution).path
        drawn, words = {"path": render(level, solution=path)}, KINDS
    else:
        path, drawn, words = result.path, pictures(level, result), KINDS
    figures = []
    for kind, picture in drawn.items():
        extra = ""
        if kind == "tension" and path is not None:
            extra = charts.tension_strip(danger_distance(level.tiles, level.game, path).tolist(), REACH)
        words_here = f"<b>{kind.title()}.</b> {escape(words[kind])}"
        if extra:
            words_here += (
                f" Below: how close the nearest danger is along the solution; the line is {REACH} tiles."
            )
        figures.append(
            f'<figure><img src="{data_uri(picture)}" alt="{kind} of {escape(level.id)}">{extra}'
            f"<figcaption>{words_here}</figcaption></figure>"
        )
    return "".join(figures)


def _side(shown: Shown) -> str:
    level, result = shown.level, shown.result
    blocks = []
    if level.fun is not None and level.fun_parts:
        rows = [("fun", level.fun), *level.fun_parts.items()]
        meters = "".join(
            f'<span{" class=total" if name == "fun" else ""}>{escape(name)}</span><span class="meter"><i style="width:'
            f'{value:.1%}"></i></span><span class="num">{value:.2f}</span>'
            for name, value in rows
        )
        blocks.append(f'<div><h4>Fun and its parts</h4><div class="parts">{meters}</div></div>')
    if result is not None:
        points = list(result.win_rate.items())
        chart = charts.line_chart({"win rate": points}, ("action noise ε", "win rate"), (320, 170))
        blocks += [
            f"<div><h4>Skill ladder</h4>{chart}</div>",
            f"<div><h4>Personas</h4>{_personas(result)}</div>",
        ]
    return "".join(blocks)


def _personas(result: PlaytestResult) -> str:
    heads = ("", "won", "ticks", "hurt", "got", "saw")
    rows = []
    for name, play in result.personas.items():
        won = sum(rate * play.episodes[skill] for skill, rate in play.win_rate.items()) / play.played
        got = "-" if play.collected is None else f"{play.collected:.0%}"
        cells = (f"{won:.0%}", f"{play.ticks:.0f}", f"{play.damage:.1f}", got, f"{play.explored:.0%}")
        rows.append(f"<tr><td>{name}</td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>")
    top = "".join(f'<th class="n">{head}</th>' for head in heads)
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


# --- the run ------------------------------------------------------------------------------------------


def _curves(page: Page) -> str:
    blocks = []
    for phase, group in page.curves.items():
        cells = "".join(
            f'<div class="card"><h4 style="margin-top:0">{escape(name)}</h4>'
            f"{charts.line_chart(lines, ('minutes', ''))}</div>"
            for name, lines in group.items()
        )
        blocks.append(f'<h3>{escape(PHASES.get(phase, phase))}</h3><div class="row">{cells}</div>')
    return "".join(blocks)


def _samples(page: Page) -> str:
    figures = "".join(
        f'<figure><img src="{png_uri(data)}" alt="{escape(name)}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, data in page.samples
    )
    return f'<div class="sheet long">{figures}</div>' if figures else ""


def _settings(page: Page) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>"
        for name, value in page.settings
    )
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>' if rows else ""


# --- words --------------------------------------------------------------------------------------------


def _summary(level: Level) -> str:
    """What is known of a level, in a line."""
    known = []
    if level.difficulty is not None:
        known.append(f"difficulty {level.difficulty:.2f}")
    if level.fun is not None:
        known.append(f"fun {level.fun:.2f}")
    if level.solution is not None:
        known.append(f"{len(level.solution)} steps")
    if level.novelty is not None:
        known.append(f"novelty {level.novelty:.2f}")
    if level.edits:
        known.append(f"{level.edits} edit{'s' if level.edits > 1 else ''}")
    return ", ".join(known)


def _why(shown: Shown) -> str:
    if shown.result is not None:
        return shown.result.why
    said = shown.level.extra.get("why")
    return said if isinstance(said, str) else ""


def _is_long(level: Level) -> bool:
    return level.width > LONG * level.height
