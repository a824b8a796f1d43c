"""Repo: one repository of a registry."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from regnb.client.image import Image
from regnb.client.tag_details import tag_details
from regnb.client.walking import walk, warn_of
from regnb.display.card import Card, Section, Shown, Table
from regnb.errors import RegnbError
from regnb.frames.build import frame
from regnb.frames.schemas import TAGS
from regnb.frames.tag_names import tag_columns
from regnb.interfaces import Opened, TagList
from regnb.model.digest import Digest
from regnb.model.reference import Reference, check_tag
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
        progress bar.

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

        Raises:
            RepositoryUnknownError: the registry has no such repository.
            RegistryError: the listing could not be read.
        """
        self._listed = self.core.tags.all()
        warn_of("tags", self._listed.invalid)
        if details:
            pairs = [(self.name, tag) for tag in self._listed]
            inventory = Inventory(self.registry)
            walk(self.core.registry, inventory, references=pairs, progress=progress)
            return tag_details(inventory)
        tags = sorted(self._listed)
        columns = {
            "registry": [self.registry] * len(tags),
            "repository": [self.name] * len(tags),
            **tag_columns(tags),
        }
        return frame(TAGS, columns, registry=self.registry, retrieved=datetime.now(UTC))

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
