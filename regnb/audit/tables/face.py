"""The tables of an audit, as its users see them."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from regnb.audit.kernel.levels import Levels
from regnb.audit.tables import manifests, tables


class Tables:
    """What an audit saw, as plain DataFrames that are built when they are first asked for."""

    _levels: Levels

    @cached_property
    def repositories(self) -> pd.DataFrame:
        """One row a repository, sorted by name.

        Columns ``registry repository namespace depth tag_count manifest_count tags_status``.
        ``tag_count`` leaves attachments out (fallback tags of referrers, cosign's) and is null
        where the tags could not be listed.
        """
        return tables.repositories(self._levels)

    @cached_property
    def tags(self) -> pd.DataFrame:
        """One row a tag, sorted by repository and tag.

        Columns ``registry repository tag kind is_semver digest media_type manifest_size
        observed_at error``. A tag that could not be read has an ``error`` and no ``digest``.
        """
        return tables.tags(self._levels)

    @cached_property
    def manifests(self) -> pd.DataFrame:
        """One row a repository and manifest, sorted by both.

        Columns ``registry repository digest media_type kind size config_digest artifact_type
        subject layer_count child_count os architecture variant created is_attestation
        declared_size stored_size foreign_size is_tagged is_child tag_count depth present``.
        Children that their repository lacks are rows with ``present`` False and no sizes; those
        that it could not be asked for are in `errors` alone.
        """
        return manifests.manifests(self._levels)

    @cached_property
    def blobs(self) -> pd.DataFrame:
        """One row a distinct blob that the tags need, manifests included, sorted by digest.

        Columns ``registry digest size size_source is_config is_layer is_manifest manifest_count
        repository_count tag_count size_conflict``. What lies elsewhere has no row: the registry
        does not store it.
        """
        return tables.blobs(self._levels)

    @cached_property
    def errors(self) -> pd.DataFrame:
        """One row for each thing that could not be read.

        Columns ``registry sequence observed_at repository reference parent_digest stage
        http_status code message retriable``.
        """
        return tables.errors(self._levels.inventory)
