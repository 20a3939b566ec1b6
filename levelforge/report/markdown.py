"""As much Markdown as a model card uses, as HTML: headings, paragraphs, lists, tables, code."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape


def to_html(text: str) -> str:
    """Turn Markdown into HTML; whatever is not understood stays as text.

    Examples:
        >>> to_html("# A & B")
        '<h3>A &amp; B</h3>'
        >>> to_html("- `x`")
        '<ul><li><code>x</code></li></ul>'
    """
    blocks: list[str] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if line.startswith("```"):
            while end < len(lines) and not lines[end].startswith("```"):
                end += 1
            blocks.append(f"<pre><code>{escape(chr(10).join(lines[at + 1 : end]))}</code></pre>")
            end += 1
        elif heading := re.match(r"(#{1,6}) +(.*)", line):
            level = min(len(heading[1]) + 2, 6)
            blocks.append(f"<h{level}>{inline(heading[2])}</h{level}>")
        elif line.startswith("|"):
            end = _until(lines, at, lambda each: each.startswith("|"))
            blocks.append(_table(lines[at:end]))
        elif re.match(r"[-*] ", line):
            end = _until(lines, at, lambda each: re.match(r"[-*] |  ", each) is not None)
            items = re.split(r"^[-*] ", "\n".join(lines[at:end]), flags=re.MULTILINE)[1:]
            blocks.append("<ul>" + "".join(f"<li>{inline(item.strip())}</li>" for item in items) + "</ul>")
        elif line.strip():
            end = _until(lines, at, lambda each: bool(each.strip()) and not re.match(r"#|\||```|[-*] ", each))
            blocks.append(f"<p>{inline(' '.join(lines[at:end]))}</p>")
        at = end
    return "".join(blocks)


def inline(text: str) -> str:
    """Code, bold and links within a line; a picture becomes its description, since a page may load nothing."""
    parts = re.split(r"(`[^`]+`)", text)
    for place, part in enumerate(parts):
        if place % 2:
            parts[place] = f"<code>{escape(part[1:-1])}</code>"
            continue
        safe = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", escape(part))
        safe = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe)
        parts[place] = re.sub(
            r"\[([^\]]+)\]\((https?://[^)\s]+)\)", r'<a href="\2" rel="noreferrer">\1</a>', safe
        )
    return "".join(parts)


def _until(lines: list[str], at: int, belongs: Callable[[str], bool]) -> int:
    end = at + 1
    while end < len(lines) and belongs(lines[end]):
        end += 1
    return end


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    marked = len(rows) > 1 and all(re.fullmatch(r":?-+:?", cell) for cell in rows[1])
    head = rows[0] if marked and any(rows[0]) else []
    body = rows[2:] if marked else rows
    top = "<thead><tr>" + "".join(f"<th>{inline(c)}</th>" for c in head) + "</tr></thead>" if head else ""
    under = "".join("<tr>" + "".join(f"<td>{inline(c)}</td>" for c in row) + "</tr>" for row in body)
    return f'<div class="wide"><table>{top}<tbody>{under}</tbody></table></div>'
