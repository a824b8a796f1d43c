"""The only place that writes markup, and the only way that a value enters it.

Text from a registry is a stranger's: `text` escapes it, in every position. The looks follow three
rules: nothing but inline styles (notebooks that are not trusted lose style sheets), greys with
alpha instead of a palette (they are legible on white and on black), and markup that reads well
with every style removed.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from regnb.options import get_options

CELL = 80
WHOLE = 200  # characters of a title attribute

_LINE = "1px solid #8886"
_MUTED = "opacity:.7"

# S17: a formula begins with a dollar or with a backslash; none may begin in registry text.
_NO_FORMULA = str.maketrans({"$": "<span>&#36;</span>", "\\": "<span>&#92;</span>"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(value: object, limit: int = CELL) -> Html:
    """A value as escaped text of at most `limit` characters, without a tag around it.

    Characters that do not show (controls, bidi marks, zero widths) appear by their escapes.
    Dollars and backslashes stand alone in a span, where no typesetting of formulas begins.
    """
    return Html(_visible(_cut(str(value), limit).translate(_NO_FORMULA)))


def text(value: object, limit: int = CELL) -> Html:
    """A value as it stands in a cell; where it was cut, the pointer shows more of it."""
    if isinstance(value, Html):
        return value
    raw = str(value)
    shown = escape(raw, limit)
    if len(raw) <= limit:
        return shown
    return Html(f'<span title="{_attribute(raw)}">{shown}</span>')


def linked(value: object) -> Html:
    """A value as text, and as a link if it is a web address."""
    address = str(value)
    try:
        parts = urlsplit(address)
        safe = parts.scheme in {"http", "https"} and bool(parts.netloc)
    except ValueError:
        safe = False
    if not safe or not address.isprintable() or len(address) > WHOLE:
        return text(value, WHOLE)
    attributes = f'href="{_attribute(address)}" rel="noopener noreferrer" target="_blank"'
    return Html(f"<a {attributes}>{text(value, WHOLE)}</a>")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Collection[int] = ()
) -> Html:
    """A table that looks like the host's own DataFrames; long ones say how much more there is."""
    shown = rows[: get_options().max_rows]
    head = "".join(
        f'<th style="{_align(i, right)}">{text(column)}</th>' for i, column in enumerate(columns)
    )
    body = "".join(f"<tr>{_cells(row, right)}</tr>" for row in shown)
    more = ""
    if len(rows) > len(shown):
        note = f"… {len(rows) - len(shown):,} more"
        more = f'<tr><td colspan="{len(columns)}" style="text-align:left;{_MUTED}">{note}</td></tr>'
    inner = f"<thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody>"
    return Html(f'<table class="dataframe">{inner}</table>')


def details(summary: object, body: Html, *, is_open: bool = False) -> Html:
    """A part that folds, without any script."""
    state = " open" if is_open else ""
    return Html(f"<details{state}><summary>{text(summary)}</summary>{body}</details>")


def definitions(
    items: Iterable[tuple[object, object]] | Mapping[str, object], *, max_rows: int | None = None
) -> Html:
    """Names and what they mean; all of them, or the first `max_rows`."""
    pairs = list(items.items() if isinstance(items, Mapping) else items)
    shown = pairs[:max_rows]
    inner = "".join(
        f'<dt style="{_MUTED};white-space:nowrap">{text(name)}</dt>'
        f'<dd style="margin:0">{linked(value)}</dd>'
        for name, value in shown
    )
    if len(pairs) > len(shown):
        inner += f"<dt>… {len(pairs) - len(shown):,} more</dt><dd></dd>"
    style = "display:grid;grid-template-columns:max-content auto;gap:2px 12px;margin:4px 0"
    return Html(f'<dl style="{style}">{inner}</dl>')


def paragraph(value: object) -> Html:
    """A note under a card."""
    return Html(f'<p style="margin:4px 0;{_MUTED}">{text(value, WHOLE)}</p>')


def frame(kind: object, title: object, body: Html) -> Html:
    """The border around a card, with what it is and its name."""
    return Html(
        f'<div style="border:{_LINE};padding:8px 12px;max-width:900px">'
        f"<div><strong>{text(kind)}</strong> <code>{text(title, WHOLE)}</code></div>{body}</div>"
    )


def join(parts: Iterable[Html]) -> Html:
    """Pieces of markup, one after the other."""
    return Html("".join(parts))


def _cells(row: Sequence[object], right: Collection[int]) -> str:
    return "".join(
        f'<td style="{_align(i, right)}">{text(value)}</td>' for i, value in enumerate(row)
    )


def _align(position: int, right: Collection[int]) -> str:
    return "text-align:right" if position in right else "text-align:left"


def _attribute(value: str) -> str:
    return _visible(_cut(value, WHOLE).replace("$", "&#36;"))


def _cut(value: str, limit: int) -> str:
    return html.escape(value[:limit] + ("…" if len(value) > limit else ""), quote=True)


def _visible(value: str) -> str:
    return "".join(c if c.isprintable() else _code(ord(c)) for c in value)


def _code(point: int) -> str:
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - one plane
