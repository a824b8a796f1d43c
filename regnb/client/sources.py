"""Which image of a layout or archive is meant."""

from __future__ import annotations

from regnb.client.image import Image
from regnb.display.text import count
from regnb.errors import LayoutError, printable
from regnb.model.reference import Reference, is_attachment
from regnb.store.entries import Entry
from regnb.store.shelf import Shelf

SHOWN = 10


def only_image(source: Shelf, wanted: Reference) -> Image:
    """The image that has the wanted path and tag, or else the only one there is.

    Raises:
        LayoutError: there is none, or there are several; the message lists them.
    """
    entries = [entry for one in source.contents() for entry in one.entries().all]
    exact = [e for e in entries if (e.repository, e.name.tag) == (wanted.path, wanted.tag)]
    tagged = [e for e in entries if e.name.tag is not None and not is_attachment(e.name.tag)]
    for found in (exact[:1], tagged, entries):
        if len({entry.descriptor.digest for entry in found}) == 1:
            return _image(source, found[0])
        if found:
            break
    if not entries:
        raise LayoutError(f"{source.shown} holds no image. Pull or save one there first.")
    raise LayoutError(
        f"{source.shown} holds {count(len(tagged or entries), 'image')}, and none of them is "
        f"{wanted.path}:{wanted.tag}. Say which to push: "
        f"regnb.connect({source.url!r})['path:tag'].copy_to(...). {_choices(tagged)}"
    )


def _image(source: Shelf, entry: Entry) -> Image:
    digest = entry.descriptor.digest if entry.name.tag is None else None
    reference = Reference("", entry.repository, tag=entry.name.tag, digest=digest)
    return Image(source.repository(entry.repository), reference)


def _choices(entries: list[Entry]) -> str:
    named = list(dict.fromkeys(f"{one.repository}:{one.name.tag}" for one in entries))
    more = ", and more" if len(named) > SHOWN else ""
    return f"It holds: {printable(', '.join(named[:SHOWN]))}{more}." if named else ""
