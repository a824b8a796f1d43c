"""What pull, push and copy share: a bar while blobs move, and a table of what was done."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pandas as pd

from regnb import workers
from regnb.client.parts import Parts
from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.errors import PlatformRequiredError, StorageError, TransferError, printable
from regnb.frames.build import frame
from regnb.frames.schemas import TRANSFERS
from regnb.interfaces import Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index
from regnb.progress import BYTES, bar
from regnb.store.layout_repository import LayoutRepository
from regnb.store.part import Part
from regnb.store.shelf import Shelf
from regnb.store.trouble import explained
from regnb.transfer.cargo import Cargo, Top, gather
from regnb.transfer.destination import Destination
from regnb.transfer.into_layout import IntoLayout
from regnb.transfer.into_registry import IntoRegistry
from regnb.transfer.journal import Journal
from regnb.transfer.moving import Transfer
from regnb.transfer.narrowing import narrowed
from regnb.transfer.tracker import OnProgress, Progress, Tracker

StrPath = str | os.PathLike[str]

Platforms = str | Iterable[str]
"""One ``os/architecture[/variant]``, or several."""

Tags = str | Iterable[str]
"""A regular expression that the whole of a tag has to match, or the tags themselves."""


@dataclass(frozen=True, slots=True)
class Options:
    """How images are to be moved.

    Attributes:
        referrers: take along what is about them.
        dry_run: move nothing.
        progress: show a bar; None as `set_options` and the environment say.
        on_progress: is told how far it is.
    """

    referrers: bool = False
    dry_run: bool = False
    progress: bool | None = None
    on_progress: OnProgress | None = None


def move(
    tops: Sequence[Top],
    origin: Origin,
    destination: Destination,
    *,
    title: str,
    options: Options,
) -> pd.DataFrame:
    """Move images, or say what moving them would do; one row for each blob and manifest."""
    title = f"would {title}" if options.dry_run else title
    with _shown(title, options) as (tracker, tick):
        cargo = gather(tops, origin, referrers=options.referrers, tick=tick)
        transfer = Transfer(cargo, origin, destination, tracker, tick)
        transfer.plan()
        try:
            transfer.raise_errors() if options.dry_run else transfer.run()
        except TransferError as error:
            error.table = _table(transfer)
            raise
    return _table(transfer)


def download(origin: Origin, digest: Digest, path: Path, *, options: Options) -> Path:
    """Fetch one blob into a file."""
    found = origin.blobs.stat(digest)
    if path.is_dir():
        raise StorageError(f"{printable(path)} is a folder. Name the file that the blob shall be.")
    with explained(path.parent, "made"):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = path.parent.resolve()  # a link there is the caller's own; parts follow none
    with _shown(f"download {digest.short}", options) as (tracker, tick):
        tracker.expect(found)

        def fetch(blob: Descriptor) -> None:
            with Part(folder, blob, folder / path.name) as part:
                told = partial(tracker.position, blob)
                told(part.offset)
                origin.blobs.fetch(blob, part, on_position=told)
                part.commit()
            tracker.done(blob, "transfer")

        cancel = origin.registry.cancel
        workers.run([found], fetch, workers=1, tick=tick, cancel=cancel)
        tick()
    return path


@contextmanager
def _shown(title: str, options: Options) -> Iterator[tuple[Tracker, Callable[[], None]]]:
    """A bar for a transfer: what adds up its bytes, and what brings bar and caller up to date."""
    tracker = Tracker()
    told = Progress()
    with bar(title, unit=BYTES, show=options.progress) as shown:

        def show() -> Progress:
            nonlocal told
            before, told = told, tracker.progress()
            resumed = told.bytes_resumed - before.bytes_resumed
            shown.total(told.bytes_total)
            shown.note(str(told))
            shown.resume(resumed)
            shown.advance(told.bytes_done - before.bytes_done - resumed)
            return told

        def tick() -> None:
            state = show()
            if options.on_progress is not None:
                options.on_progress(state)

        try:
            yield tracker, tick
        finally:
            show()  # what came after the last tick, or the line would not be true


def into(repository: Origin, origin: Origin) -> Destination:
    """How images get from one repository into another.

    Raises:
        ReadOnlyError: it is one of an archive.
    """
    if isinstance(repository, LayoutRepository):
        return IntoLayout(repository)
    assert isinstance(repository, Repository)  # there are no others
    registry, source = repository.registry, origin.registry
    if isinstance(source, Shelf):
        journal = Journal(source.state_folder, f"{registry.url}/{repository.name}")
        known = source.origins(registry.address.name)
        return IntoRegistry(repository, journal=journal, whereabouts=known.get)
    is_same = source.url == registry.url
    return IntoRegistry(repository, whereabouts=lambda _: origin.name if is_same else None)


def domain_of(origin: Origin) -> str:
    """What a reference calls the registry that images are from: its host, and its port."""
    if isinstance(origin, LayoutRepository):
        return origin.domain
    assert isinstance(origin.registry, Registry)  # there are no others
    return origin.registry.address.name


def narrowed_top(parts: Parts, platforms: Platforms | None, tags: tuple[str, ...]) -> Top:
    """An image, of all its platforms or of some.

    Raises:
        InvalidPlatformError: one of the platforms is none.
        PlatformRequiredError: the image has no such platform; the message lists the choices.
    """
    top = parts.top()
    if platforms is None:
        return Top(parts.name, tags, top, parts.below())
    names = [platforms] if isinstance(platforms, str) else list(platforms)
    if not names:
        raise PlatformRequiredError(f"No platform was named. Choose from: {parts.choices()}.")
    chosen = {part.descriptor.digest: part for name in names for part in parts.images(name)}
    if len(chosen) == 1 or not isinstance(top, Index):
        (only,) = chosen.values()
        return Top(parts.name, tags, parts.held(only))
    read = parts.below()
    inner = [one for one in read if isinstance(one, Index)]
    return Top(parts.name, tags, narrowed(top, chosen, inner=inner), read)


def chosen_tags(listed: Iterable[str], tags: Tags | None) -> list[Top]:
    """The images of a repository that are meant, in the order of its listing.

    Raises:
        ValueError: that is no regular expression.
    """
    if tags is None:
        return [Top(tag, (tag,)) for tag in listed]
    if not isinstance(tags, str):
        return [Top(tag, (tag,)) for tag in dict.fromkeys(tags)]
    try:
        wanted = re.compile(tags)
    except re.error as error:
        raise ValueError(f"tags={tags!r} is no regular expression: {error}.") from None
    return [Top(tag, (tag,)) for tag in listed if wanted.fullmatch(tag)]


def _table(transfer: Transfer) -> pd.DataFrame:
    cargo, origin = transfer.cargo, transfer.origin
    things = [*cargo.blobs.values(), *(m.descriptor for m in cargo.manifests.values())]
    actions = [transfer.action(one.digest) for one in things]
    columns = {
        "registry": [origin.registry.name] * len(things),
        "repository": [origin.name] * len(things),
        "digest": [str(one.digest) for one in things],
        "kind": [_kind(cargo, one.digest) for one in things],
        "media_type": [one.media_type for one in things],
        "size": [one.size for one in things],
        "action": actions,
        "mount_from": [
            transfer.steps[one.digest].mount_from if action == "mount" else None
            for one, action in zip(things, actions, strict=True)
        ],
    }
    name, now = origin.registry.name, datetime.now(UTC)
    return frame(TRANSFERS, columns, registry=name, retrieved=now)


def _kind(cargo: Cargo, digest: Digest) -> str:
    return cargo.kinds[digest] if digest in cargo.kinds else cargo.manifests[digest].kind
