"""Where an image is copied or pushed to, as people name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regnb.core.registry import Registry
from regnb.errors import InvalidReferenceError, printable
from regnb.interfaces import Origin
from regnb.model.reference import DOCKER_HUB, LEGACY_DOCKER_HUB, Reference, parse_normalized

if TYPE_CHECKING:
    from regnb.client.image import Image
    from regnb.client.repo import Repo


def named(target: str) -> Reference:
    """A full name, with the registry in it.

    Raises:
        InvalidReferenceError: it is none, or names no registry.
    """
    found = parse_normalized(target)
    spoken = target.partition("/")[0] in {DOCKER_HUB, LEGACY_DOCKER_HUB}
    if found.domain == DOCKER_HUB and not spoken:
        raise InvalidReferenceError(
            f"{printable(target)!r} names no registry. Write {DOCKER_HUB}/... if Docker Hub is "
            "meant, or give an image of a registry that you are connected to: reg['path:tag']."
        )
    return found


def repository_of(reference: Reference, origin: Origin) -> Origin:
    """The repository that a full name means: by the client of `origin`, if that is the registry."""
    registry = origin.registry
    if isinstance(registry, Registry) and registry.address.name == reference.domain:
        return registry.repository(reference.path)
    return Registry(reference.domain).repository(reference.path)


def target_of(target: str | Image | Repo, origin: Origin) -> tuple[Origin, str | None]:
    """The repository that is meant, and the tag in it, if one is named.

    Raises:
        InvalidReferenceError: it names no registry, or a digest.
    """
    if isinstance(target, str):
        reference = named(target)
        repository = repository_of(reference, origin)
    else:
        repository = target.core
        reference = getattr(target, "reference", None) or Reference("", repository.name)
    if reference.digest is not None:
        raise InvalidReferenceError(
            f"{str(reference)!r} names a digest, and what is copied has its own. Name a tag."
        )
    return repository, reference.tag
