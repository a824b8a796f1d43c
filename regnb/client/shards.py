"""Shards: some repositories of a registry, walked by whoever is free, and written to a folder.

What a worker is told holds no secret, and no client: it connects by itself, and finds credentials
where they are kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from regnb.audit.audit import Audit
from regnb.audit.keeping.snapshots import save
from regnb.audit.kernel.seen import Seen
from regnb.client.caching import cache_of
from regnb.core.auth import store
from regnb.core.auth.credentials import Given
from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.core.wire.tls import ClientCertificate, StrPath
from regnb.errors import (
    CredentialError,
    RateLimitedError,
    UnreachableError,
    WorkerError,
    printable,
)
from regnb.walk.budget import UNREACHABLE
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from regnb.walk.scope import Scope

_ADVICE = (
    "Let them find credentials where they run: in REGNB_REGISTRY, REGNB_USERNAME and "
    "REGNB_PASSWORD, or where docker login keeps them; or connect with credentials=, a function "
    "that they can import."
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a registry is, and how it is connected to; as `Registry` takes them.

    Attributes:
        provider: ``module:name`` of the function that gives credentials; empty for none.
    """

    url: str
    name: str
    insecure: bool
    ca: StrPath | None
    client_certificate: ClientCertificate | None
    verify: bool
    trust_realm: tuple[str, ...]
    limits: Limits
    provider: str

    @classmethod
    def of(cls, core: Registry, *, same_process: bool) -> Target:
        """What workers need to connect as `core` does. No request.

        Args:
            core: a registry client.
            same_process: whether the workers are threads of this process.

        Raises:
            CredentialError: it has credentials that workers cannot have.
        """
        if core.has_login:
            raise CredentialError(f"A password is not passed on to workers. {_ADVICE}")
        if store.recall(core.address) is not None and not same_process:
            raise CredentialError(f"What login() was told stays in this process. {_ADVICE}")
        tls, certificate = core.tls, core.tls.client_certificate
        if certificate is not None:
            both = certificate if isinstance(certificate, tuple) else (certificate, certificate)
            certificate = (os.path.abspath(both[0]), os.path.abspath(both[1]))
        return cls(
            url=core.url,
            name=core.name,
            insecure=core.insecure,
            ca=None if tls.ca is None else os.path.abspath(tls.ca),
            client_certificate=certificate,
            verify=tls.verify,
            trust_realm=tuple(core.transport.gate.trust_realm),
            limits=core.transport.limits,
            provider=_path_of(core.provider),
        )

    def registry(self) -> Registry:
        """A client of it."""
        return Registry(
            self.url,
            name=self.name,
            credentials=_imported(self.provider) if self.provider else None,
            insecure=self.insecure,
            ca=self.ca,
            client_certificate=self.client_certificate,
            verify=self.verify,
            trust_realm=self.trust_realm,
            limits=self.limits,
        )


@dataclass(frozen=True, slots=True)
class Shard:
    """What one worker is told.

    Attributes:
        target: the registry.
        scope: the names of the repositories, and which of their tags.
        configs: read those too.
        referrers: look for those too.
        uncompressed: ask layers for their sizes too.
        folder: an absolute path, which workers and the caller share.
    """

    target: Target
    scope: Scope
    configs: bool
    referrers: bool
    uncompressed: bool
    folder: str


def crawl_shard(shard: Shard) -> str:
    """Walk the repositories of a shard and write what was seen; in a worker.

    Returns:
        The folder: a data set of its own, with one snapshot.

    Raises:
        RegistryError: the registry could not be asked, or takes no more requests.
        StorageError: the folder cannot be written to.
    """
    with shard.target.registry() as registry, cache_of(registry) as cache:
        registry.ping()  # or a registry that refuses would be an error row a repository
        inventory = crawl(
            registry,
            inventory=Inventory(registry.name, url=registry.url),
            scope=shard.scope,
            configs=shard.configs,
            referrers=shard.referrers,
            uncompressed=shard.uncompressed,
            cache=cache,
        )
    if inventory.stopped:
        kind = UnreachableError if inventory.stopped == UNREACHABLE else RateLimitedError
        raise kind(f"The walk was stopped. {inventory.stopped}")
    if not Path(shard.folder).parent.is_dir():
        raise WorkerError(
            f"{printable(Path(shard.folder).parent)} is not there: the audit is over, or this "
            "worker does not share the folder."
        )
    save(Path(shard.folder), inventory, Audit(Seen(inventory)).snapshot)
    return shard.folder


def _path_of(function: Given | None) -> str:
    """How workers import a function.

    Raises:
        CredentialError: they cannot.
    """
    if function is None:
        return ""
    module, name = (getattr(function, part, "") for part in ("__module__", "__qualname__"))
    path = f"{module}:{name}"
    try:
        if module != "__main__" and _imported(path) is function:
            return path
    except (ImportError, AttributeError, ValueError):
        pass
    # Not its repr, which may hold what it was made with (S16).
    shown = printable(name or type(function).__name__)
    raise CredentialError(
        f"credentials={shown} is no function of a module that workers can import. {_ADVICE}"
    )


def _imported(path: str) -> Any:
    module, _, names = path.partition(":")
    found: Any = import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found
