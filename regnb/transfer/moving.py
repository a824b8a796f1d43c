"""Moving: the plan of a transfer, and carrying it out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from regnb import workers
from regnb.display.text import count, size
from regnb.errors import RegnbError, TransferError, printable
from regnb.interfaces import Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Manifest
from regnb.transfer.cargo import Cargo
from regnb.transfer.destination import Action, Destination, Step
from regnb.transfer.tracker import Tracker

LOOKERS = 8
MOVERS = 4
"""Blobs that are moved at once (S27)."""

SHOWN_ERRORS = 5


@dataclass(slots=True)
class Transfer:
    """A cargo, where it is and where it goes: `plan` first, then `run`.

    Attributes:
        cargo: what is to be moved.
        origin: where it is.
        destination: where it goes.
        tracker: how far it is.
        tick: called in the calling thread, some ten times a second.
        steps: what to do with each blob, once that has been planned.
        actions: what has been done with each blob.
        there: manifests that the destination has already, and what it vouches for with them.
        tagged: of those that are to have tags, the ones that have them all.
        errors: what could not be moved, by digest.
    """

    cargo: Cargo
    origin: Origin
    destination: Destination
    tracker: Tracker = field(default_factory=Tracker)
    tick: Callable[[], None] = lambda: None
    steps: dict[Digest, Step] = field(default_factory=dict)
    actions: dict[Digest, Action] = field(default_factory=dict)
    there: set[Digest] = field(default_factory=set)
    tagged: set[Digest] = field(default_factory=set)
    errors: dict[str, RegnbError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def plan(self) -> None:
        """Find out what there is to do, and move nothing.

        Costs, in a registry, one HEAD for each image and referrer, and one for each distinct blob
        of those that are not there yet, or each tag of those that are. A layout costs nothing.

        Raises:
            RegnbError: the destination does not say.
        """
        self.errors |= self.cargo.errors
        asked = self.cargo.roots if self.destination.vouches else self.cargo.manifests
        manifests = [self.cargo.manifests[digest].descriptor for digest in asked]
        self._side_by_side(self._look_at_manifest, manifests, LOOKERS)
        blobs = self.cargo.blobs.values()
        known = {b.digest: Step(b, "foreign" if b.foreign else "skip") for b in blobs}
        self.steps = {d: s for d, s in known.items() if s.blob.foreign or d in self.there}
        self._side_by_side(self._look, [b for b in blobs if b.digest not in self.steps], LOOKERS)
        for step in self.steps.values():
            if step.action == "transfer":
                self.tracker.expect(step.blob)
        for manifest in self.cargo.manifests.values():
            self._spoil(manifest)

    def run(self) -> None:
        """Carry the plan out: the blobs first, then the manifests, each after what it names.

        Where one of several images fails, the others are moved all the same.

        Raises:
            RegnbError: what stood in the way of the only image.
            TransferError: some of several images could not be moved.
            KeyboardInterrupt: what has arrived is kept, to be gone on with.
        """
        try:
            self._carry_out()
        finally:
            self.destination.tidy()
        self.raise_errors()

    def action(self, digest: Digest) -> Action | Literal["fail"]:
        """What was done with a blob or manifest, or else is planned."""
        if digest in self.errors:
            return "fail"
        if digest in self.cargo.manifests:
            return "skip" if digest in self.there else "transfer"
        return self.actions.get(digest) or self.steps[digest].action

    def _look_at_manifest(self, manifest: Descriptor) -> None:
        if not self.destination.holds(manifest.digest):
            return
        vouches = self.destination.vouches
        found = self.cargo.closure(manifest.digest) if vouches else {manifest.digest}
        tags = self.cargo.tags.get(manifest.digest, ())
        is_tagged = all(self.destination.has_tag(tag, manifest.digest) for tag in tags)
        with self._lock:
            self.there |= found
            self.tagged |= {manifest.digest} if tags and is_tagged else set()

    def _look(self, blob: Descriptor) -> None:
        self.steps[blob.digest] = self.destination.look(blob)

    def _take(self, blob: Descriptor) -> None:
        told = partial(self.tracker.position, blob)
        action = self.destination.take(self.steps[blob.digest], self.origin, told)
        self.actions[blob.digest] = action
        self.tracker.done(blob, action)

    def _store(self, thing: Descriptor) -> None:
        """Hand a manifest over, if anything about it is not there yet."""
        digest = thing.digest
        tags = self.cargo.tags.get(digest, ())
        # A layout may hold a root without an entry for it in its index.
        is_named = self.destination.vouches or digest not in self.cargo.roots
        if digest in self.tagged:
            return  # a registry may refuse even the same manifest where tags never change
        if digest in self.there and not tags and is_named:
            return
        self.destination.store(self.cargo.manifests[digest], tags)

    def _carry_out(self) -> None:
        steps = sorted(self.steps.values(), key=lambda step: -step.blob.size)
        movable = [step.blob for step in steps if step.action != "foreign"]
        self._side_by_side(self._take, movable, MOVERS)
        for level in self.cargo.levels():
            for manifest in level:
                self._spoil(manifest)
            sound = [one.descriptor for one in level if one.digest not in self.errors]
            self._side_by_side(self._store, sound, MOVERS)

    def _spoil(self, manifest: Manifest) -> None:
        """Let a manifest fail with the first thing that it names."""
        for one in manifest.references():
            if one.digest in self.errors:
                self.errors.setdefault(manifest.digest, self.errors[one.digest])

    def _side_by_side(
        self, work: Callable[[Descriptor], None], things: Collection[Descriptor], most: int
    ) -> None:
        def guarded(thing: Descriptor) -> None:
            self._guarded(work, thing)

        workers.run(things, guarded, workers=most, tick=self.tick, cancel=self._cancel)
        self.tick()

    def _guarded(self, work: Callable[[Descriptor], None], thing: Descriptor) -> None:
        """Do something; what goes wrong ends it all, if there is but one image to move."""
        try:
            work(thing)
        except RegnbError as error:
            error.add_note(f"It was about {thing.digest}, of {size(thing.size)}.")
            if self.cargo.is_single:
                self.tracker.stop()
                raise
            self.errors[thing.digest] = error

    def _cancel(self) -> None:
        self.tracker.stop()
        self.origin.registry.cancel()
        self.destination.cancel()

    def raise_errors(self) -> None:
        """Say which of several images could not be moved, or planned to be.

        Raises:
            TransferError: some could not.
        """
        roots = self.cargo.roots.items()
        failed = {name: self.errors[root] for root, name in roots if root in self.errors}
        failed |= self.cargo.unread
        if not failed:
            return
        total = len(roots) + len(self.cargo.unread)
        shown = [f"{printable(n)}: {error}" for n, error in list(failed.items())[:SHOWN_ERRORS]]
        raise TransferError(
            f"{len(failed):,} of {count(total, 'image')} could not be moved; the others are where "
            f"they should be. Call again to go on. {' | '.join(shown)}",
            errors=failed,
        )
