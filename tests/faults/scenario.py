"""Which fault befalls which request: by rules, or by seeded chance."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from tests.faults.fault import Fault

CONNECT = "connect"  # as the method of a rule: acts on a connection, before any request
ALWAYS = sys.maxsize
REGISTRY = "registry"
ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault, and the requests that it befalls.

    Attributes:
        fault: what goes wrong; None lets the request pass, whatever later rules say.
        method: the method of the request, or `CONNECT`; empty for each but `CONNECT`.
        path: a regular expression, searched in the path without the query.
        nth: the first of the matching requests that is befallen, counted from 1.
        times: how many are befallen, from the nth on.
        origin: the port that the request came to; empty for both.
    """

    fault: Fault | None
    method: str = ""
    path: str = ""
    nth: int = 1
    times: int = 1
    origin: str = REGISTRY

    def matches(self, origin: str, method: str, path: str) -> bool:
        of_method = method == self.method or (not self.method and method != CONNECT)
        return of_method and self.origin in ("", origin) and bool(re.search(self.path, path))

    def covers(self, count: int) -> bool:
        return self.nth <= count < self.nth + self.times


class Chooses(Protocol):
    """A scenario is asked once for each connection and each request, in their order."""

    def choose(self, origin: str, method: str, path: str) -> Fault | None:
        """The fault of this one."""


class Scenario:
    """Rules; every rule counts the requests that match it, and the first that covers one wins."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules
        self._seen: Counter[int] = Counter()

    def choose(self, origin: str, method: str, path: str) -> Fault | None:
        matching = [n for n, rule in enumerate(self._rules) if rule.matches(origin, method, path)]
        self._seen.update(matching)
        covering = (n for n in matching if self._rules[n].covers(self._seen[n]))
        chosen = next(covering, None)
        return None if chosen is None else self._rules[chosen].fault


def in_order(
    faults: Sequence[Fault | None], *, method: str = "", path: str = "", origin: str = REGISTRY
) -> Scenario:
    """The nth matching request meets the nth fault; those after the last pass."""
    rules = (Rule(fault, method, path, nth, 1, origin) for nth, fault in enumerate(faults, 1))
    return Scenario(*rules)


class RandomScenario:
    """Draws for each request: the same seed and order of requests give the same faults.

    Args:
        seed: of the draws.
        menu: rules, of which those that match a request are drawn from; `nth` and `times` do not
            count. `tests.faults.menu.MENU` has one for each fault that ends by itself.
        rate: the share of connections, and of requests, that something happens to; from 0 to 1.
    """

    def __init__(self, seed: int, menu: Sequence[Rule], *, rate: float = 0.3) -> None:
        self._random = Random(seed)
        self._menu = menu
        self._rate = rate

    def choose(self, origin: str, method: str, path: str) -> Fault | None:
        fitting = [rule.fault for rule in self._menu if rule.matches(origin, method, path)]
        if not fitting or self._random.random() >= self._rate:
            return None
        return self._random.choice(fitting)
