"""Combiners: what becomes of each tag when several rules have an opinion on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.plans.candidates import Candidates, Choice
from regnb.audit.plans.rules import Rule
from regnb.walk.columns import NONE

KEEP, DELETE = range(2)
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Decisions:
    """What becomes of each candidate.

    Attributes:
        outcome: KEEP or DELETE.
        rule: number of the rule that decided; NONE where none did.
    """

    outcome: Ints
    rule: Ints


Combiner = Callable[[Candidates, Sequence[Rule]], tuple[Decisions, list[Choice]]]


def any_keep(candidates: Candidates, rules: Sequence[Rule]) -> tuple[Decisions, list[Choice]]:
    """What any rule keeps stays; all else goes, in the repositories that the rules are about."""
    if any(rule.action == "expire" for rule in rules):
        raise ValueError(
            "These rules are combined by what they keep; expire() needs combine='ar', 'ecr' or "
            "'gitlab'."
        )
    choices = [candidates.choose(rule) for rule in rules]
    by = _first([choice.chosen for choice in choices], candidates)
    covered = _either([choice.covered for choice in choices], candidates)
    return Decisions(np.where((by == NONE) & covered, DELETE, KEEP), by), choices


def keep_beats_expire(
    candidates: Candidates, rules: Sequence[Rule]
) -> tuple[Decisions, list[Choice]]:
    """What an expire chooses goes unless a keep does; without an expire nothing goes."""
    choices = [candidates.choose(rule) for rule in rules]
    nothing = np.zeros(len(candidates.row), dtype=bool)

    def of(action: str) -> Ints:
        pairs = zip(rules, choices, strict=True)
        return _first([c.chosen if r.action == action else nothing for r, c in pairs], candidates)

    kept, expired = of("keep"), of("expire")
    goes = (expired != NONE) & (kept == NONE)
    return Decisions(np.where(goes, DELETE, KEEP), np.where(goes, expired, kept)), choices


def by_priority(candidates: Candidates, rules: Sequence[Rule]) -> tuple[Decisions, list[Choice]]:
    """The first rule whose filters a tag passes decides on it, whatever the later ones say.

    Each rule counts all tags that pass its filters, those of earlier rules as well.
    """
    choices = [candidates.choose(rule) for rule in rules]
    by = _first([choice.matched for choice in choices], candidates)
    goes = np.zeros(len(by), dtype=bool)
    for number, (rule, choice) in enumerate(zip(rules, choices, strict=True)):
        unwanted = choice.chosen if rule.action == "expire" else ~choice.chosen
        goes |= (by == number) & unwanted
    return Decisions(np.where(goes, DELETE, KEEP), by), choices


def gitlab(candidates: Candidates, rules: Sequence[Rule]) -> tuple[Decisions, list[Choice]]:
    """GitLab's clean-up: one step after the other takes tags off the list of what goes.

    ``latest`` never goes; then what no expire names; then what a keep without a number names; then
    the last ones, counted among those that are left; then what is not as old as the expire says.
    """
    numbers = range(len(rules))
    expires = [n for n in numbers if rules[n].action == "expire"]
    keeps = sorted(set(numbers) - set(expires), key=lambda n: rules[n].number is not None)
    left = candidates.unlike(LATEST)
    left &= _either([candidates.match(rules[n].filters)[1] for n in expires], candidates)
    by = np.full(len(left), NONE, dtype=np.int64)
    choices: dict[int, Choice] = {}
    for number in keeps:
        choices[number] = candidates.choose(rules[number], among=left)
        by[choices[number].chosen] = number
        left = left & ~choices[number].chosen
    for number in reversed(expires):
        choices[number] = candidates.choose(rules[number], among=left)
        by[choices[number].chosen] = number
    goes = _either([choices[n].chosen for n in expires], candidates)
    return Decisions(np.where(goes, DELETE, KEEP), by), [choices[n] for n in numbers]


def _first(flags: Sequence[Flags], candidates: Candidates) -> Ints:
    """For each candidate the number of the first of `flags` that is set; NONE where none is."""
    found = np.full(len(candidates.row), NONE, dtype=np.int64)
    for number in reversed(range(len(flags))):
        found[flags[number]] = number
    return found


def _either(flags: Sequence[Flags], candidates: Candidates) -> Flags:
    set_in_any: Flags = _first(flags, candidates) != NONE
    return set_in_any


COMBINERS: Mapping[str, Combiner] = MappingProxyType(
    {
        "harbor": any_keep,
        "zot": any_keep,
        "ar": keep_beats_expire,
        "ecr": by_priority,
        "gitlab": gitlab,
    }
)
"""How rules are combined, by the registry whose way it is."""
