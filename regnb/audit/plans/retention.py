"""Retention: what rules would keep and delete, one row a tag, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.usage import amounts
from regnb.audit.plans.candidates import Candidates, Choice
from regnb.audit.plans.combiners import COMBINERS, DELETE, Decisions
from regnb.audit.plans.rules import Rule
from regnb.audit.tables.cells import Objects, numbered, texts, times
from regnb.audit.tables.tables import build
from regnb.frames.plan_schemas import RETENTION
from regnb.frames.schemas import TIME_SOURCE


@dataclass(frozen=True, slots=True)
class Retention:
    """What a policy decides.

    Attributes:
        deleted: whether each tag of `Seen.read` goes.
        table: one row a tag.
    """

    deleted: Flags
    table: pd.DataFrame


def retention(levels: Levels, rules: Sequence[Rule], *, combine: str) -> Retention:
    """Decide on every tag that was read, attachments of other manifests left out.

    Raises:
        ValueError: `combine` is no way to combine rules, or cannot combine these.
    """
    if combine not in COMBINERS:
        raise ValueError(f"combine={combine!r} is none. Choose one of: {', '.join(COMBINERS)}.")
    if not rules or not all(isinstance(rule, Rule) for rule in rules):
        raise ValueError("Give one rule or more, made by regnb.keep() and regnb.expire().")
    candidates = Candidates(levels)
    decisions, choices = COMBINERS[combine](candidates, rules)
    deleted = np.zeros(len(levels.seen.read), dtype=bool)
    deleted[candidates.row] = decisions.outcome == DELETE
    return Retention(deleted, _table(levels, candidates, decisions, rules, choices))


def _table(
    levels: Levels,
    candidates: Candidates,
    decisions: Decisions,
    rules: Sequence[Rule],
    choices: Sequence[Choice],
) -> pd.DataFrame:
    inventory, content = levels.inventory, levels.graph.digest[candidates.place]
    goes = decisions.outcome == DELETE
    order = np.lexsort(
        (
            levels.seen.text_rank[candidates.tag],
            levels.seen.repository_rank[candidates.repository],
        )
    )
    kept_beside = _kept_beside(candidates.place, goes, len(levels.graph.keys))
    columns = {
        "repository": texts(inventory.repositories.values, candidates.repository[order]),
        "tag": texts(inventory.texts.values, candidates.tag[order]),
        "digest": texts(inventory.digests.values, content[order]),
        "created": times(candidates.made[order]),
        "time_source": numbered(TIME_SOURCE, candidates.times.source[order]),
        "decision": np.where(goes, "delete", "keep")[order],
        "rule": np.array([*map(str, rules), None], dtype=object)[decisions.rule[order]],
        "reason": _reasons(decisions, rules, choices)[order],
        "kept_with_digest": kept_beside[order],
        "freed_if_all": _alone(levels)[levels.consumer_of_tag[candidates.row[order]]],
    }
    return build(RETENTION, inventory, columns, len(order))


def _reasons(decisions: Decisions, rules: Sequence[Rule], choices: Sequence[Choice]) -> Objects:
    """Why, in words, in the order in which they apply."""
    goes = decisions.outcome == DELETE
    reasons = np.where(goes, "no rule keeps it", "no rule is about it").astype(object)
    for number, (rule, choice) in enumerate(zip(rules, choices, strict=True)):
        decided = decisions.rule == number
        for flags, reason in _words(rule, choice, goes):
            reasons[decided & flags] = reason
    return reasons


def _words(rule: Rule, choice: Choice, goes: Flags) -> list[tuple[Flags, str]]:
    """What can be said of the tags that a rule decides on, the more telling the later."""
    keeps = rule.action == "keep"
    last = f"one of the last {rule.number}" if keeps else f"not one of the last {rule.number}"
    words = [
        (np.ones(len(goes), dtype=bool), "it passes the filters"),
        (goes == keeps, "its rule does not choose it"),
        (choice.unknown & (goes != keeps), "its time or version is not known"),
        (choice.by_age & (goes != keeps), f"{'newer' if keeps else 'older'} than {rule.span}"),
        (choice.by_number & (goes != keeps), last),
    ]
    both = choice.by_number & choice.by_age & (goes != keeps)
    return [*words, (both, f"{last}, and {words[3][1]}")]


def _kept_beside(place: Ints, goes: Flags, places: int) -> Ints:
    """For each tag that goes, how many tags that stay name the same manifest."""
    kept = np.bincount(place[~goes], minlength=places)[place]
    found: Ints = np.where(goes, kept, 0)
    return found


def _alone(levels: Levels) -> Ints:
    """Bytes that each consumer of the level `tag` frees if all its tags go; 0 for no consumer."""
    level = levels.tag
    levels.content.check_sums()
    once = np.ones_like(level.weight)
    freed = amounts(level.reached, level.pairs, levels.content, weight=once).exclusive
    return np.append(freed, 0)
