"""Owner: the registry that a plan is carried out on."""

from __future__ import annotations

from typing import Protocol

from regnb import interfaces
from regnb.core.registry import Registry
from regnb.errors import OtherRegistryError, ReadOnlyError
from regnb.walk.inventory import Inventory


class Connected(Protocol):
    """A client, as `regnb.connect` gives it."""

    core: interfaces.Service


def registry_of(
    inventory: Inventory, known: interfaces.Registry | None, client: Connected | None
) -> Registry:
    """The registry that an inventory is of.

    Args:
        inventory: what a walk saw.
        known: whom it asked, if that is known.
        client: whom the caller says.

    Raises:
        OtherRegistryError: neither is there, or the client's is another one.
        ReadOnlyError: it is none, but images on disk.
    """
    service = known if client is None else client.core
    if service is None:
        raise OtherRegistryError(
            f"The audit of {inventory.registry} was not made by a client of this process: say on "
            "which registry to delete, by client=regnb.connect(...)."
        )
    if not isinstance(service, Registry):
        raise ReadOnlyError(
            f"{inventory.registry} is no registry, but images on disk: nothing is deleted there."
        )
    same = service.url == inventory.url if inventory.url else service.name == inventory.registry
    if not same:
        raise OtherRegistryError(
            f"The plan is for {inventory.registry} at {inventory.url or 'an unknown address'}, and "
            f"the client is connected to {service.url}."
        )
    return service
