"""Audit: what a walk found, as tables and answers. Nothing here asks a registry."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import pandas as pd

from regnb.audit import manifests, overview, tables
from regnb.audit.levels import Levels
from regnb.display.card import Card, Shown
from regnb.walk.inventory import Inventory


class Audit(Shown):
    """The storage of one registry, as far as its tags lead to it.

    The tables are plain DataFrames, built when they are first asked for; sizes are bytes.

    Attributes:
        registry: what tables call it.
        started_at: when the walk began, UTC. An audit is a window of time, not an instant.
        finished_at: when it ended or was stopped, UTC.
        complete: whether it came to its end and everything could be read.
        visibility: ``tagged-closure``: what tags lead to, and no more, can be seen this way.
    """

    visibility = "tagged-closure"

    def __init__(self, inventory: Inventory) -> None:
        """Take what a walk has seen; compute nothing yet."""
        self.registry = inventory.registry
        self.started_at: datetime = inventory.started_at
        self.finished_at: datetime = inventory.finished_at
        self.complete: bool = inventory.complete
        self._levels = Levels(inventory)
        self._usage: dict[str, pd.DataFrame] = {}

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

    def usage(self, by: str = "repository") -> pd.DataFrame:
        """The bytes of each consumer at one level, the largest first; no request.

        ``stored`` counts each distinct blob and manifest that the consumer needs once,
        ``exclusive`` those that nothing else at this level needs, ``shared`` the others.
        ``fair`` divides each blob evenly among those that need it: it alone adds up, to what the
        registry stores. ``declared`` is what user interfaces add up: configs and layers as
        manifests declare them, repeats and foreign layers included, documents left out.

        Args:
            by: ``registry``, ``repository`` or ``tag``.

        Returns:
            Columns ``registry level repository tag declared stored exclusive shared fair
            blob_count percent``: bytes as int64, ``fair`` float64, ``percent`` that of ``fair``
            in all stored bytes. Repositories that could not be listed and tags that could not be
            read have no row.

        Raises:
            ValueError: `by` is no level.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if by not in tables.LEVELS:
            raise ValueError(f"by={by!r} is no level. Choose one of: {', '.join(tables.LEVELS)}.")
        if by not in self._usage:
            self._usage[by] = tables.usage(self._levels, by)
        return self._usage[by].copy(deep=False)

    def card(self) -> Card:
        """Totals, completeness, what cannot be seen, the largest repositories, the errors."""
        return overview.card(self)
