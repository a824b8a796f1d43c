"""Client: one registry, or images on disk, and `connect`, the front door to it."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from regnb.audit.parquet import need_parquet
from regnb.client import auditing
from regnb.client.image import Image
from regnb.client.repo import Repo
from regnb.client.scoping import Repositories, scope_of
from regnb.client.sources import only_image
from regnb.client.transfers import Platforms
from regnb.client.walking import warn_of
from regnb.core.registry import Registry
from regnb.core.wire.tls import StrPath
from regnb.display.card import Card, Section, Shown, Table
from regnb.errors import InvalidReferenceError, RegistryError, RegnbError, printable
from regnb.frames.build import frame
from regnb.frames.schemas import CATALOG
from regnb.interfaces import Service
from regnb.model.reference import (
    DOCKER_HUB,
    OFFICIAL,
    Reference,
    parse_local,
)
from regnb.store.source import open_source
from regnb.transfer.tracker import OnProgress
from regnb.walk.budget import Budget
from regnb.walk.scope import Scope, Tags

if TYPE_CHECKING:
    from regnb.audit.audit import Audit

COMPLETIONS = 1000  # one page of a catalog


class Client(Shown):
    """One registry, or images on disk, to be questioned. Making one costs no request.

    ``client["team/app"]`` is a `Repo`, ``client["team/app:1.2"]`` an `Image`.

    Attributes:
        name: what tables call the registry: its host and port, or the name of the folder or file.
        url: the address that requests go to, or where the folder or file is.
        core: the registry client, layout or archive underneath, with the protocol's own words.
    """

    def __init__(self, core: Service) -> None:
        """Wrap a registry client, a layout or an archive; most people call `connect` instead."""
        self.core = core
        self.name = core.name
        self.url = core.url
        self._listed: list[str] | None = None

    def __getitem__(self, key: str) -> Any:
        """A Repo for ``path``, an Image for ``path:tag`` or ``path@digest``; no request.

        Raises:
            InvalidReferenceError: the key is no repository path, or holds a host.
        """
        reference = self._reference(key)
        if reference.tag is None and reference.digest is None:
            return Repo(self.core.repository(reference.path))
        return Image(self.core.repository(reference.path), reference)

    def repository(self, name: str) -> Repo:
        """A handle on one repository, typed; no request.

        Raises:
            InvalidReferenceError: `name` is no repository path, or holds a tag or digest.
        """
        handle = self[name]
        if not isinstance(handle, Repo):
            raise InvalidReferenceError(
                f"{printable(name)!r} names an image. Use client.image(...) for one."
            )
        return handle

    def image(self, reference: str) -> Image:
        """A handle on one image, typed; ``latest`` where neither tag nor digest is given.

        Raises:
            InvalidReferenceError: `reference` does not follow the grammar.
        """
        handle = self[reference]
        return handle["latest"] if isinstance(handle, Repo) else handle

    def ping(self) -> None:
        """Ask whether a registry answers here. One request.

        Raises:
            RegistryError: what stands in the way, and what to do about it.
        """
        self.core.ping()

    def catalog(self) -> pd.DataFrame:
        """Every repository that the registry lists, sorted by name.

        Costs one request for each page of 1,000 names.

        Returns:
            Columns ``registry repository namespace``, all `str`; the namespace is the first
            part of a path that has several, else empty.

        Warns:
            ListingWarning: some of the names listed cannot be repositories; they are left out.

        Raises:
            CatalogUnsupportedError: the registry does not list its repositories.
            RegistryError: the catalog could not be read to its end; what was read of it is in
                ``partial``.
        """
        refused: list[str] = []
        found: set[str] = set()
        try:
            found.update(self.core.repositories(on_refused=refused.append))
        except RegistryError as error:
            error.partial = sorted(found)
            raise
        self._listed = names = sorted(found)
        warn_of("repositories", refused)
        columns = {
            "registry": [self.name] * len(names),
            "repository": names,
            "namespace": [name.partition("/")[0] if "/" in name else "" for name in names],
        }
        return frame(CATALOG, columns, registry=self.name, retrieved=datetime.now(UTC))

    def audit(
        self,
        repositories: Repositories | None = None,
        *,
        tags: Tags | None = None,
        configs: bool = True,
        referrers: bool = True,
        uncompressed: bool = False,
        resume: bool = True,
        max_requests: int | None = None,
        max_seconds: float | None = None,
        keep_rate_limit: int | None = None,
        executor: Executor | None = None,
        folder: StrPath | None = None,
        progress: bool | None = None,
    ) -> Audit:
        """Walk the registry and account for its bytes, with a progress bar.

        Costs one request to begin with, one for each page of the catalog and of each tag list, one
        for each tag, one for each distinct child manifest and each further repository that names
        it, one for each distinct image config and each repository that lacks it, one for each layer
        that names other places or on whose size manifests disagree, and one for each tag that
        misses a child. With `uncompressed`, one more for each distinct layer that is compressed and
        has not told yet. A registry that lists referrers is asked for those of each manifest, too.
        What cannot be read is a row in ``audit.errors``, and never ends the walk.

        Manifests and configs come out of `regnb.cache` where they are in it. The second audit of
        an unchanged registry reads none: tags are asked for by conditional requests. Where the
        registry counts requests, tags are asked for by HEAD. Nobody is asked whether the blob of a
        config that is in the cache is still there, as nobody is for layers.

        An audit that was interrupted or stopped by its budget loses nothing, and one that was
        killed the answers of its last half second: within 24 hours, the next with the same
        arguments goes on with what it had been answered. The window of time is then that of both.

        Args:
            repositories: what to audit instead of the whole catalog: names, or globs for names in
                the catalog, such as ``"team/*"``, whose ``*`` matches slashes as well. One or
                several of them, a table with a column ``repository``, or the `pathlib.Path` of a
                file with one a line, where ``#`` begins a comment.
            tags: a glob or several, one of which a tag has to match, or a compiled expression that
                the whole tag has to match. Signatures and other attachments of what is read are
                read as well.
            configs: read image configs too, for platforms and times of creation. Sizes do not
                need them.
            referrers: look for what is about the manifests: signatures, attestations and so on.
                Attachments that are tags are found without it, unless `tags` leaves them out.
            uncompressed: ask layers how large they are unpacked, for the columns
                ``uncompressed_size`` and ``uncompressed_source`` of ``audit.blobs``: a part of each
                is read, 4 or 18 bytes. What they tell is kept in `regnb.cache`. A mirror may take
                the request for a reason to fetch the whole layer.
            resume: go on with an audit that was stopped; False begins anew.
            max_requests: stop before more than these have been sent, besides the first. Only pages
                and retries of what is under way can come on top.
            max_seconds: stop then.
            keep_rate_limit: stop when the registry says that no more requests than these are left.
                Those under way are counted as if they had been answered.
                Without it, too, an audit stops where one question after the other is refused by
                a 429, or the registry no longer answers.
            executor: of `concurrent.futures`, or dask's ``client.get_executor()``: its workers walk
                the repositories, some at a time. They find credentials where they run, as `connect`
                does; a function given as ``credentials`` has to be one that they can import. What
                they see goes to `folder` at once. A worker that fails is tried once more, and then
                its repositories are rows in ``audit.errors``. An interrupted audit cancels what has
                not begun; the next with the same arguments goes on with what was written. Digests
                that several workers meet are read by each, unless they share `regnb.cache`. Needs
                ``pip install 'regnb[parquet]'``, here and where they run.
            folder: for `executor`, and to be shared by its workers: the audit is saved there, as
                `Audit.save` does.
            progress: show a bar; by default as `set_options` and the environment say.

        Returns:
            The tables and answers of the walk. In a notebook, a walk that is interrupted still
            gives what it had read, with ``complete`` False; and so does one that its budget
            or an outage stopped, everywhere.

        Warns:
            CacheWarning: what is kept on disk cannot be used, or was begun anew.
            ListingWarning: a glob or the expression matches nothing; the rest is audited.

        Raises:
            TypeError: an argument is of another type.
            ValueError: a budget is below zero; a table has no column ``repository``; a file is no
                text; a text looks like the path of one; or `executor` without `folder`, or the
                reverse, or with a budget, or for images on disk.
            CredentialError: workers cannot have the credentials of this client; the message says
                how they can.
            WorkerError: all workers failed, and not because of what the registry answered.
            StorageError: `folder` cannot be written to, or another call is at the same audit.
            CatalogUnsupportedError: the registry does not list its repositories: name them.
            RegistryError: the registry could not be asked at all.
            KeyboardInterrupt: outside of a notebook.
        """
        scope = scope_of(repositories, tags, lambda name: self.repository(name).name)
        if not isinstance(executor, Executor | None):
            given = printable(repr(executor), 80)
            raise TypeError(f"executor= is a concurrent.futures.Executor, and not {given}.")
        budget = Budget(max_requests, max_seconds, keep_rate_limit)
        choices = {
            "configs": configs, "referrers": referrers, "uncompressed": uncompressed,
            "resume": resume,
        }  # fmt: skip
        if executor is not None or folder is not None:
            return self._audit_by(executor, folder, scope, budget, progress, **choices)
        from regnb.audit.audit import Audit  # noqa: PLC0415 - who does not audit needs none of it
        from regnb.audit.kernel.seen import Seen  # noqa: PLC0415 - as above

        inventory = auditing.audit(self.core, scope, budget=budget, progress=progress, **choices)
        return Audit(Seen(inventory), service=self.core)

    def push(
        self,
        source: StrPath | Image,
        reference: str,
        *,
        platforms: Platforms | None = None,
        referrers: bool = False,
        dry_run: bool = False,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> pd.DataFrame:
        """Push an image from disk: an OCI layout, an OCI archive or what ``docker save`` writes.

        Blobs that the registry has are not sent, and those that it is known to have in another
        repository are mounted. An upload that breaks off, even because the process is killed, is
        gone on with by the next call, as far as the registry kept it; until then what that needs
        is in ``.regnb`` beside the data. Layers of ``docker save`` go as they are, uncompressed.

        Costs two requests where the image is there under its tag, and otherwise one, one for each
        distinct blob, one more for each that is mounted, two or three more for each that is
        uploaded, and one for each manifest.

        Args:
            source: folder or file (``oci:folder`` and the like, too), or an image of any client.
                Where the folder or file holds several images, the one that has the path and tag of
                `reference` is meant.
            reference: ``path:tag`` in this registry; ``latest`` where it has no tag.
            platforms: as for `Image.pull`.
            referrers: as for `Image.pull`.
            dry_run: only say what would be done.
            progress: show a bar; by default as `set_options` and the environment say.
            on_progress: as for `Image.pull`.

        Returns:
            The same as of `Image.copy_to`.

        Raises:
            InvalidReferenceError: `reference` is none, or holds a digest.
            LayoutError: the source is none of these, or is damaged; or it holds several images,
                and the message lists them.
            ManifestUnknownError: a manifest that the source names is not in it.
            BlobUnknownError: a blob that it names is not in it.
            DigestMismatchError: a blob in it is damaged.
            DeniedError: this account may not push there.
            RegnbError: as for `Image.copy_to`.
        """
        target = self.image(reference)
        if not isinstance(source, Image):
            source = only_image(open_source(source), target.reference)
        return source.copy_to(
            target,
            platforms=platforms,
            referrers=referrers,
            dry_run=dry_run,
            progress=progress,
            on_progress=on_progress,
        )

    def card(self) -> Card:
        """What is known without asking."""
        facts: tuple[tuple[str, object], ...] = (("url", self.url),)
        if self.core.rate_limit is not None:
            facts += (("rate limit", str(self.core.rate_limit)),)
        if self._listed is None:
            notes = (
                "Call .catalog() to list its repositories, .audit() to account for its bytes.",
            )
            return Card("Client", self.name, facts, notes=(*notes, *self.core.notices))
        rows = tuple((name,) for name in self._listed)
        facts += (("repositories", len(rows)),)
        listing = Section("repositories", Table(("repository",), rows), open=True)
        return Card("Client", self.name, facts, (listing,), notes=self.core.notices)

    def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        self.core.close()

    def __enter__(self) -> Self:
        """Use the client in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()

    def _audit_by(
        self,
        executor: Executor | None,
        folder: StrPath | None,
        scope: Scope,
        budget: Budget,
        progress: bool | None,
        **choices: bool,
    ) -> Audit:
        """The audit by workers."""
        if executor is None or folder is None:
            raise ValueError("Give executor and folder together; Audit.save writes any audit.")
        if not isinstance(self.core, Registry):
            raise ValueError(f"{printable(self.url)} is on disk: audit it without an executor.")
        if budget != Budget():
            raise ValueError("Workers share no budget: give none, or no executor.")
        need_parquet()
        from regnb.client import sharding  # noqa: PLC0415 - it imports pyarrow

        return sharding.audit(
            self.core, scope, executor, Path(folder), progress=progress, **choices
        )

    def _reference(self, key: str) -> Reference:
        if not isinstance(self.core, Registry):
            return parse_local(key)
        looks_like_host = self.name == "localhost" or bool({".", ":"} & set(self.name))
        if looks_like_host and key.startswith(f"{self.name}/"):
            raise InvalidReferenceError(
                f"{printable(key)!r} starts with the registry's own name. "
                f"Leave it out: {printable(key.removeprefix(self.name + '/'))!r}."
            )
        found = parse_local(key)
        if self.name == DOCKER_HUB and "/" not in found.path:
            return replace(found, path=OFFICIAL + found.path)
        return found

    def _ipython_key_completions_(self) -> list[str]:
        if self._listed is None:
            try:
                return list(islice(self.core.repositories(), COMPLETIONS))
            except RegnbError:
                return []
        return self._listed
