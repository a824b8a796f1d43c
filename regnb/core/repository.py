"""Repository: one repository of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regnb.core.blobs import Blobs
from regnb.core.manifests import Manifests
from regnb.core.referrers import Referrers
from regnb.core.tags import Tags
from regnb.model.reference import check_path

if TYPE_CHECKING:
    from regnb.core.registry import Registry


class Repository:
    """One repository; making one costs no request.

    Attributes:
        name: its path, without the registry's host.
        registry: that holds it.
        tags: its tags.
        manifests: its manifests.
        blobs: its blobs.
        referrers: its manifests by what they are about.
    """

    def __init__(self, name: str, registry: Registry) -> None:
        """Check the name, so that nothing else ever reaches a URL (U6).

        Raises:
            InvalidReferenceError: `name` is no repository path.
        """
        self.name = check_path(name)
        self.registry = registry
        url = f"{registry.address.api}{self.name}/"
        self.manifests = Manifests(registry.transport, url, self.name, registry.referrers_lock)
        self.tags = Tags(registry.transport, url, self.name, self.manifests)
        self.referrers = Referrers(registry.transport, url, self.name, self.manifests.referrers_tag)
        self.blobs = Blobs(registry.transport, url, self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle holds the name and the registry, and so no credentials."""
        return Repository, (self.name, self.registry)

    def __repr__(self) -> str:
        """Name and registry."""
        return f"<Repository {self.name!r} of {self.registry.name!r}>"
