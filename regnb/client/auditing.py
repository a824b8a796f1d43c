"""Auditing: one walk of a registry for an audit, which goes on where an earlier one was stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from regnb.client.caching import cache_of, warn_of_trouble
from regnb.client.walking import walk
from regnb.core.registry import Registry
from regnb.interfaces import Service
from regnb.progress import in_kernel
from regnb.store.cache import cache_folder
from regnb.walk.budget import Budget
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal, journal_path
from regnb.walk.scope import Scope, Tags, is_glob

Repositories = str | os.PathLike[str] | Iterable[str]
"""Names, a glob for those of the catalog, or a file with one name a line."""


def audit(
    core: Service,
    scope: Scope,
    *,
    configs: bool,
    referrers: bool,
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
        resume: go on with an earlier walk.
        budget: what it may cost.
        progress: show a bar.
    """
    if isinstance(core, Registry) or scope.names is not None:
        core.ping()  # or a registry that is not there would be an error row a repository
    with cache_of(core) as cache:
        journal = _journal(core, scope, configs, referrers, resume=resume)
        inventory = Inventory(core.name, url=core.url)
        try:
            walk(
                core,
                inventory,
                scope=scope,
                configs=configs,
                referrers=referrers,
                cache=cache,
                journal=journal,
                budget=budget,
                progress=progress,
            )
        except KeyboardInterrupt:
            if not in_kernel():
                raise
    warn_of_trouble(cache.trouble, journal.trouble, stacklevel=3)
    return inventory


def scope_of(
    repositories: Repositories | None, tags: Tags | None, named: Callable[[str], str]
) -> Scope:
    """What arguments of `Client.audit` mean; `named` gives the whole name of a repository."""
    return Scope.of(_names(repositories, named), tags)


def _names(
    repositories: Repositories | None, named: Callable[[str], str]
) -> str | list[str] | None:
    """A glob as it is, or checked names."""
    if repositories is None or (isinstance(repositories, str) and is_glob(repositories)):
        return repositories
    if isinstance(repositories, str):
        return [named(repositories)]
    if isinstance(repositories, os.PathLike):
        lines = Path(repositories).read_text("utf-8-sig").splitlines()
        repositories = [line for line in map(str.strip, lines) if line and line[0] != "#"]
    return [named(name) for name in repositories]


def _journal(core: Service, scope: Scope, *choices: bool, resume: bool) -> Journal:
    """The journal of this walk; one that keeps nothing where images are on disk."""
    folder = cache_folder()
    if folder is None or not isinstance(core, Registry):
        return Journal()
    # Another account may see other repositories. Its name is enough; it keeps no secret.
    path = journal_path(folder, core.url, core.account, str(scope), *choices)
    return Journal(path, resume=resume)
