"""Auditing: one walk of a registry for an audit, which goes on where an earlier one was stopped."""

from __future__ import annotations

from regnb.client.caching import cache_of, warn_of_trouble
from regnb.client.scoping import warn_of_nothing
from regnb.client.walking import walk
from regnb.core.registry import Registry
from regnb.interfaces import Service
from regnb.progress import in_kernel
from regnb.store.cache import cache_folder
from regnb.walk.budget import Budget
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal, journal_path
from regnb.walk.scope import Scope


def audit(
    core: Service,
    scope: Scope,
    *,
    configs: bool,
    referrers: bool,
    uncompressed: bool,
    resume: bool,
    budget: Budget,
    progress: bool | None,
) -> Inventory:
    """Walk a registry, or what is left of an earlier walk; arguments as for `Client.audit`.

    Args:
        core: whom to ask.
        scope: which repositories and tags.
        configs: read those too.
        referrers: look for those too.
        uncompressed: ask layers for their sizes too.
        resume: go on with an earlier walk.
        budget: what it may cost.
        progress: show a bar.
    """
    if isinstance(core, Registry) or not scope.asks_catalog:
        core.ping()  # or a registry that is not there would be an error row a repository
    with cache_of(core) as cache:
        journal = _journal(core, scope, configs, referrers, uncompressed, resume=resume)
        inventory = Inventory(core.name, url=core.url)
        try:
            walk(
                core,
                inventory,
                scope=scope,
                configs=configs,
                referrers=referrers,
                uncompressed=uncompressed,
                cache=cache,
                journal=journal,
                budget=budget,
                progress=progress,
            )
        except KeyboardInterrupt:
            if not in_kernel():
                raise
    warn_of_trouble(cache.trouble, journal.trouble, stacklevel=3)
    warn_of_nothing(scope, inventory, stacklevel=3)
    return inventory


def _journal(core: Service, scope: Scope, *choices: bool, resume: bool) -> Journal:
    """The journal of this walk; one that keeps nothing where images are on disk."""
    folder = cache_folder()
    if folder is None or not isinstance(core, Registry):
        return Journal()
    # Another account may see other repositories. Its name is enough; it keeps no secret.
    path = journal_path(folder, core.url, core.account, str(scope), *choices)
    return Journal(path, resume=resume)
