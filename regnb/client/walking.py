"""A walk with a progress bar: what `audit` and `tags(details=True)` share."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from regnb import interfaces
from regnb.display.text import count
from regnb.errors import ListingWarning
from regnb.progress import bar
from regnb.store.cache import ContentCache
from regnb.walk.budget import Budget
from regnb.walk.crawl import crawl
from regnb.walk.failures import not_names
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal
from regnb.walk.progress import Progress
from regnb.walk.scope import Scope


def walk(
    registry: interfaces.Registry,
    inventory: Inventory,
    *,
    cache: ContentCache,
    scope: Scope | None = None,
    references: Iterable[tuple[str, str]] | None = None,
    configs: bool = True,
    referrers: bool = False,
    uncompressed: bool = False,
    journal: Journal | None = None,
    budget: Budget | None = None,
    progress: bool | None = None,
) -> None:
    """Fill `inventory` with what `crawl` sees, while a bar counts tags."""
    with bar(f"reading {registry.name}", unit="tag", show=progress) as shown:
        done = 0

        def report(state: Progress) -> None:
            nonlocal done
            shown.total(state.tags_known)
            layers = f"{state.layers:,} of {count(state.layers_known, 'layer')}, "
            shown.note(
                f"{count(state.manifests, 'manifest')}, "
                f"{layers if state.layers_known else ''}{count(state.errors, 'error')}"
            )
            shown.advance(state.tags_done - done)
            done = state.tags_done

        crawl(
            registry,
            inventory=inventory,
            scope=scope,
            references=references,
            configs=configs,
            referrers=referrers,
            uncompressed=uncompressed,
            cache=cache,
            journal=journal,
            budget=budget,
            on_progress=report,
        )


def warn_of(of: str, refused: Sequence[str]) -> None:
    """Warn the caller of a public method of names in a listing that cannot be names."""
    if refused:
        warnings.warn(str(not_names(of, refused)), ListingWarning, stacklevel=3)
