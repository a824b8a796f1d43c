"""Execute: a plan of deletions carried out on a registry. The only place that deletes anything."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from typing import TypeVar

import numpy as np

from regnb import workers as threads
from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.effect import Effect
from regnb.audit.plans.log import Log, Status
from regnb.audit.plans.recheck import Expected, Recheck
from regnb.audit.plans.steps import Step, deleted_by, steps_of
from regnb.core.registry import Registry
from regnb.display.text import count
from regnb.errors import (
    AuthenticationRequiredError,
    DeletionDisabledError,
    DeletionError,
    NotFoundError,
    OperationCancelledError,
    RateLimitedError,
    ReferrersTagError,
    RegnbError,
    TokenError,
    UnreachableError,
    UntagUnsupportedError,
)
from regnb.model.digest import Digest
from regnb.progress import Bar, bar

Job = TypeVar("Job")

LOOKING, DELETING = 8, 4
"""Requests under way at once."""

# What stands in the way of all deletions alike: the others are not tried.
_ENDS = (
    AuthenticationRequiredError,
    DeletionDisabledError,
    RateLimitedError,
    TokenError,
    UnreachableError,
)


def execute(
    levels: Levels, effect: Effect, *, registry: Registry, log: Log, progress: bool | None
) -> None:
    """Look at everything once more, and then delete it.

    Raises:
        RegnbError: as `DeletionPlan.execute` does.
    """
    deleted = deleted_by(levels, effect, untags=_untags(levels, effect, registry))
    _recheck(levels, effect, deleted, registry=registry, log=log, progress=progress)
    rounds = [one for one in steps_of(levels, effect, deleted) if one]
    deleting = _Deleting(registry, log)
    total = sum(map(len, rounds))
    with bar(
        f"deleting from {registry.name}", unit="deletion", total=total, show=progress
    ) as shown:
        for steps in rounds:
            _all(steps, deleting.delete, registry, shown, at_once=DELETING)
    deleting.check(total)


def _untags(levels: Levels, effect: Effect, registry: Registry) -> bool:
    """Whether the registry takes tags away, where that has to be known. One request.

    A tag is asked to be deleted that nobody can have made: registries that do not delete tags say
    so without looking for it (400 or 405), others do not find it.
    """
    place = levels.seen.tag_place
    alone = np.flatnonzero(effect.tags & ~effect.deleted[place])
    if not len(alone):
        return True
    home = levels.inventory.repositories.values[levels.graph.repository[place[alone[0]]]]
    try:
        registry.repository(home).tags.untag(f"regnb-asks-{secrets.token_hex(16)}")
    except NotFoundError:
        return True
    except UntagUnsupportedError:
        return False
    return True


def _recheck(
    levels: Levels,
    effect: Effect,
    deleted: Flags,
    *,
    registry: Registry,
    log: Log,
    progress: bool | None,
) -> None:
    checks = Recheck(registry, Expected.of(levels, effect, deleted), log.begun())
    with bar(f"listing {registry.name}", unit="repository", show=progress) as shown:
        shown.total(len(checks.repositories))
        _all(checks.repositories, checks.list, registry, shown, at_once=LOOKING)
    with bar(f"checking {registry.name}", unit="tag", show=progress) as shown:
        shown.total(len(checks.looks))
        _all(checks.looks, checks.look, registry, shown, at_once=LOOKING)
    checks.check()


class _Deleting:
    """Deletes one thing after the other, and notes how each went."""

    def __init__(self, registry: Registry, log: Log) -> None:
        self._registry = registry
        self._log = log
        self._lock = threading.Lock()
        self._failed: set[int] = set()  # places
        self._done = self._gone = 0
        self._end: RegnbError | None = None

    def delete(self, step: Step) -> None:
        """Delete one thing, unless something stands in the way of all."""
        if self._end is not None:
            return
        if self._failed.intersection(step.parents):
            self._fail(step, "skipped", "an index that lists it is still there")
            return
        self._log.begin(step)
        try:
            self._ask(step)
        except NotFoundError:
            self._succeed(step, "gone")
        except OperationCancelledError as error:  # it may be done, and may not
            self._end = error
        except ReferrersTagError as error:
            self._succeed(step, "deleted", str(error))
        except RegnbError as error:
            self._fail(step, "failed", str(error))
            if isinstance(error, _ENDS):
                self._end = error
        else:
            self._succeed(step, "deleted")

    def check(self, total: int) -> None:
        """Raise if not all of it is done."""
        if self._end is not None and not self._done:
            raise self._end
        left = total - self._done - self._gone
        if left:
            because = f" ({self._end})" if self._end is not None else ""
            raise DeletionError(
                f"{count(left, 'deletion')} of {total:,} could not be done{because}. The log says "
                "why: plan.log. What is done is not asked for again by another plan.execute()."
            )

    def _ask(self, step: Step) -> None:
        repository = self._registry.repository(step.repository)
        if step.means == "untag":
            repository.tags.untag(step.reference)
        else:
            repository.manifests.delete(Digest(step.reference))

    def _fail(self, step: Step, status: Status, error: str) -> None:
        self._log.end(step, status, error)
        with self._lock:
            self._failed.add(step.place)

    def _succeed(self, step: Step, status: Status, error: str = "") -> None:
        self._log.end(step, status, error)
        with self._lock:
            self._done += status == "deleted"
            self._gone += status == "gone"


class _Count:
    """Counts from many threads, told to a bar from one."""

    def __init__(self, shown: Bar) -> None:
        self._shown, self._told = shown, 0
        self._done: list[None] = []

    def add(self) -> None:
        self._done.append(None)

    def tell(self) -> None:
        done = len(self._done)
        self._shown.advance(done - self._told)
        self._told = done


def _all(
    jobs: Collection[Job],
    work: Callable[[Job], None],
    registry: Registry,
    shown: Bar,
    *,
    at_once: int,
) -> None:
    """Do some work for every job, in threads, and show how many are done."""
    done = _Count(shown)

    def counted(job: Job) -> None:
        work(job)
        done.add()

    threads.run(jobs, counted, workers=at_once, tick=done.tell, cancel=registry.cancel)
    done.tell()
