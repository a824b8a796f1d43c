"""Repo: one repository of a registry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from regnb.client.caching import cache_of, warn_of_trouble
from regnb.client.destinations import target_of
from regnb.client.image import Image
from regnb.client.transfers import (
    Options,
    StrPath,
    Tags,
    chosen_tags,
    domain_of,
    download,
    into,
    move,
)
from regnb.client.walking import walk, warn_of
from regnb.display.card import Card, Section, Shown, Table
from regnb.errors import InvalidReferenceError, RegnbError, printable
from regnb.frames.build import frame
from regnb.frames.schemas import TAGS
from regnb.frames.tag_names import tag_columns
from regnb.interfaces import Opened, Origin, TagList
from regnb.model.digest import Digest
from regnb.model.reference import Reference, check_tag
from regnb.store.layout import Layout
from regnb.transfer.tracker import OnProgress
from regnb.walk.inventory import Inventory


class Repo(Shown):
    """One repository, to be questioned. Making one costs no request.

    ``repo["1.2"]`` is the `Image` behind a tag, ``repo["sha256:..."]`` the one with a digest.

    Attributes:
        name: its path, without the registry's host.
        registry: what tables call its registry.
        core: the repository of the registry client or layout underneath, with ``tags``,
            ``manifests`` and ``blobs``.
    """

    def __init__(self, core: Opened) -> None:
        """Wrap one repository of a registry client."""
        self.core = core
        self.name = core.name
        self.registry = core.registry.name
        self._listed: TagList | None = None

    def __getitem__(self, tag: str) -> Image:
        """The image behind a tag or digest; no request.

        Raises:
            InvalidReferenceError: `tag` is no tag.
            InvalidDigestError: `tag` has a colon, but is no digest.
        """
        if ":" in tag:
            return Image(self.core, Reference(domain="", path=self.name, digest=Digest(tag)))
        return Image(self.core, Reference(domain="", path=self.name, tag=check_tag(tag)))

    def tags(self, *, details: bool = False, progress: bool | None = None) -> pd.DataFrame:
        """The tags of the repository, sorted by name, one row a tag.

        Costs one request for each page of the listing. With `details`, also one for each tag, one
        for each distinct child manifest and one for each distinct image config, behind a
        progress bar; configs and unchanged manifests that `regnb.cache` has are not read again.

        Args:
            details: read the manifests and configs too.
            progress: show a bar; by default as `set_options` and the environment say.

        Returns:
            Columns ``registry repository tag kind is_semver semver_major semver_minor
            semver_patch semver_prerelease``. ``kind`` tells plain tags from the fallback tags of
            referrers and from cosign's.

            With `details`: ``registry repository tag kind is_semver digest media_type
            manifest_kind size declared_size manifest_size created platforms platform_count
            layer_count artifact_type error``. Sizes are bytes: ``size`` counts each distinct blob
            and manifest of all platforms once, ``declared_size`` adds up what the manifests
            declare. A tag that could not be read keeps its row, with the reason in ``error``.

        Warns:
            ListingWarning: some of the names listed cannot be tags; they are left out.
            CacheWarning: the cache cannot be used, or was begun anew.

        Raises:
            RepositoryUnknownError: the registry has no such repository.
            RegistryError: the listing could not be read.
        """
        self._listed = self.core.tags.all()
        warn_of("tags", self._listed.invalid)
        if details:
            pairs = [(self.name, tag) for tag in self._listed]
            inventory = Inventory(self.registry)
            with cache_of(self.core.registry) as cache:
                walk(
                    self.core.registry,
                    inventory,
                    references=pairs,
                    cache=cache,
                    progress=progress,
                )
            warn_of_trouble(cache.trouble, stacklevel=2)
            from regnb.client.tag_details import tag_details  # noqa: PLC0415 - it brings the audit

            return tag_details(inventory)
        tags = sorted(self._listed)
        columns = {
            "registry": [self.registry] * len(tags),
            "repository": [self.name] * len(tags),
            **tag_columns(tags),
        }
        return frame(TAGS, columns, registry=self.registry, retrieved=datetime.now(UTC))

    def pull(
        self,
        folder: StrPath,
        *,
        tags: Tags | None = None,
        referrers: bool = False,
        dry_run: bool = False,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> pd.DataFrame:
        """Pull many images into an OCI image layout, each distinct blob once; see `Image.pull`.

        Costs one request for each page of the listing, one for each tag, one for each distinct
        manifest below those, and one for each distinct blob that the layout does not hold.

        Args:
            folder: as for `Image.pull`.
            tags: a regular expression that the whole tag has to match, or the tags themselves; all
                of them by default.
            referrers: as for `Image.pull`.
            dry_run: as for `Image.pull`.
            progress: as for `Image.pull`.
            on_progress: as for `Image.pull`.

        Returns:
            The same as of `Image.pull`.

        Raises:
            ValueError: `tags` is no regular expression.
            RepositoryUnknownError: the registry has no such repository.
            TransferError: some of the images could not be moved. Its ``errors`` tell why, its
                ``table`` what was done; the others are pulled.
            RegnbError: as for `Image.pull`, where there is but one image.
        """
        layout = Layout(folder).repository(self.name, domain=domain_of(self.core))
        options = Options(referrers, dry_run, progress, on_progress)
        return self._move(layout, tags, "pull", options)

    def copy_to(
        self,
        target: str | Repo,
        *,
        tags: Tags | None = None,
        referrers: bool = False,
        dry_run: bool = False,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> pd.DataFrame:
        """Copy many images to another repository, under the same tags; see `Image.copy_to`.

        Costs one request for each page of the listing, one for each tag and one for each distinct
        manifest below those. At the target, each distinct image costs one, and one more for each
        tag if it is there; each distinct manifest and blob of the others costs what it costs in
        `Image.copy_to`, and each tag of an image with several one more.

        Args:
            target: a full name such as ``other.example.com/team/app``, or a repository of another
                client.
            tags: as for `pull`.
            referrers: as for `Image.pull`.
            dry_run: as for `Image.pull`.
            progress: as for `Image.pull`.
            on_progress: as for `Image.pull`.

        Returns:
            The same as of `Image.copy_to`.

        Raises:
            InvalidReferenceError: `target` names no registry, or a tag or digest.
            RegnbError: as for `pull` and for `Image.copy_to`.
        """
        options = Options(referrers, dry_run, progress, on_progress)
        repository, tag = target_of(target, self.core)
        if tag is not None:
            raise InvalidReferenceError(
                f"{printable(target)!r} names a tag, and all keep theirs. Leave it out."
            )
        return self._move(repository, tags, "copy", options)

    def download(
        self,
        digest: str,
        path: StrPath,
        *,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Path:
        """Download one blob into a file, verified, with a bar of bytes.

        The file appears when it is whole. Until then the bytes are beside it, in a file with the
        digest as its name and ``.part`` at the end, from which an interrupted call goes on.

        Costs one HEAD and one GET.

        Args:
            digest: of the blob.
            path: of the file; replaced where there is one.
            progress: as for `Image.pull`.
            on_progress: as for `Image.pull`.

        Returns:
            The path.

        Raises:
            InvalidDigestError: `digest` is none.
            BlobUnknownError: the repository has no such blob.
            DigestMismatchError: the registry sent other bytes, twice.
            DiskFullError: no space is left. What has arrived is kept.
            StorageError: the file cannot be written.
            RegistryError: what else stands in the way.
        """
        options = Options(progress=progress, on_progress=on_progress)
        return download(self.core, Digest(digest), Path(path), options=options)

    def _move(
        self, repository: Origin, tags: Tags | None, verb: str, options: Options
    ) -> pd.DataFrame:
        destination = into(repository, self.core)
        tops = chosen_tags(self.core.tags.all(), tags)
        return move(tops, self.core, destination, title=f"{verb} {self.name}", options=options)

    def card(self) -> Card:
        """What is known without asking."""
        facts = (("registry", self.registry),)
        if self._listed is None:
            notes = ("Call .tags() to list its tags.",)
            return Card("Repo", self.name, facts, notes=notes)
        rows = tuple((tag,) for tag in self._listed)
        listing = Section("tags", Table(("tag",), rows), open=True)
        return Card("Repo", self.name, (*facts, ("tags", len(rows))), (listing,))

    def _ipython_key_completions_(self) -> list[str]:
        if self._listed is None:
            try:
                return list(self.core.tags.list())
            except RegnbError:
                return []
        return list(self._listed)
