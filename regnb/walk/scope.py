"""Scope: which repositories and tags a walk is about."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
        names: of the repositories, sorted; None where the catalog is asked.
        glob: that the names in the catalog have to match; its ``*`` matches slashes as well.
        globs: of the tags, sorted; None for all.
        expression: that whole tags have to match; None for all.
    """

    names: tuple[str, ...] | None = None
    glob: str = ""
    globs: tuple[str, ...] | None = None
    expression: re.Pattern[str] | None = None

    @classmethod
    def of(cls, repositories: str | Iterable[str] | None = None, tags: Tags | None = None) -> Scope:
        """The scope that arguments of public methods mean.

        Args:
            repositories: names, or one glob; a text without ``*``, ``?`` and ``[`` is a name.
            tags: as for the class.
        """
        names: tuple[str, ...] | None = None
        glob = repositories if isinstance(repositories, str) and is_glob(repositories) else ""
        if repositories is not None and not glob:
            listed = [repositories] if isinstance(repositories, str) else repositories
            names = tuple(sorted(set(listed)))
        if isinstance(tags, re.Pattern):
            return cls(names, glob, expression=tags)
        if tags is None:
            return cls(names, glob)
        globs = [tags] if isinstance(tags, str) else tags
        return cls(names, glob, tuple(sorted(set(globs))))

    def takes_repository(self, name: str) -> bool:
        """Whether a repository of the catalog is meant."""
        return not self.glob or fnmatch.fnmatchcase(name, self.glob)

    def takes_tag(self, tag: str) -> bool:
        """Whether a tag is meant."""
        return self._tag is None or self._tag.fullmatch(tag) is not None

    @cached_property
    def _tag(self) -> re.Pattern[str] | None:
        if self.globs is None:
            return self.expression
        return re.compile("|".join(fnmatch.translate(glob) for glob in self.globs) or r"(?!)")

    def __str__(self) -> str:
        """In words, equal only for equal scopes; empty for all repositories and tags."""
        parts = []
        if self.names is not None:
            parts.append(f"repositories: {_listed(self.names)}")
        elif self.glob:
            parts.append(f"repositories: {json.dumps(self.glob)}")
        if self.globs is not None:
            parts.append(f"tags: {_listed(self.globs)}")
        elif self.expression is not None:
            flags = re.RegexFlag(self.expression.flags & ~re.UNICODE)
            parts.append(f"tags: /{self.expression.pattern}/{flags.name or ''}")
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
