"""Candidates: the tags that a retention policy decides on, and what its rules choose of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import MICROSECOND, Created, created, now
from regnb.audit.plans.rules import Filters, Rule
from regnb.audit.tables.cells import Objects, texts
from regnb.model.versions import Version, natural_key
from regnb.walk.columns import NONE
from regnb.walk.moments import NO_TIME


@dataclass(frozen=True, slots=True)
class Choice:
    """What a rule makes of each candidate.

    Attributes:
        covered: whether it is in a repository that the rule is about.
        matched: whether it passes all filters.
        by_number: whether the selector of a number chooses it.
        by_age: whether the selector of an age does.
        unknown: whether a selector needs its time or place in an order, and there is none.
        chosen: what comes of it.
    """

    covered: Flags
    matched: Flags
    by_number: Flags
    by_age: Flags
    unknown: Flags
    chosen: Flags


class Candidates:
    """The tags that were read, attachments of other manifests left out, as arrays.

    Attributes:
        row: of each in `Seen.read`.
        repository: number of its repository.
        tag: number of its name.
        place: that it names.
    """

    def __init__(self, levels: Levels) -> None:
        """Take the tags in the order of the walk."""
        seen = levels.seen
        self._levels = levels
        self.row = np.flatnonzero(~seen.attached)
        rows = seen.read[self.row]
        self.repository: Codes = seen.inventory.tags.column("repository")[rows]
        self.tag: Codes = seen.inventory.tags.column("tag")[rows]
        self.place = seen.tag_place[self.row]

    @cached_property
    def times(self) -> Created:
        """When what each names was made."""
        return created(self._levels.seen).at(self.place)

    @property
    def made(self) -> Ints:
        """When each was made, in microseconds; NO_TIME where that is not known."""
        return self.times.moment

    def choose(self, rule: Rule, *, among: Flags | None = None) -> Choice:
        """What a rule makes of each; `among`: only these count, if given."""
        covered, matched = self.match(rule.filters)
        counted = matched if among is None else matched & among
        keeps = rule.action == "keep"
        nothing = np.zeros(len(self.row), dtype=bool)
        by_number = by_age = unknown = nothing
        if rule.number is not None:
            rank = self._rank(rule, counted)
            unknown = counted & (rank == NONE)
            in_last = counted & (rank != NONE) & (rank < rule.number)
            by_number = in_last if keeps else counted & ~in_last & ~unknown
        if rule.age is not None:
            undated = self.made == NO_TIME
            unknown = unknown | (counted & undated)
            young = self.made >= now(self._levels.seen) - rule.age // MICROSECOND
            by_age = counted & ~undated & (young if keeps else ~young)
        chosen = _combined(rule, counted, by_number, by_age, unknown)
        return Choice(covered, counted, by_number, by_age, unknown, chosen)

    def unlike(self, name: str) -> Flags:
        """Whether the tag of each has another name."""
        return _meet(self.tag, self._levels.inventory.texts.values, lambda tag: tag != name)

    def match(self, filters: Filters) -> tuple[Flags, Flags]:
        """Whether each is in a repository that the filters are about, and passes all of them."""
        inventory = self._levels.inventory
        covered = _meet(self.repository, inventory.repositories.values, _any(filters.repositories))
        matched = covered & _meet(self.tag, inventory.texts.values, _any(filters.globs))
        if (pattern := filters.matching) is not None:
            whole = _meet(
                self.tag, inventory.texts.values, lambda tag: bool(pattern.fullmatch(tag))
            )
            matched &= whole
        if (versions := filters.versions) is not None:
            inside = lambda tag: (v := Version.parse(tag)) is not None and v in versions  # noqa: E731
            matched &= _meet(self.tag, inventory.texts.values, inside)
        if filters.artifact_type is not None:
            matched &= self._artifact_type() == filters.artifact_type
        return covered, matched

    def _artifact_type(self) -> Objects:
        seen = self._levels.seen
        document = seen.content.document[seen.graph.digest[self.place]]
        code = np.append(seen.inventory.documents.column("artifact_type"), NONE)[document]
        return texts(seen.inventory.texts.values, code)

    def _rank(self, rule: Rule, counted: Flags) -> Ints:
        """The place of each in the order of its repository, the last being 0; NONE: it has none."""
        key = {"created": self._by_time, "semver": self._by_version, "natural": self._by_name}
        value = key[rule.order]()
        known = np.flatnonzero(counted & (value != NONE))
        # By repository, the last first; equal times are told apart by name, so that it is the same
        # whenever it is asked.
        order = known[np.lexsort((-self._by_name()[known], -value[known], self.repository[known]))]
        table = pd.DataFrame({"repository": self.repository[order], "place": self.place[order]})
        first = ~table.duplicated() if rule.count == "digest" else pd.Series(True, table.index)
        table["rank"] = first.groupby(table["repository"]).cumsum() - 1
        if rule.count == "digest":
            table["rank"] = table.groupby("place")["rank"].transform("min")
        rank = np.full(len(self.row), NONE, dtype=np.int64)
        rank[order] = table["rank"].to_numpy()
        return rank

    def _by_time(self) -> Ints:
        made = self.made
        return np.where(made == NO_TIME, NONE, made)

    def _by_version(self) -> Ints:
        return self._sorted_names(Version.parse)

    def _by_name(self) -> Ints:
        return self._sorted_names(lambda tag: (natural_key(tag), tag))

    def _sorted_names(self, key: Callable[[str], object]) -> Ints:
        """The place of each name among all, by a key; equal keys share one; NONE without one."""
        values = self._levels.inventory.texts.values
        keys = {code: key(values[code]) for code in np.unique(self.tag).tolist()}
        place = np.full(len(values), NONE, dtype=np.int64)
        distinct = sorted({value for value in keys.values() if value is not None})  # type: ignore[type-var] # of one kind
        number = {value: index for index, value in enumerate(distinct)}
        for code, value in keys.items():
            place[code] = NONE if value is None else number[value]
        found: Ints = place[self.tag]
        return found


def _combined(rule: Rule, counted: Flags, by_number: Flags, by_age: Flags, unknown: Flags) -> Flags:
    """A keep takes what any selector chooses, and what is unknown; an expire what all choose."""
    if not rule.has_selector:
        return counted
    if rule.action == "keep":
        return by_number | by_age | unknown
    chosen = counted if rule.number is None else by_number
    return chosen if rule.age is None else chosen & by_age


def _any(globs: Sequence[str]) -> Callable[[str], bool]:
    return lambda name: not globs or any(fnmatchcase(name, glob) for glob in globs)


def _meet(codes: Codes, values: Sequence[str], wanted: Callable[[str], bool]) -> Flags:
    """Whether the text of each code is wanted; each text is looked at once."""
    found = np.zeros(len(values), dtype=bool)
    used = np.unique(codes)
    found[used] = [wanted(values[code]) for code in used.tolist()]
    flags: Flags = found[codes]
    return flags
