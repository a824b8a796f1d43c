"""Sharding: an audit by many workers, each of which walks some of the repositories.

Workers write what they see into a folder. It is there when a call is stopped or a worker fails, and
the next call goes on with it; in the end it becomes one snapshot.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

from regnb.audit.audit import Audit
from regnb.audit.keeping.failures import FAILURES, failures_of
from regnb.audit.keeping.forms import REPOSITORIES
from regnb.audit.keeping.loading import Loading
from regnb.audit.keeping.parts import read_part
from regnb.audit.keeping.snapshots import Facts, alone, saved_snapshots
from regnb.audit.kernel.seen import Seen
from regnb.client.scoping import warn_of_nothing
from regnb.client.shards import Shard, Target, crawl_shard
from regnb.core.registry import Registry
from regnb.display.text import count
from regnb.errors import (
    RateLimitedError,
    RegnbError,
    SavedAuditError,
    UnreachableError,
    WorkerError,
    printable,
)
from regnb.progress import bar, in_kernel
from regnb.walk.columns import NONE
from regnb.walk.disputes import settle_sizes
from regnb.walk.failures import not_names
from regnb.walk.inventory import Inventory
from regnb.walk.scope import Scope

FOLDER = "shards"
"""Where workers write, in the folder of the data set, until the audit is finished."""

SHARDS = 64
"""Into how many shards repositories are dealt, so that all workers end at about one time."""

SMALLEST, LARGEST = 16, 250
"""Repositories of a shard: fewer are not worth its files; more are much to hold, or to do again."""

FRESH = timedelta(hours=24)
"""How old the parts of an audit that was stopped may be for the next call to go on with them."""

TRIES = 2
"""How often a shard is given to a worker."""

INTERRUPTED = "interrupted"

_TICK = 0.1  # seconds between two looks of the main thread at the workers


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker has written: a data set with one snapshot, and its repositories."""

    folder: Path
    facts: Facts
    repositories: frozenset[str]


def audit(
    core: Registry,
    scope: Scope,
    executor: Executor,
    folder: Path,
    *,
    configs: bool,
    referrers: bool,
    uncompressed: bool,
    resume: bool,
    progress: bool | None,
) -> Audit:
    """Walk a registry by the workers of an executor; arguments as for `Client.audit`."""
    target = Target.of(core, same_process=isinstance(executor, ThreadPoolExecutor))
    core.ping()
    inventory = Inventory(core.name, url=core.url)
    inventory.scope = str(scope)
    names = _names(core, scope, inventory)
    folder = folder.resolve()
    place = (
        folder / FOLDER / _key(core.url, core.account, str(scope), configs, referrers, uncompressed)
    )
    with alone(place, wait=False):
        work = _Work(executor, core, _finished(place, set(names)) if resume else [])
        left = sorted(set(names).difference(*(part.repositories for part in work.parts)))
        shards = [
            Shard(
                target,
                replace(scope, names=dealt, repository_globs=()),
                configs,
                referrers,
                uncompressed,
                _new(place),
            )
            for dealt in _dealt(left, _tag_counts(folder, core.name))
        ]
        with bar(f"reading {core.name}", unit="repository", show=progress) as shown:
            shown.total(len(names))
            shown.resume(len(names) - len(left))
            try:
                work.run(shards, shown.advance)
            except KeyboardInterrupt:
                if not in_kernel():
                    raise
                inventory.stopped = INTERRUPTED
        found = _merged(inventory, work, core)
        if inventory.stopped != INTERRUPTED:
            found.save(folder)
        if not inventory.stopped:  # only now: a disk that is full must not take the parts along
            shutil.rmtree(place)
            with suppress(OSError):  # others audit something else
                place.parent.rmdir()
    warn_of_nothing(scope, inventory, stacklevel=4)
    return found


class _Work:
    """What workers do, and what came of it.

    Attributes:
        parts: what was written.
        failed: what could not be, and why.
    """

    def __init__(self, executor: Executor, core: Registry, parts: list[Part]) -> None:
        self.parts = parts
        self.failed: list[tuple[Shard, RegnbError]] = []
        self._executor = executor
        self._core = core

    def run(self, shards: Sequence[Shard], advance: Callable[[int], object]) -> None:
        """Have all shards done, or as many as can be before the registry takes no more requests.

        What has not begun then, or when this is interrupted, is cancelled.
        """
        pending: dict[Future[str], tuple[Shard, int]] = {}
        over: RegnbError | None = None
        try:
            for shard in shards:
                pending[self._submit(shard)] = (shard, 1)
            while pending and over is None:
                for future in wait(pending, _TICK, FIRST_COMPLETED).done:
                    shard, tries = pending.pop(future)
                    error = self._take(future)
                    over = error if self._is_over(error) else over
                    if error is not None and tries < TRIES and over is None:
                        pending[self._submit(shard)] = (shard, tries + 1)
                        continue
                    if error is not None:
                        self.failed.append((shard, error))
                    advance(len(shard.scope.names or ()))
            if over is not None:
                self.failed += [(shard, over) for shard, _ in pending.values()]
        finally:
            for future in pending:
                future.cancel()

    def _is_over(self, error: RegnbError | None) -> bool:
        """Whether what ended a shard would end the others too."""
        if isinstance(error, UnreachableError):
            return not self._core.answers()  # or this worker alone does not reach it
        return isinstance(error, RateLimitedError)

    def _submit(self, shard: Shard) -> Future[str]:
        try:
            return self._executor.submit(crawl_shard, shard)
        except RuntimeError as error:  # it was shut down, or all its workers died
            failed: Future[str] = Future()
            failed.set_exception(error)
            return failed

    def _take(self, future: Future[str]) -> RegnbError | None:
        """Note what a worker has written; or why it has not."""
        error = CancelledError() if future.cancelled() else future.exception()
        if isinstance(error, RegnbError):
            return error
        if error is not None:
            return WorkerError(f"A worker failed: {type(error).__name__}: {printable(error)}")
        part = _part(Path(future.result()))
        if part is None:
            return WorkerError(
                f"What a worker has written to {printable(future.result())} cannot be read here. "
                "Give a folder that all workers share."
            )
        self.parts.append(part)
        return None


def _names(core: Registry, scope: Scope, inventory: Inventory) -> list[str]:
    """The repositories to walk; what comes of a catalog that breaks off is noted as a failure."""
    if not scope.asks_catalog:
        return list(scope.chosen(()))
    names: set[str] = set()
    refused: list[str] = []
    try:
        for name in core.repositories(on_refused=refused.append):
            names.add(name)
    except RegnbError as error:
        if not names:
            raise
        inventory.add_failure(error, stage="catalog")
    if refused:
        inventory.add_failure(not_names("repositories", refused), stage="catalog")
    return list(scope.chosen(names))


def _new(place: Path) -> str:
    """A folder for a shard, which nobody else has."""
    return str(place / secrets.token_hex(8))


def _key(*choices: object) -> str:
    """What the parts of one audit have in common."""
    return hashlib.sha256(json.dumps(choices).encode()).hexdigest()[:16]


def _finished(place: Path, names: Collection[str]) -> list[Part]:
    """What an earlier call has left that is of use: no repository is in two parts.

    What could not be read then, and may be read now, is asked for again.
    """
    found: list[Part] = []
    taken: set[str] = set()
    oldest = datetime.now(UTC) - FRESH
    for folder in sorted(path for path in place.iterdir() if path.is_dir()):
        part = _part(folder)
        if part is None or part.facts["started_at"] < oldest or _has_retriable(part):
            continue
        if part.repositories <= set(names) - taken:
            taken |= part.repositories
            found.append(part)
    return found


def _part(folder: Path) -> Part | None:
    """What a worker has written to its folder; None where it has not come to an end."""
    try:
        facts = saved_snapshots(folder)
        return Part(folder, facts[-1], frozenset(_listed(folder, facts[-1]))) if facts else None
    except SavedAuditError:
        return None


def _has_retriable(part: Part) -> bool:
    """Whether something failed in a part that may do better now."""
    tables = [name for name in part.facts["parts"] if name.split("/")[-2] == FAILURES]
    failures = [failure for name in tables for failure in failures_of(part.folder, name)]
    return any(failure.retriable for failure in failures)


def _tag_counts(folder: Path, registry: str) -> Mapping[str, int]:
    """How many tags the last audit of a registry found in each repository."""
    facts = [one for one in saved_snapshots(folder) if one["registry"] == registry]
    return _listed(folder, max(facts, key=lambda one: one["started_at"])) if facts else {}


def _listed(folder: Path, facts: Facts) -> dict[str, int]:
    """The repositories of a snapshot, and their numbers of tags."""
    columns = ["repository", "listed_tag_count"]
    found: dict[str, int | None] = {}
    for part in facts["parts"]:
        if part.split("/")[-2] == REPOSITORIES.name:
            table = read_part(folder, part, columns).to_pydict()
            found |= dict(zip(*(table[name] for name in columns), strict=True))
    return {name: tags or 0 for name, tags in found.items()}


def _dealt(names: Sequence[str], tag_counts: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Deal repositories into shards of about as many tags, the largest first."""
    shards = max(min(SHARDS, ceil(len(names) / SMALLEST)), ceil(len(names) / LARGEST))
    hands: list[tuple[int, int, list[str]]] = [(0, number, []) for number in range(shards)]
    full = []
    for name in sorted(names, key=lambda name: (-tag_counts.get(name, 0), name)):
        tags, number, hand = heapq.heappop(hands)
        hand.append(name)
        dealt = (tags + tag_counts.get(name, 0) + 1, number, hand)
        if len(hand) < LARGEST:
            heapq.heappush(hands, dealt)
        else:
            full.append(dealt)
    for _, _, hand in sorted([*hands, *full], reverse=True):
        yield tuple(sorted(hand))


def _merged(inventory: Inventory, work: _Work, core: Registry) -> Audit:
    """One audit of all parts.

    Raises:
        RegnbError: there is none, because all workers failed.
    """
    if work.failed and not work.parts:
        raise work.failed[0][1]
    loading = Loading(inventory)
    for part in work.parts:
        loading.add(part.folder, part.facts["parts"])
    for shard, error in work.failed:
        inventory.stopped = f"{count(len(work.failed), 'shard')} failed"
        for name in shard.scope.names or ():
            inventory.add_listing(name, "error", NONE)
            inventory.add_failure(error, stage="tags", repository=name)
    started = [inventory.started_at, *(part.facts["started_at"] for part in work.parts)]
    loading.finish(started=min(started), stopped=datetime.now(UTC), finished=not inventory.stopped)
    if not inventory.stopped:
        settle_sizes(core, inventory)
    return Audit(Seen(inventory), service=core)
