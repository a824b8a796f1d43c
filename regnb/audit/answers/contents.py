"""What images are made of: the answers of an audit about contents, as its users see them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property

import pandas as pd

from regnb.audit.answers.ages import ages
from regnb.audit.answers.base_images import base_images
from regnb.audit.answers.compliance import compliance
from regnb.audit.answers.earlier import not_an_audit
from regnb.audit.answers.known import Known
from regnb.audit.answers.known_bases import KnownBases
from regnb.audit.answers.orphans import orphans
from regnb.audit.answers.platforms import platforms
from regnb.audit.answers.recompressed import recompressed
from regnb.audit.answers.running import Running, names_of
from regnb.audit.answers.stale import stale
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels

REQUIRED = (
    "org.opencontainers.image.source",
    "org.opencontainers.image.version",
    "org.opencontainers.image.licenses",
)
"""The labels that `Contents.compliance` asks for unless it is told otherwise."""


class Contents:
    """Answers about what images are made of; none costs a request.

    They go by what configs say, and so need an audit with ``configs=True``.
    """

    _levels: Levels

    @cached_property
    def _images(self) -> Images:
        return Images(self._levels.seen)

    def ages(self) -> pd.DataFrame:
        """How old the tags are, and how many bytes are that old: a histogram with fixed bins.

        Registries do not tell when something was pushed. The age is that of the image by its
        config, to the end of the audit; of an index the latest of its entries counts. A time before
        2013-03-20, the beginning of Docker, or more than a day after the audit is ``implausible``,
        and no age. Bytes are fair shares, so that they add up to what the registry stores.

        Returns:
            One row a bin, the youngest first, and always all of them. Columns ``registry age
            from_days to_days tag_count tag_percent fair fair_percent``.

        Raises:
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        return ages(self._levels)

    def stale(
        self,
        older_than: str | timedelta | None = "180d",
        *,
        since: Contents | Iterable[Contents] = (),
        running: Running | None = None,
    ) -> pd.DataFrame:
        """Tags that are old, and whether something uses them.

        A tag is old by the claim of its image config, as `ages` says; what has no plausible time is
        not. Earlier audits know better: a tag that they saw move within that time is not old, and
        one that they saw name the same for that long is.

        A tag is unused if no running image has its name, nor a digest that it leads to. Images are
        named in full, with this registry; a name without a registry counts as one of this.

        Args:
            older_than: such as ``180d``, ``12h`` or ``2w``, or a timedelta; None for all tags.
            since: earlier audits of this registry: one, or several.
            running: names of images in use: a list, a Series, a table with a column ``image`` or
                ``reference``; or what ``kubectl get pods -A -o json`` prints, as text, as objects
                or as the path of a file.

        Returns:
            One row a tag, attachments left out, the oldest first and undated ones last. Columns
            ``registry repository tag digest created claimed time_source age_days unmoved_since
            unmoved_days moved_after unused stored exclusive fair``. ``unused`` is null without
            `running`. Names of this registry in `running` that nothing here has are in
            ``attrs["regnb"]["unmatched"]``.

        Raises:
            TypeError: `since` is no audit, nor several.
            ValueError: `older_than` is no age; `since` is of another registry, or not earlier;
                `running` is a table without such a column.
            FileNotFoundError: `running` is a text that is neither JSON nor the path of a file.
            InvalidDocumentError: `running` is no JSON.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        earlier = [since] if isinstance(since, Contents) else _audits(since)
        return stale(
            self._levels,
            self._images,
            older_than=older_than,
            earlier=[audit._levels for audit in earlier],
            running=None if running is None else names_of(running),
        )

    @cached_property
    def _bases(self) -> KnownBases:
        return KnownBases(self._levels, self._images, Known.nothing())

    def base_images(self, known: Contents | pd.DataFrame | None = None) -> pd.DataFrame:
        """What each live image was made from, and whether that is outdated.

        The strongest evidence counts. ``annotation``: what the manifest says
        (``org.opencontainers.image.base.name`` and ``.digest``). ``chain``: the image of this
        registry with the longest list of layers that the image's own begins with; ``known``: the
        same among `known`, where that finds more layers. ``label``: as the annotations, but labels
        are inherited, and so may be of the base's base. ``history``: a comment of the first step of
        the build, which is in ``first_step``. Lists of diff_ids are compared, so that compression
        does not matter, and compared in full: no hash decides.

        Images with equal layers are siblings, not bases. Of several siblings the base is the one
        with the shortest history: what only adds labels to an image has more.

        ``outdated`` is True where the name of the base names another image now. Where that is, is
        seen in this registry for names of its own, and for others where the repository of the same
        path holds the base; else in `known`. An earlier audit of this registry as `known` tells
        which tags have left their images since.

        Args:
            known: images to look for bases among: another audit, or tables of `Image.layers()`
                of as many images as you like, put together by `pandas.concat`.

        Returns:
            One row a repository and live image, attestations left out, sorted by both. Columns
            ``registry repository tag digest os architecture variant layer_count sibling_count
            evidence base_name base_digest base_layer_count base_sibling_count layers_agree outdated
            current_digest first_step``. ``layers_agree`` and ``outdated`` are null where it cannot
            be told. Texts of images are raw, and claims.

        Raises:
            ValueError: `known` is a table without the columns of `Image.layers()`.
        """
        if known is None:
            return base_images(self._levels, self._images, self._bases)
        found = (
            Known.of_audit(known._levels, known._images)
            if isinstance(known, Contents)
            else Known.of_frame(known)
        )
        return base_images(
            self._levels, self._images, KnownBases(self._levels, self._images, found)
        )

    def compliance(self, require: Iterable[str] = REQUIRED) -> pd.DataFrame:
        """What images lack that they should have, and what they should not be.

        A label counts if the config has it, or the manifest as an annotation, and it is not empty.
        It is inherited where the image that it was made from (by its layers, as `base_images` says)
        has the same value: labels go down from base to image unasked.

        An image is signed if a signature of it, or of the index that its tag names, was seen, by
        cosign, Sigstore or Notation; whether the signature is good is not asked.

        Args:
            require: names of labels that images should have.

        Returns:
            One row a tag and image, attachments, attestations and artifacts left out, sorted by
            repository, tag, platform and digest. Columns ``registry repository tag platform digest
            labels_present labels_missing labels_inherited media_types signed created implausible
            user root layer_count too_many_layers layers_match repeated_layers foreign_layers``.
            ``root`` is also True where an image names no user, and null on Windows. Texts of
            images are raw.
        """
        wanted = (require,) if isinstance(require, str) else tuple(dict.fromkeys(require))
        return compliance(self._levels, self._images, self._bases, wanted)

    def orphans(self) -> pd.DataFrame:
        """What has lost the manifest that it is about, or is not all there.

        ``attachment``: a tag of cosign's, or a fallback tag of referrers, that is about a manifest
        which its repository does not hold. ``referrer``: a manifest that names such a subject;
        those that another orphan leads to are counted there. ``index``: one whose repository lacks
        some of its entries. ``tag``: it is listed, but was answered with 404.

        Indexes are known to lack what was asked for. What a referrer or attachment is about may be
        there untagged where ``confirmed`` is False: nothing led there, and it was not asked for.

        Returns:
            One row an orphan, sorted by repository, kind, tag and digest. Columns ``registry
            repository kind tag tag_count digest artifact_type missing missing_count confirmed
            manifest_count stored frees``: bytes as int64. ``stored`` are the distinct bytes that it
            leads to under the policy of the audit. ``frees`` are those that neither anything alive
            nor another orphan needs; 0 where something else leads to the orphan itself.

        Raises:
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        return orphans(self._levels)

    def platforms(self) -> pd.DataFrame:
        """Which platforms each tag has images for, which it lacks, and how large they are.

        Each image of a tag has a row, and so has each platform that another tag of the repository
        names and this one does not (``state`` missing). An image for a platform is what the index
        says it is; ``differs`` is True where its config says otherwise. Attestations and artifacts
        are no images. To see repositories by platforms::

            df = audit.platforms()
            df.pivot_table("stored", ["repository", "tag"], "platform", aggfunc="max")

        Returns:
            One row a tag and image or missing platform, sorted by repository, tag, platform and
            digest. Columns ``registry repository tag platform os architecture variant os_version
            state digest stored config_platform differs platform_count repository_platform_count
            single_platform stored_sum stored_max``: bytes as Int64, those of the tag as int64.
            ``stored_sum`` counts layers that platforms share once for each; ``usage(by="tag")``
            counts them once.

        Raises:
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        return platforms(self._levels, self._images)

    def recompressed(self) -> pd.DataFrame:
        """Layers that are stored more than once with other bytes around the same files.

        The same files, compressed by another tool or at another level, are another blob to a
        registry. Images are joined with their configs by the position of each layer; of images
        that are alive each distinct blob counts once, foreign layers never.

        Returns:
            One row a diff_id with several blobs, the greatest waste first. Columns ``registry
            diff_id copies total smallest waste deliberate digests media_types``: bytes as int64.
            ``deliberate`` is True where the copies differ on purpose: where they are encrypted,
            or where each is of another form (plain, eStargz, zstd:chunked, nydus).
            ``attrs["regnb"]`` has two counts: ``skipped_images``, whose configs were not read or
            have another number of diff_ids than there are layers, and ``skipped_layers``, of whose
            contents configs disagree.

        Raises:
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        return recompressed(self._levels, self._images)


def _audits(given: object) -> list[Contents]:
    """Several audits."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise not_an_audit(given)
    found = list(given)
    for one in found:
        if not isinstance(one, Contents):
            raise not_an_audit(one)
    return found
