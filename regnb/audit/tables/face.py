"""The tables of an audit, as its users see them."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from regnb.audit.kernel.levels import Levels
from regnb.audit.tables import (
    blobs,
    configs,
    labels,
    manifests,
    meanings,
    members,
    references,
    referrers,
    tables,
)


class Tables:
    """What an audit saw, as plain DataFrames that are built when they are first asked for.

    `tables` says what each column means, which of them tell rows apart, and where they lead.
    Documents (`manifests`, `references`, `layers`, `configs`, `diff_ids`, `history`, `labels`) are
    the same wherever they lie; `repository_manifests` says which repository holds which.

    The API of a registry does not tell when something was pushed or last pulled, or how a blob came
    into a repository: there are no columns for these.
    """

    _levels: Levels

    def tables(self) -> pd.DataFrame:
        """One row a table and column: what it holds; no request.

        Returns:
            Columns ``table column dtype key meaning references``. ``key`` says whether the column
            is part of what tells the rows of its table apart; ``references`` which ``table.column``
            has a row for each of its values, in the same registry, and in the same repository
            where both tables have one.
        """
        inventory = self._levels.inventory
        return meanings.meanings(registry=inventory.registry, retrieved=inventory.finished_at)

    @cached_property
    def snapshot(self) -> pd.DataFrame:
        """One row: what was asked for, when, and how much of it was read.

        Columns ``registry snapshot_id url scope visibility started_at finished_at finished stopped
        complete repository_count tag_count manifest_count blob_count error_count policy
        tool_version schema_version``. The counts are rows of the tables of that name.
        """
        return tables.snapshot(self._levels)

    @cached_property
    def repositories(self) -> pd.DataFrame:
        """One row a repository, sorted by name.

        Columns ``registry repository namespace depth tag_count listed_tag_count manifest_count
        tags_status``. ``tag_count`` leaves attachments out (fallback tags of referrers, cosign's)
        and is null where the tags could not be listed; ``listed_tag_count`` is the length of the
        list, of which a walk that was stopped has not read all.
        """
        return tables.repositories(self._levels)

    @cached_property
    def tags(self) -> pd.DataFrame:
        """One row a tag, sorted by repository and tag.

        Columns ``registry repository tag kind subject is_semver semver_major semver_minor
        semver_patch semver_prerelease digest media_type manifest_size observed_at error``. A tag
        that could not be read has an ``error`` and no ``digest``. ``subject`` is the manifest that
        an attachment belongs to, by its name.
        """
        return tables.tags(self._levels)

    @cached_property
    def manifests(self) -> pd.DataFrame:
        """One row a manifest that was read, whoever holds it, sorted by digest.

        Columns ``registry digest media_type kind size config_digest config_media_type artifact_type
        subject layer_count child_count annotations os architecture variant os_version created
        is_attestation declared_size stored_size foreign_size``. The platform is that of the config,
        or else the one that an index states. The last three are bytes, and null for a manifest that
        declares 4 EiB or more, which cannot be true nor be summed exactly.
        """
        return manifests.manifests(self._levels)

    @cached_property
    def repository_manifests(self) -> pd.DataFrame:
        """One row a repository and manifest that it holds or should hold, sorted by both.

        Columns ``registry repository digest source present live depth is_tagged is_child
        is_referrer tag_count``. ``present`` is False for what an index or a list of referrers names
        and the repository said it lacks, and null where it gave no answer. ``live`` and ``depth``
        follow the policy of the audit; what is absent is one step below the nearest index.
        """
        return members.repository_manifests(self._levels)

    @cached_property
    def references(self) -> pd.DataFrame:
        """One row a reference of a manifest, sorted by manifest, kind and position.

        Columns ``registry manifest_digest kind position digest size media_type os architecture
        variant os_version os_features annotations foreign is_attestation has_inline_data``.
        ``kind`` is ``config layer child subject``; ``position`` counts within it.
        """
        return references.references(self._levels)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row a manifest and layer, sorted by manifest and position: of `references` those.

        Columns ``registry manifest_digest position digest size media_type annotations foreign
        is_empty_layer has_inline_data diff_id``. ``diff_id`` is null where the config was not read
        or knows of another number of layers.
        """
        return references.layers(self._levels)

    @cached_property
    def blobs(self) -> pd.DataFrame:
        """One row a digest that anything named, manifests included, sorted by digest.

        Columns ``registry digest size size_source is_config is_layer is_manifest manifest_count
        repository_count tag_count live present foreign compression uncompressed_size
        uncompressed_source size_conflict``. The sizes of what is ``live`` add up to the stored
        bytes of the registry; the others are not needed under the policy of the audit, lie
        elsewhere (``foreign``) or are absent.

        ``uncompressed_size`` is that of a layer as it is unpacked. Layers that are not compressed
        have the size that is ``stored``; others have to be asked: `Client.audit`, uncompressed=True
        (RFC 1952, 2.3.1; RFC 8878, 3.1.1.1). ``isize`` is what gzip ends with: modulo 4 GiB, and of
        the last member where it has several, as in eStargz. Less than ``size`` shows that it is
        wrong, and more proves nothing. ``zstd-header`` is what a frame of zstd begins with, of the
        first where it has several. Null is not zero: sum with ``min_count`` or count the nulls.
        """
        return blobs.blobs(self._levels)

    @cached_property
    def repository_blobs(self) -> pd.DataFrame:
        """One row a repository and blob that its manifests need, sorted by both.

        Columns ``registry repository digest live``. Manifests are blobs too; what lies elsewhere
        is left out.
        """
        return blobs.repository_blobs(self._levels)

    @cached_property
    def configs(self) -> pd.DataFrame:
        """One row an image config that was read, sorted by digest.

        Columns ``registry digest size os architecture variant os_version os_features created
        created_plausible author user entrypoint command working_dir exposed_ports env labels
        history_count empty_layer_count diff_id_count layers_match``. Lists and labels are JSON,
        null where they are empty. ``created`` is a claim; it is plausible from 2013-03-20 to a day
        after the audit.
        """
        return configs.configs(self._levels)

    @cached_property
    def diff_ids(self) -> pd.DataFrame:
        """One row an image config and layer that it knows of, sorted by config and position.

        Columns ``registry config_digest position diff_id``.
        """
        return configs.diff_ids(self._levels)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an image config and step of its build, sorted by config and position.

        Columns ``registry config_digest position created created_by comment author empty_layer
        layer_position diff_id chain_id``. ``chain_id`` stands for a layer with all below it
        (image-spec, config.md); it and ``diff_id`` are null where the steps do not fit the layers.
        """
        return configs.history(self._levels)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """One row a label or annotation, sorted by who says it, where, and its key.

        Columns ``registry owner_digest source kind position key value digest inherited``.
        ``source`` is ``config-label manifest-annotation index-annotation descriptor-annotation``.
        What a descriptor says is about ``digest``, the reference of that ``kind`` and ``position``;
        the others are about their owner, with the kind ``self``. ``inherited`` tells whether the
        image that an image was made from has the same label with the same value: the nearest by its
        layers among those that are alive, as for `base_images`. It is null where there is none,
        and for annotations, which do not go down from base to image.
        """
        return labels.labels(self._levels)

    @cached_property
    def referrers(self) -> pd.DataFrame:
        """One row a repository, subject and manifest about it, sorted by the three.

        Columns ``registry repository subject digest artifact_type size source subject_present
        tagged``. ``source`` is the first that says so of ``api fallback-tag cosign-tag
        subject-field buildx-index``. Orphans are those whose subject the repository does not hold.
        """
        return referrers.referrers(self._levels)

    @cached_property
    def errors(self) -> pd.DataFrame:
        """One row for each thing that could not be read.

        Columns ``registry sequence observed_at repository reference parent_digest stage
        http_status code message retriable``.
        """
        return tables.errors(self._levels.inventory)
