"""Rules: which tags to keep, or to delete, in the words of whoever writes a retention policy."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, SupportsIndex

from regnb.audit.kernel.times import age
from regnb.model.versions import VersionRange

Order = Literal["created", "semver", "natural"]
Unit = Literal["digest", "tag"]
ORDERS = ("created", "semver", "natural")
UNITS = ("digest", "tag")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tags a rule is about: those that pass all of them.

    Attributes:
        repositories: globs, one of which the repository matches; empty for all.
        matching: a regular expression that the whole tag matches.
        globs: one of which the tag matches; empty for all.
        versions: the tag is a semantic version within this range.
        artifact_type: what the manifest says it is.
    """

    repositories: tuple[str, ...] = ()
    matching: re.Pattern[str] | None = None
    globs: tuple[str, ...] = ()
    versions: VersionRange | None = None
    artifact_type: str | None = None

    def said(self) -> Iterator[str]:
        """The filters as they are written."""
        if self.repositories:
            yield f"repositories={' '.join(self.repositories)!r}"
        if self.matching is not None:
            yield f"matching={self.matching.pattern!r}"
        if self.globs:
            yield f"glob={' '.join(self.globs)!r}"
        if self.versions is not None:
            yield f"semver={str(self.versions)!r}"
        if self.artifact_type is not None:
            yield f"artifact_type={self.artifact_type!r}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a retention policy; `keep` and `expire` make one.

    Attributes:
        action: what is done with the tags that the rule chooses.
        filters: which tags it is about.
        number: keep the last so many of each repository, or delete all but these.
        age: keep what is newer, or delete what is older.
        order: what the last are the last of.
        count: what `number` counts: images, or tags.
    """

    action: Literal["keep", "expire"]
    filters: Filters
    number: int | None
    age: timedelta | None
    order: Order
    count: Unit

    @property
    def has_selector(self) -> bool:
        """Whether the rule chooses among the tags that it is about; otherwise it takes all."""
        return self.number is not None or self.age is not None

    @property
    def span(self) -> str:
        """The age as it is written; empty without one."""
        if self.age is None:
            return ""
        hours = self.age / timedelta(hours=1)
        return f"{hours / 24:g}d" if hours % 24 == 0 else f"{hours:g}h"

    def __str__(self) -> str:
        """The rule as it is written."""
        keeps, said = self.action == "keep", []
        if self.number is not None:
            said.append(f"{'last' if keeps else 'beyond'}={self.number}")
        if self.age is not None:
            said.append(f"{'newer_than' if keeps else 'older_than'}={self.span!r}")
        return f"{self.action}({', '.join([*said, *self.filters.said()])})"


def keep(
    *,
    last: SupportsIndex | None = None,
    newer_than: str | timedelta | None = None,
    repositories: str | Iterable[str] = (),
    matching: str | re.Pattern[str] | None = None,
    glob: str | Iterable[str] = (),
    semver: str | None = None,
    artifact_type: str | None = None,
    order: Order = "created",
    count: Unit = "digest",
) -> Rule:
    """A rule that keeps tags: those that pass all filters and that **any** selector chooses.

    Without a selector it keeps all that pass. Whatever has no place in the order, and no time to
    tell its age by, is kept and does not count.

    Args:
        last: selector: the last so many of each repository.
        newer_than: selector: made at most that long before the audit: ``90d``, ``12h``, ``2w``, or
            a timedelta.
        repositories: filter: a glob or several, such as ``team/*``.
        matching: filter: a regular expression that the **whole** tag has to match.
        glob: filter: a glob or several, such as ``v1.*``.
        semver: filter: the tag is a version in this range, such as ``>=1.2 <2``.
        artifact_type: filter: what the manifest says it is.
        order: what the last are the last of: ``created``, the claim of the image config, of an
            index the latest of its entries; ``semver``; or ``natural``, the name, with numbers as
            numbers. Of equal ones, the last by name comes last.
        count: ``digest``: tags of one image count once, and are kept together; ``tag``: each
            counts.

    Raises:
        ValueError: an argument is not what it should be.
    """
    filters = _filters(repositories, matching, glob, semver, artifact_type)
    return _rule("keep", filters, number=last, span=newer_than, order=order, count=count)


def expire(
    *,
    beyond: SupportsIndex | None = None,
    older_than: str | timedelta | None = None,
    repositories: str | Iterable[str] = (),
    matching: str | re.Pattern[str] | None = None,
    glob: str | Iterable[str] = (),
    semver: str | None = None,
    artifact_type: str | None = None,
    order: Order = "created",
    count: Unit = "digest",
) -> Rule:
    """A rule that deletes tags: those that pass all filters and that **every** selector chooses.

    Without a selector it deletes all that pass. Whatever has no place in the order, or no time to
    tell its age by, is not chosen by a selector that needs it.

    Args:
        beyond: selector: all but the last so many of each repository.
        older_than: selector: made longer than that before the audit.
        repositories: as for `keep`, and so are the others.
        matching: as for `keep`.
        glob: as for `keep`.
        semver: as for `keep`.
        artifact_type: as for `keep`.
        order: as for `keep`.
        count: as for `keep`.

    Raises:
        ValueError: an argument is not what it should be.
    """
    filters = _filters(repositories, matching, glob, semver, artifact_type)
    return _rule("expire", filters, number=beyond, span=older_than, order=order, count=count)


def _rule(
    action: Literal["keep", "expire"],
    filters: Filters,
    *,
    number: SupportsIndex | None,
    span: str | timedelta | None,
    order: Order,
    count: Unit,
) -> Rule:
    if order not in ORDERS:
        raise ValueError(f"order={order!r} is none. Choose one of: {', '.join(ORDERS)}.")
    if count not in UNITS:
        raise ValueError(f"count={count!r} is none. Choose one of: {', '.join(UNITS)}.")
    last = None if number is None else _number(number)
    return Rule(action, filters, last, None if span is None else age(span), order, count)


def _number(value: SupportsIndex) -> int:
    """A whole number of any kind, numpy's too, as one of Python's."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"{value!r} is no number of tags to keep. Give 0 or more.")
    return number


def _filters(
    repositories: str | Iterable[str],
    matching: str | re.Pattern[str] | None,
    glob: str | Iterable[str],
    semver: str | None,
    artifact_type: str | None,
) -> Filters:
    if isinstance(matching, str):
        try:
            matching = re.compile(matching)
        except re.error as error:
            raise ValueError(f"matching={matching!r} is no regular expression: {error}.") from None
    return Filters(
        repositories=_texts(repositories),
        matching=matching,
        globs=_texts(glob),
        versions=None if semver is None else VersionRange.parse(semver),
        artifact_type=artifact_type,
    )


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
