"""Headers: what stands at the head of an answer, read by names in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar, overload

Other = TypeVar("Other")


class Headers(Mapping[str, str]):
    """The headers of an answer. Their names, in lower case, are found in whatever case.

    Where one stands there several times, its value is all of them with commas between them (RFC
    9110, 5.3), and `getlist` has each for itself.
    """

    __slots__ = ("_repeated", "_values")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        """Take names and values, in order."""
        self._values: dict[str, str] = {}
        self._repeated: dict[str, list[str]] = {}
        for name, value in fields:
            lowered = name.lower()
            if lowered in self._values:
                self._repeat(lowered, value)
            else:
                self._values[lowered] = value

    def _repeat(self, lowered: str, value: str) -> None:
        values = self._repeated.setdefault(lowered, [self._values[lowered]])
        values.append(value)
        self._values[lowered] = ", ".join(values)

    def __getitem__(self, name: str) -> str:
        """The value of a header."""
        return self._values[name.lower()]

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | Other) -> str | Other: ...
    def get(self, name: str, /, default: object = None) -> object:
        """The value of a header, or `default`. Quicker than what every mapping has."""
        return self._values.get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        """Whether a header is there."""
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        """The names, in lower case."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many there are, each name once."""
        return len(self._values)

    def has_any(self, lowered: frozenset[str]) -> bool:
        """Whether one of these is there; they are given in lower case."""
        return not self._values.keys().isdisjoint(lowered)

    def getlist(self, name: str) -> list[str]:
        """All values of a header, in order; none where it is not there."""
        lowered = name.lower()
        if lowered in self._repeated:
            return list(self._repeated[lowered])
        return [self._values[lowered]] if lowered in self._values else []
