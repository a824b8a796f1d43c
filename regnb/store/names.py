"""Names: what the entries of an index are called, as repository and tag.

Names come from annotations that anyone may have written. They are read, and never used as a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from regnb.errors import InvalidDigestError, InvalidReferenceError
from regnb.model.reference import check_tag, parse_local

REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
DEFAULT_NAME = "layout"
LOCAL = "localhost"
"""What stands in a name for the registry where there is none."""

_OTHER = re.compile(r"[^a-z0-9._-]+")
_SEPARATORS = re.compile(r"[._-]{2,}")
_SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".tbz2", ".txz")
_SLUG = 120  # characters of one part of a path


@dataclass(frozen=True, slots=True)
class Name:
    """What an entry of an index is called.

    Attributes:
        path: the repository; empty where the name holds none.
        tag: or None.
        domain: the registry that the name holds, or empty.
    """

    path: str = ""
    tag: str | None = None
    domain: str = ""

    def is_of(self, domain: str) -> bool:
        """Whether it is a name of that registry; what names none counts as of ``localhost``."""
        return (self.domain or LOCAL) == (domain or LOCAL)


def read_name(annotations: Mapping[str, str]) -> tuple[Name, str | None]:
    """The name that annotations give, and a text in its place that is none.

    ``io.containerd.image.name`` comes first, which Docker, containerd and BuildKit write; then
    ``org.opencontainers.image.ref.name``, a name or only a tag (OCI image-spec, annotations).
    """
    found, refused = Name(), None
    for key in (IMAGE_NAME, REF_NAME):
        text = annotations.get(key)
        if not text:
            continue
        name = parse_name(text) or (_only_tag(text) if key == REF_NAME else None)
        if name is None:
            refused = refused or text
        elif name.tag is not None:
            return (name if name.path else replace(found, tag=name.tag)), None
        else:
            found = name
    return found, refused


def parse_name(text: str) -> Name | None:
    """A name as Docker writes it, ``[domain/]path:tag`` or ``[domain/]path@digest``, or None.

    The first part is a registry if it is ``localhost``, or has a dot, a colon or a capital.
    """
    first, slash, rest = text.partition("/")
    named = first == "localhost" or "." in first or ":" in first or first != first.lower()
    domain = first if slash and named else ""
    try:
        found = parse_local(rest if domain else text)
    except (InvalidReferenceError, InvalidDigestError):
        return None
    return Name(found.path, found.tag, domain) if found.tag or found.digest else None


def _only_tag(text: str) -> Name | None:
    try:
        return Name(tag=check_tag(text))
    except InvalidReferenceError:
        return None


def slug(path: PurePath) -> str:
    """A repository path that resembles the path of a folder."""
    parts = [_slug(part) for part in path.parts if part != path.anchor]
    return "/".join(part for part in parts if part) or DEFAULT_NAME


def archive_slug(path: PurePath) -> str:
    """A repository path that resembles the name of an archive, without what tells its format."""
    name = path.name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    return _slug(name) or DEFAULT_NAME


def _slug(text: str) -> str:
    plain = _OTHER.sub("-", text.lower())
    return _SEPARATORS.sub("-", plain)[:_SLUG].strip("._-")
