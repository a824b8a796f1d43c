"""Where the bytes are: the answers of an audit about sizes, as its users see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from regnb.audit.answers import consumers, sharing
from regnb.audit.answers.bundles import bundles
from regnb.audit.answers.consumers import Consumers
from regnb.audit.answers.earlier import not_an_audit
from regnb.audit.answers.growth import Growth, growth
from regnb.audit.answers.owners import Owners
from regnb.audit.answers.top import top
from regnb.audit.answers.tree import du
from regnb.audit.answers.usage import PLAIN, usage
from regnb.audit.kernel.levels import Levels

OwnersLike = Mapping[str, str] | pd.Series | pd.DataFrame

BUNDLED = ("repository", "tag")
METRICS = ("stored", "exclusive", "fair")


class Sizes:
    """Answers about bytes; none costs a request."""

    _levels: Levels
    _usage: dict[object, pd.DataFrame]

    def usage(
        self,
        by: str = "repository",
        *,
        label: str | None = None,
        owners: OwnersLike | None = None,
    ) -> pd.DataFrame:
        """The bytes of each consumer at one level, the largest first; no request.

        ``stored`` counts each distinct blob and manifest that the consumer needs once,
        ``exclusive`` those that nothing else at this level needs, ``shared`` the others.
        ``fair`` divides each blob evenly among those that need it: it alone adds up, to what the
        registry stores. ``declared`` is what user interfaces add up: configs and layers as
        manifests declare them, repeats and foreign layers included, documents left out.
        ``referrer_bytes`` is what of ``stored`` is there only for manifests that are about others
        (signatures, SBOMs).

        Args:
            by: ``registry``, ``namespace`` (the first part of a path that has several),
                ``repository``, ``tag``, ``manifest`` (a distinct one: its document and its own
                blobs, the entries of an index left to their own rows), ``platform`` (of images,
                by their configs or as an index says), ``label`` or ``owner``.
            label: with ``by="label"`` its name: that of an image stands in its config; of what has
                no image config, an annotation of its own counts.
            owners: with ``by="owner"`` whose repositories are whose: patterns of paths and owners,
                as a mapping, a Series or a frame of two columns. ``*`` stands for any text,
                slashes included; the first pattern that matches counts.

        Returns:
            Columns ``registry level key repository tag declared stored exclusive shared fair
            referrer_bytes blob_count percent``: bytes as int64, ``fair`` float64, ``percent`` that
            of ``fair`` in all stored bytes. ``key`` names the consumer, and is null for what has
            no platform, label, namespace or owner. ``repository`` is null where a consumer does
            not lie in exactly one. Repositories that could not be listed and tags that could not
            be read have no row.

        Raises:
            ValueError: `by` is no level, or `label` or `owners` are missing or belong to another.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        table = None if owners is None else Owners.read(owners)
        asked = (by, label, table)
        if asked not in self._usage:
            levels = self._levels
            self._usage[asked] = usage(levels, by, _consumers(levels, by, label, table))
        return self._usage[asked].copy(deep=False)

    def top(
        self,
        n: int = 10,
        *,
        by: str = "repository",
        metric: str = "stored",
        label: str | None = None,
        owners: OwnersLike | None = None,
    ) -> pd.DataFrame:
        """The largest consumers at one level, and all the others in one row; no request.

        Args:
            n: how many.
            by: a level of `usage`, with its `label` or `owners`.
            metric: what makes them large: ``stored``, ``exclusive`` or ``fair``.
            label: as for `usage`.
            owners: as for `usage`.

        Returns:
            The columns of `usage`, and ``rank consumer_count cum_percent``; ties go by name.
            ``percent`` is the metric of the row and ``cum_percent`` that of all rows up to it,
            taken as one consumer, in the stored bytes of the registry: what they share counts
            once as ``stored``, and as ``exclusive`` once all who need it are among them. The last
            row, whose ``rank`` is null and whose ``key`` is ``other``, is all the others as one
            consumer.

        Raises:
            ValueError: `n` is below 1, `metric` is none, or as for `usage`.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if n < 1:
            raise ValueError(f"n={n} leaves nothing to show. Give 1 or more.")
        _check_metric(metric)
        table = None if owners is None else Owners.read(owners)
        rows = _consumers(self._levels, by, label, table)
        return top(self._levels, by, rows, n=n, metric=metric)

    def du(self, by: str | OwnersLike = "path", *, metric: str = "fair") -> pd.DataFrame:
        """Where the bytes are, as a tree: the whole, prefixes of paths, repositories; no request.

        Each node is followed by those below it, the largest first. ``fair`` is that of the
        repositories below, and alone adds up the tree; ``stored`` and ``exclusive`` are those of
        the node as one consumer. A repository whose path is a prefix of others is a leaf named
        ``.`` below that prefix.

        Args:
            by: ``path``, or owners as for `usage`, with the repositories of each below it.
            metric: what the order and ``percent`` go by: ``stored``, ``exclusive`` or ``fair``.

        Returns:
            Columns ``registry path parent depth is_repository stored exclusive fair blob_count
            percent``: bytes as int64, ``fair`` float64. The first row is the whole, its path empty.

        Raises:
            ValueError: `by` or `metric` is none of these.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if isinstance(by, str) and by != "path":
            raise ValueError(f'by={by!r} makes no tree. Give "path", or patterns and owners.')
        _check_metric(metric)
        owners = None if isinstance(by, str) else Owners.read(by)
        return du(self._levels, owners, metric)

    def sharing(
        self,
        *,
        top: int | None = 200,
        repositories: str | Sequence[str] | None = None,
        matrix: bool = False,
    ) -> pd.DataFrame:
        """Which repositories need the same bytes, and how many; no request.

        Args:
            top: compare those that share most with any other, this many of them; None for all.
            repositories: compare only those whose paths match: a pattern such as ``team/*``, or
                several. ``*`` stands for any text, slashes included.
            matrix: a row and a column for each repository instead of a row for each pair.

        Returns:
            One row for each two that share anything, the largest first. Columns ``registry
            repository_a repository_b shared containment_a containment_b jaccard``: ``shared`` as
            int64 bytes, containment its part of what one of them stores, ``jaccard`` of what both
            do. With ``matrix=True`` int64 bytes by repository and repository, those that share most
            first; the diagonal is what each stores.

        Raises:
            TooManyRepositoriesError: they are more than 2,000.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        patterns = [repositories] if isinstance(repositories, str) else repositories
        chosen = sharing.choose(self._levels, top, patterns)
        return (sharing.matrix if matrix else sharing.pairs)(self._levels, chosen)

    def bundles(self, by: str = "repository") -> pd.DataFrame:
        """What is freed only if several go together: blobs by all who need them; no request.

        What one consumer needs alone is its exclusive bytes. What exactly two need is exclusive to
        neither, and freed only if both go: so what a deletion frees is the sum of the bundles all
        of whose consumers it deletes.

        Args:
            by: ``repository`` or ``tag``.

        Returns:
            One row for each set of consumers that is exactly the set of those who need some blob,
            the most bytes first. Columns ``registry level bytes blob_count consumer_count consumers
            percent``. ``bytes`` add up to what the registry stores. ``consumers`` are names with
            spaces between, of many the first ten and how many more.

        Raises:
            ValueError: `by` is neither.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if by not in BUNDLED:
            raise ValueError(f"by={by!r} makes no bundles. Choose one of: {', '.join(BUNDLED)}.")
        return bundles(self._levels, by, PLAIN[by](self._levels))

    def since(self, old: Sizes) -> Growth:
        """What came and went since an earlier audit of this registry; no request.

        Args:
            old: the earlier one, of the same registry, scope and policy.

        Returns:
            A `Growth`: totals, and tables of blobs, tags and repositories. What could not be read
            on one side is ``unknown``, not gone.

        Raises:
            TypeError: `old` is no audit.
            IncomparableAuditsError: registry, scope or policy differ.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if not isinstance(old, Sizes):
            raise not_an_audit(old)
        return growth(old._levels, self._levels)


def _check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise ValueError(f"metric={metric!r} is none. Choose one of: {', '.join(METRICS)}.")


def _consumers(levels: Levels, by: str, label: str | None, owners: Owners | None) -> Consumers:
    """Who is asked about."""
    if by not in (*PLAIN, "label", "owner"):
        raise ValueError(f"by={by!r} is no level. Choose one of: {', '.join(PLAIN)}, label, owner.")
    if (by == "label") != (label is not None) or (by == "owner") != (owners is not None):
        raise ValueError(
            'by="label" needs label=, the name of a label; by="owner" needs owners=, patterns of '
            "repository paths and their owners. No other level takes either."
        )
    if label is not None:
        return consumers.label(levels, label)
    return PLAIN[by](levels) if owners is None else consumers.owner(levels, owners)
