"""Source: images on disk, by where they are and what they are."""

from __future__ import annotations

from regnb.store.layout import Layout
from regnb.store.shelf import Shelf

_KINDS: dict[str, type[Shelf]] = {kind.scheme: kind for kind in (Layout,)}


def open_target(target: str) -> Shelf | None:
    """Images on disk by what they are and where: ``oci:folder/``, say. Nothing is read yet.

    None for anything else: a registry. A host may be called ``oci`` too: ``oci:5000`` is its port.

    Raises:
        ValueError: no path follows.
    """
    scheme, _, path = target.partition(":")
    if scheme not in _KINDS or path.isdigit():
        return None
    if not path:
        raise ValueError(f"{target} names no place: write a path after it.")
    return _KINDS[scheme](path)
