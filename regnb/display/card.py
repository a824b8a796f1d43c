"""Cards: what there is to see of a value, as plain data, and its two renderings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from regnb.display import html
from regnb.display.text import clip
from regnb.options import get_options

LINE = 60  # characters of a title in a `repr`


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; `right` names the columns of numbers by position."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card that folds."""

    title: str
    content: Table | Mapping[str, object] | str
    open: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """What there is to see of a value. All of it may be text from a registry."""

    kind: str
    title: str
    facts: tuple[tuple[str, object], ...] = ()
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()

    def line(self) -> str:
        """The card in one line, as a `repr`."""
        return f"<{clip(self.kind)} {clip(self.title, LINE)}>"

    def text(self) -> str:
        """The card in plain text, for terminals and logs."""
        lines = [f"{clip(self.kind)} {clip(self.title)}"]
        lines += [f"  {row}" for row in _lines(self.facts)]
        for section in self.sections:
            lines += [f"  {clip(section.title)}", *(f"    {row}" for row in _plain(section))]
        lines += [f"  {clip(note, html.WHOLE)}" for note in self.notes]
        return "\n".join(lines)

    def html(self) -> str:
        """The card as markup that needs no style sheet, script or picture."""
        parts = [html.definitions(self.facts)] if self.facts else []
        for section in self.sections:
            parts.append(html.details(section.title, _markup(section), is_open=section.open))
        parts += [html.paragraph(note) for note in self.notes]
        return html.frame(self.kind, self.title, html.join(parts))


class Shown:
    """A value that has a card, and is shown by it. Showing never asks a registry."""

    __slots__ = ()

    def card(self) -> Card:
        """What there is to see."""
        raise NotImplementedError(f"{type(self).__name__} has no card")

    def __repr__(self) -> str:
        """The card in one line."""
        return self.card().line()

    def __str__(self) -> str:
        """The whole card in plain text, for `print`."""
        return self.card().text()

    def _repr_html_(self) -> str:
        return self.card().html()


def _markup(section: Section) -> html.Html:
    content = section.content
    if isinstance(content, Table):
        return html.table(content.columns, content.rows, right=content.right)
    if isinstance(content, Mapping):
        return html.definitions(content, max_rows=get_options().max_rows)
    return html.paragraph(content)


def _plain(section: Section) -> list[str]:
    content, limit = section.content, get_options().max_rows
    if isinstance(content, str):
        return [clip(content, html.WHOLE)]
    if isinstance(content, Mapping):
        pairs = list(content.items())
        return _lines(pairs[:limit]) + _more(len(pairs), limit)
    shown = [content.columns, *content.rows[:limit]]
    return _lines(shown, content.right) + _more(len(content.rows), limit)


def _more(total: int, limit: int) -> list[str]:
    return [f"… {total - limit:,} more"] if total > limit else []


def _lines(rows: Sequence[Sequence[object]], right: Collection[int] = ()) -> list[str]:
    """Rows in columns as wide as their cells."""
    shown = [[clip(cell, html.CELL) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(_aligned(row, widths, right)).rstrip() for row in shown]


def _aligned(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> list[str]:
    return [
        cell.rjust(width) if position in right else cell.ljust(width)
        for position, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
