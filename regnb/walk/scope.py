"""Scope: which repositories and tags a walk is about."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

SHOWN = 20
"""Names that a scope shows; of longer lists it shows the first of them, and a hash of all."""

_WILD = re.compile(r"[*?\[]")

Tags = str | Iterable[str] | re.Pattern[str]
"""Globs that a tag has to match one of, or an expression that it has to match as a whole."""


@dataclass(frozen=True)
class Scope:
    """Which repositories and tags; all of them by default.

    Attributes:
        names: of repositories that are walked in any case, sorted; None for all of the catalog.
        repository_globs: of further repositories of the catalog, sorted; ``*`` matches slashes.
        globs: of the tags, sorted; None for all.
        expression: that whole tags have to match; None for all.
    """

    names: tuple[str, ...] | None = None
    repository_globs: tuple[str, ...] = ()
    globs: tuple[str, ...] | None = None
    expression: re.Pattern[str] | None = None

    @classmethod
    def of(cls, repositories: str | Iterable[str] | None = None, tags: Tags | None = None) -> Scope:
        """The scope that arguments of public methods mean.

        Args:
            repositories: names and globs; a text without ``*``, ``?`` and ``[`` is a name.
            tags: as for the class.
        """
        scope = cls()
        if repositories is not None:
            given = _distinct(repositories)
            names = tuple(text for text in given if not is_glob(text))
            scope = cls(names, tuple(text for text in given if is_glob(text)))
        if isinstance(tags, re.Pattern):
            return replace(scope, expression=tags)
        return scope if tags is None else replace(scope, globs=_distinct(tags))

    @property
    def asks_catalog(self) -> bool:
        """Whether the names alone do not say which repositories are meant."""
        return self.names is None or bool(self.repository_globs)

    def chosen(self, listed: Iterable[str]) -> tuple[str, ...]:
        """The repositories that are meant, sorted, if the catalog is `listed`."""
        if self.names is None:
            return tuple(sorted(set(listed)))
        wanted = _any_of(self.repository_globs)
        return tuple(sorted({*self.names, *filter(wanted.fullmatch, listed)}))

    def takes_tag(self, tag: str) -> bool:
        """Whether a tag is meant."""
        return self._tag is None or self._tag.fullmatch(tag) is not None

    def unmatched(self, repositories: Collection[str], tags: Collection[str]) -> str:
        """In words, the globs and the expression that none of these matches; empty for none."""
        parts = []
        if lone := _lone(self.repository_globs, repositories):
            parts.append(f"repositories: {_listed(lone)}")
        if lone := _lone(self.globs or (), tags):
            parts.append(f"tags: {_listed(lone)}")
        elif self.expression is not None and not any(map(self.takes_tag, tags)):
            parts.append(f"tags: {_described(self.expression)}")
        return "; ".join(parts)

    @cached_property
    def _tag(self) -> re.Pattern[str] | None:
        return self.expression if self.globs is None else _any_of(self.globs)

    def __str__(self) -> str:
        """In words, equal only for equal scopes; empty for all repositories and tags."""
        parts = []
        if self.names is not None:
            parts.append(f"repositories: {_listed(sorted((*self.names, *self.repository_globs)))}")
        if self.globs is not None:
            parts.append(f"tags: {_listed(self.globs)}")
        elif self.expression is not None:
            parts.append(f"tags: {_described(self.expression)}")
        return "; ".join(parts)


def is_glob(text: str) -> bool:
    """Whether a text has to be matched, and is no name."""
    return _WILD.search(text) is not None


def in_words(references: Iterable[tuple[str, str]]) -> str:
    """The scope of a walk of nothing but references, pairs of repository and tag or digest."""
    names = [f"{name}{'@' if ':' in what else ':'}{what}" for name, what in references]
    return f"references: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= SHOWN:
        return json.dumps(names)
    whole = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    return f"{json.dumps(names[:SHOWN])} and {len(names) - SHOWN:,} more (hash {whole})"


def _described(expression: re.Pattern[str]) -> str:
    flags = re.RegexFlag(expression.flags & ~re.UNICODE)
    return f"expression {json.dumps(expression.pattern)}" + (f" ({flags.name})" if flags else "")


def _distinct(texts: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({texts} if isinstance(texts, str) else set(texts)))


def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
    """What matches whatever one of the globs matches."""
    return re.compile("|".join(map(fnmatch.translate, globs)) or r"(?!)")


def _lone(globs: Iterable[str], names: Collection[str]) -> list[str]:
    """The globs that no name matches."""
    return [glob for glob in globs if not any(map(_any_of([glob]).fullmatch, names))]
