"""Image: what one tag or digest names, pinned at the first look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from regnb.client import image_frames
from regnb.client.destinations import target_of
from regnb.client.parts import Part, Parts
from regnb.client.saving import save
from regnb.client.transfers import Options, Platforms, StrPath, domain_of, into, move, narrowed_top
from regnb.display.card import Card, Shown
from regnb.display.text import size
from regnb.errors import PlatformRequiredError, printable
from regnb.interfaces import Opened, Origin
from regnb.model.digest import Digest
from regnb.model.image_config import ImageConfig
from regnb.model.manifest import Manifest
from regnb.model.reference import Reference
from regnb.store.layout import Layout
from regnb.store.shelf import Shelf
from regnb.transfer.tracker import OnProgress

if TYPE_CHECKING:
    from regnb.client.repo import Repo


class Image(Shown):
    """One image, to be questioned. Making one costs no request.

    The first question resolves the tag; from then on the image is pinned to that digest, so that
    all its tables agree. `refresh` gives the image that the tag names now.

    Attributes:
        name: ``path:tag`` or ``path@digest``.
        core: the repository of the registry client or layout underneath.
    """

    def __init__(self, core: Opened, reference: Reference) -> None:
        """Name an image of one repository."""
        self.core = core
        self.reference = reference
        self._parts = Parts(core, reference)
        self.name = self._parts.name

    def digest(self) -> Digest:
        """The digest that the image is pinned to. One request, the first time."""
        return self._parts.top().digest

    def refresh(self) -> Image:
        """The image that the tag names now, not yet resolved."""
        return Image(self.core, self.reference)

    def manifest(self, platform: str | None = None) -> Manifest:
        """The manifest or index, or the manifest of one platform.

        One request the first time. With `platform`, one more for each entry of the index that
        may be for it, and a config for each that does not say.

        Raises:
            ManifestUnknownError: there is no such tag, digest or child.
            InvalidPlatformError: `platform` is none.
            PlatformRequiredError: the index has no such platform, or several that match.
        """
        if platform is None:
            return self._parts.top()
        return self._parts.held(self._one(platform))

    def config(self, platform: str | None = None) -> ImageConfig:
        """The image config, of one platform where there are several.

        One request more than `manifest`. Without `platform`, all entries of an index that are no
        attestations are read.

        Raises:
            InvalidPlatformError: `platform` is none.
            PlatformRequiredError: `platform` is needed; the message lists the choices.
            InvalidDocumentError: the image is an artifact, whose config is no image config.
        """
        return self._parts.config(self._one(platform))

    def platforms(self) -> pd.DataFrame:
        """What an index holds, one row a manifest; one row for an image without an index.

        Costs one request for the image, one for each distinct entry of its index, and one for each
        distinct image config; attestations have none.

        Returns:
            Columns ``registry repository reference digest media_type os architecture variant
            os_version is_attestation size declared_size manifest_size layer_count created
            present``. ``size`` is stored bytes: manifest, config and distinct layers. A manifest
            that the index names but the repository does not hold has ``present`` False.
        """
        return image_frames.platforms(self._parts)

    def layers(self, platform: str | None = None) -> pd.DataFrame:
        """The layers, one row a layer and platform, each with the build step that made it.

        Costs one request for the image, and two for each platform that is asked for.

        Args:
            platform: ``os/architecture[/variant]``; all platforms by default.

        Returns:
            Columns ``registry repository reference manifest_digest os architecture variant
            position digest media_type size created created_by comment empty foreign diff_id``.
            ``size`` is compressed bytes, as stored.

        Raises:
            ManifestUnknownError: there is no such image, or its index names a platform that the
                repository does not hold; `platforms` tells which, and the others can be asked for.
            InvalidPlatformError: `platform` is none.
            PlatformRequiredError: there is no such platform; the message lists the choices.
        """
        return image_frames.layers(self._parts, platform)

    def history(self, platform: str | None = None) -> pd.DataFrame:
        """The build steps, one row a step and platform, empty layers included.

        Costs one request for the image, and two for each platform that is asked for.

        Args:
            platform: ``os/architecture[/variant]``; all platforms by default.

        Returns:
            Columns ``registry repository reference manifest_digest os architecture variant
            position created created_by comment author empty_layer layer_position digest size``.
            ``layer_position``, ``digest`` and ``size`` are null for steps without a layer.

        Raises:
            ManifestUnknownError: there is no such image, or its index names a platform that the
                repository does not hold; `platforms` tells which, and the others can be asked for.
            InvalidPlatformError: `platform` is none.
            PlatformRequiredError: there is no such platform; the message lists the choices.
        """
        return image_frames.history(self._parts, platform)

    def pull(
        self,
        folder: StrPath,
        *,
        platforms: Platforms | None = None,
        referrers: bool = False,
        dry_run: bool = False,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> pd.DataFrame:
        """Pull the image into an OCI image layout, with a bar of bytes.

        Every byte is verified, and a blob becomes a file of the layout only when it is whole. What
        breaks off, even because the process is killed, is gone on with by the next call; until
        then it lies in ``.regnb`` in the folder. Other images in the layout stay as they are; of
        the same path and tag from two registries, the name means the one that was pulled last, and
        the other is read by its digest.

        Nothing is converted: an image of Docker's media types keeps them, and its digest. To skopeo
        and umoci a layout holds OCI manifests only, by tags alone: they do not find Docker's, and
        of two repositories with the same tag skopeo takes the first and umoci none.

        Costs one request for the image, one for each distinct manifest below it, and one for each
        distinct blob that the layout does not hold.

        Args:
            folder: of the layout; made where there is none.
            platforms: ``os/architecture[/variant]``, or several; all of them by default. One
                platform is pulled as an image of its own, several as a new index of theirs.
            referrers: pull what is about the image too: signatures, SBOMs and so on. One more
                request for each manifest, or two, and one for each page of the list of tags.
                Referrers that were deleted and are still listed are left out, with a warning.
            dry_run: only say what would be done. Blobs that are there are not read.
            progress: show a bar; by default as `set_options` and the environment say.
            on_progress: called in this thread, some ten times a second, with the bytes and blobs
                that are done and those in all.

        Returns:
            One row a blob and manifest: columns ``registry repository digest kind media_type size
            action mount_from``. ``size`` is bytes. ``action`` is ``transfer``, ``skip`` for what
            was there already, or ``foreign`` for layers that may not be distributed.

        Raises:
            ManifestUnknownError: there is no such image, or its index names what is not there.
            InvalidPlatformError: one of `platforms` is none.
            PlatformRequiredError: there is no such platform; the message lists the choices.
            DigestMismatchError: the registry sent other bytes, twice.
            DiskFullError: no space is left. What has arrived is kept.
            StorageError: the layout cannot be written.
            LayoutError: the folder is no layout, and holds other files.
            RegistryError: what else stands in the way.
        """
        options = Options(referrers, dry_run, progress, on_progress)
        layout = Layout(folder).repository(self.core.name, domain=domain_of(self.core))
        return self._move(layout, self._tags(), platforms, f"pull {self.name}", options)

    def save(
        self,
        path: StrPath,
        *,
        platforms: Platforms | None = None,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> pd.DataFrame:
        """Save the image as one file, for ``docker load`` and for all that reads OCI archives.

        The image is pulled into a folder beside the file, ``<path>.regnb``, from which an
        interrupted call goes on; it is removed in the end, but for files that others have put
        into it. For that time, twice the space is needed. The file appears when it is whole, and
        is never compressed, whatever its name ends in.

        Of several platforms, ``docker load`` and ``skopeo copy docker-archive:`` find the images
        without their names (as ``:@0`` and so on). An artifact, or an image with a layer that is
        only to be had elsewhere, is there for readers of OCI archives alone.

        Costs as many requests as `pull`.

        Args:
            path: of the tar file; replaced where there is one.
            platforms: as for `pull`. ``docker load`` names the image only where it is one.
            progress: show a bar; by default as `set_options` and the environment say.
            on_progress: as for `pull`.

        Returns:
            The same as of `pull`.

        Raises:
            StorageError: `path` is a folder, another call is saving to it, or ``<path>.regnb`` is
                something else than what an interrupted call has left. Nothing is asked for then.
            RegnbError: as for `pull`.
        """
        options = Options(progress=progress, on_progress=on_progress)

        def pull(layout: Layout) -> pd.DataFrame:
            repository = layout.repository(self.core.name, domain=domain_of(self.core))
            return self._move(repository, self._tags(), platforms, f"save {self.name}", options)

        return save(Path(path), pull, options=options)

    def copy_to(
        self,
        target: str | Image | Repo,
        *,
        platforms: Platforms | None = None,
        referrers: bool = False,
        dry_run: bool = False,
        progress: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> pd.DataFrame:
        """Copy the image to another repository, of this registry or of another, or to a layout.

        Digests are kept. In the same registry, blobs are mounted; otherwise they stream through
        this process, verified, and none is ever whole in memory or on disk. What is there already
        is not sent again; an image whose manifest is there counts as whole, since registries take
        none without its blobs.

        Costs one request for the image and one for each distinct manifest below it; at the target
        two where the image is there under its tag, and otherwise one, one for each distinct blob,
        one more for each that is mounted, two or three more for each that is uploaded, and one for
        each manifest.

        Args:
            target: a full name such as ``other.example.com/team/app:1.2``, or an image or
                repository of another client, which knows credentials and options. Where it names
                no tag, the image keeps its own.
            platforms: as for `pull`.
            referrers: as for `pull`.
            dry_run: only say what would be done.
            progress: show a bar; by default as `set_options` and the environment say.
            on_progress: as for `pull`.

        Returns:
            The same as of `pull`; ``action`` may also be ``mount``, with the repository that has
            the blob in ``mount_from``.

        Raises:
            InvalidReferenceError: `target` names no registry, or a digest.
            DeniedError: this account may not push there.
            ReadOnlyError: the target is an archive.
            RegnbError: as for `pull`.
        """
        options = Options(referrers, dry_run, progress, on_progress)
        repository, tag = target_of(target, self.core)
        tags = self._tags() if tag is None else (tag,)
        return self._move(repository, tags, platforms, self._title(repository, tags), options)

    def _title(self, repository: Origin, tags: tuple[str, ...]) -> str:
        """What a copy is called: from disk it is a push, and known by where it goes."""
        if isinstance(self.core.registry, Shelf) and not isinstance(repository.registry, Shelf):
            return f"push {':'.join((repository.name, *tags))}"
        return f"copy {self.name}"

    def _tags(self) -> tuple[str, ...]:
        tag = self.reference.tag
        return () if tag is None else (tag,)

    def _move(
        self,
        repository: Origin,
        tags: tuple[str, ...],
        platforms: Platforms | None,
        title: str,
        options: Options,
    ) -> pd.DataFrame:
        destination = into(repository, self.core)
        top = narrowed_top(self._parts, platforms, tags)
        return move([top], self.core, destination, title=title, options=options)

    def card(self) -> Card:
        """What is known without asking."""
        facts: tuple[tuple[str, object], ...] = (("registry", self.core.registry.name),)
        top = self._parts.known
        if top is None:
            notes = ("Call .manifest(), .layers(), .history() or .platforms() to read it.",)
            return Card("Image", self.name, facts, notes=notes)
        inner = top.card()
        facts += (("digest", top.digest), ("kind", top.kind), ("manifest", size(top.size)))
        return Card("Image", self.name, facts, inner.sections)

    def _one(self, platform: str | None) -> Part:
        found = self._parts.images(platform)
        if len(found) == 1:
            return found[0]
        several = "several platforms" if found else "no image"
        asked = "Name a platform" if platform is None else f"{printable(platform)} is not one"
        raise PlatformRequiredError(
            f"{printable(self.name)} holds {several}. {asked} of: {self._parts.choices()}."
        )
