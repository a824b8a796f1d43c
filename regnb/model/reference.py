"""References: the names of images, by the grammar of the distribution project.

::

    reference := name [":" tag] ["@" digest]
    name      := [domain "/"] path
    domain    := (part ("." part)* | "[" IPv6 "]") [":" port]
    path      := component ("/" component)*

`parse` is the grammar alone. `parse_normalized` adds what Docker adds: ``ubuntu`` is
``docker.io/library/ubuntu``. `parse_docker` also drops a tag beside a digest, and `parse_any`
also takes a digest or an image id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from regnb.errors import (
    InvalidDigestError,
    InvalidReferenceError,
    NameTooLongError,
    NameUppercaseError,
    printable,
)
from regnb.model.digest import ALGORITHMS, Digest

DOCKER_HUB = "docker.io"
LEGACY_DOCKER_HUB = "index.docker.io"
OFFICIAL = "library/"
DEFAULT_TAG = "latest"
MAX_PATH = 255

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = (
    r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:"
    r"[0-9A-Fa-f]{32,}"
)
_REFERENCE = re.compile(rf"(?:({_DOMAIN})/)?({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?", re.ASCII)
_LOCAL = re.compile(rf"()({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?", re.ASCII)
_PATH_ALONE = re.compile(_PATH, re.ASCII)
_TAG_ALONE = re.compile(_TAG, re.ASCII)
_NOT_IN_TAG = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)
_TAG_ALGORITHM, _TAG_ENCODED = 32, 64  # characters of a referrers tag
_DIGEST_ALONE = re.compile(_DIGEST, re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image, taken apart.

    Attributes:
        domain: the registry, or empty.
        path: the repository within it; empty for a bare digest.
        tag: or None.
        digest: or None; where both are there, the digest decides.
    """

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """Domain and path, without tag and digest."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def familiar_name(self) -> str:
        """The name as people write it: nothing of Docker Hub's own."""
        if self.domain != DOCKER_HUB:
            return self.name
        official = self.path.removeprefix(OFFICIAL)
        short = self.path if "/" in official else official
        # A path such as example.com/app would be read as another registry's, 64 digits as an id.
        same = _split_domain(short) == (DOCKER_HUB, self.path)
        return short if same and not _IDENTIFIER.fullmatch(short) else self.name

    @property
    def familiar(self) -> str:
        """The reference as people write it: ``ubuntu:22.04``."""
        return self._with_suffix(self.familiar_name)

    def with_tag(self, tag: str) -> Reference:
        """The same with another tag.

        Raises:
            InvalidReferenceError: `tag` is no tag, or this is a digest without a name.
        """
        if not self.path:
            raise InvalidReferenceError(f"{self} names no repository that could have a tag.")
        return replace(self, tag=check_tag(tag))

    def with_digest(self, digest: str) -> Reference:
        """The same with another digest.

        Raises:
            InvalidDigestError: `digest` is no digest.
        """
        return replace(self, digest=Digest(digest))

    def with_default_tag(self) -> Reference:
        """The same with ``latest``, where neither tag nor digest is there."""
        plain = bool(self.path) and self.tag is None and self.digest is None
        return replace(self, tag=DEFAULT_TAG) if plain else self

    def familiar_match(self, pattern: str) -> bool:
        """Whether a shell pattern matches the familiar form, with or without its tag.

        ``*`` and ``?`` stop at a slash; ``[^a]`` is ``[!a]``.
        """
        return any(_matches(text, pattern) for text in (self.familiar, self.familiar_name))

    def __str__(self) -> str:
        """The whole reference."""
        return self._with_suffix(self.name)

    def _with_suffix(self, name: str) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{name}{tag}{digest}" if name else str(self.digest or "")


def parse(text: str) -> Reference:
    """Read a reference as it stands, adding nothing.

    Raises:
        InvalidReferenceError: `text` does not follow the grammar.
        InvalidDigestError: the digest in it has the wrong form or length for its algorithm.
    """
    return _read(_REFERENCE, text)


def parse_local(text: str) -> Reference:
    """Read a reference within a registry that is known: ``path[:tag][@digest]``, no domain.

    Raises:
        InvalidReferenceError: `text` does not follow the grammar.
        InvalidDigestError: the digest in it has the wrong form or length for its algorithm.
    """
    return _read(_LOCAL, text)


def parse_normalized(text: str) -> Reference:
    """Read a reference as Docker does: the registry is Docker Hub unless another is named.

    The first part of a path is a registry if it is ``localhost``, or has a dot, a colon or an
    upper-case letter.

    Raises:
        InvalidReferenceError: `text` does not follow the grammar, or is an image id.
        InvalidDigestError: the digest in it has the wrong form or length for its algorithm.
    """
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReferenceError(
            f"{text!r} is the id of an image, not its name: a registry knows names and digests. "
            "Put sha256: in front to mean the digest, or name a repository."
        )
    domain, rest = _split_domain(text)
    if any(c.isupper() for c in rest.partition(":")[0].partition("@")[0]):
        raise _uppercase(text)
    try:
        return parse(f"{domain}/{rest}")
    except (NameUppercaseError, NameTooLongError, InvalidDigestError):
        raise
    except InvalidReferenceError:
        raise _refusal(text) from None


def parse_docker(text: str) -> Reference:
    """As `parse_normalized`; ``latest`` is added where nothing else is, a tag beside a digest goes.

    Raises:
        InvalidReferenceError: as `parse_normalized`.
        InvalidDigestError: as `parse_normalized`.
    """
    found = parse_normalized(text)
    return replace(found, tag=None) if found.digest else found.with_default_tag()


def parse_any(text: str) -> Reference:
    """As `parse_normalized`, and also a bare digest or the 64 digits of an image id.

    Raises:
        InvalidReferenceError: as `parse_normalized`.
        InvalidDigestError: as `parse_normalized`.
    """
    if _IDENTIFIER.fullmatch(text):
        return Reference("", "", None, Digest(f"sha256:{text}"))
    # A repository with a commit as its tag looks like a digest of an algorithm of that name.
    if text.partition(":")[0] in ALGORITHMS and _DIGEST_ALONE.fullmatch(text):
        return Reference("", "", None, Digest(text))
    return parse_normalized(text)


REFERRERS_TAG = re.compile(r"(?:sha256|sha512)-[0-9a-f]{64}")
"""What `referrers_tag` gives for the digests that are in use."""

REFERRERS_TAG_LENGTH = len("sha256-") + 64
"""Characters of such a tag: with either algorithm as many."""

COSIGN_ENDS = ("sig", "att", "sbom")
"""How the tags end, after a dot, under which cosign keeps what it says of a manifest."""

COSIGN_TAG = re.compile(rf"{REFERRERS_TAG.pattern}\.(?:{'|'.join(COSIGN_ENDS)})")
"""A whole one: the referrers tag of the manifest comes before the dot."""


def referrers_tag(digest: Digest) -> str:
    """The tag under which the referrers of `digest` are kept where there is no API for them.

    Source: OCI distribution-spec 1.1, "Referrers Tag Schema".
    """
    algorithm, encoded = digest.algorithm[:_TAG_ALGORITHM], digest.encoded[:_TAG_ENCODED]
    return f"{_NOT_IN_TAG.sub('-', algorithm)}-{_NOT_IN_TAG.sub('-', encoded)}"


def is_attachment(tag: str) -> bool:
    """Whether the name of a tag says that what it names is about another manifest."""
    return bool(REFERRERS_TAG.fullmatch(tag) or COSIGN_TAG.fullmatch(tag))


def check_path(path: str) -> str:
    """`path`, if it is the path of a repository.

    Raises:
        InvalidReferenceError: it is not.
    """
    if not _PATH_ALONE.fullmatch(path):
        raise _refusal(path)
    _check_length(path)
    return path


def check_tag(tag: str) -> str:
    """`tag`, if it is a tag.

    Raises:
        InvalidReferenceError: it is not.
    """
    if not _TAG_ALONE.fullmatch(tag):
        raise InvalidReferenceError(
            f"{printable(tag, 150)!r} is no tag. A tag has up to 128 letters, digits, "
            "dots, dashes and underscores, and begins with none of dot and dash."
        )
    return tag


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    named = first == "localhost" or "." in first or ":" in first or first != first.lower()
    if not slash or not named:
        domain, rest = DOCKER_HUB, text
    else:
        domain = DOCKER_HUB if first == LEGACY_DOCKER_HUB else first
    if domain == DOCKER_HUB and "/" not in rest:
        rest = OFFICIAL + rest
    return domain, rest


def _read(grammar: re.Pattern[str], text: str) -> Reference:
    match = grammar.fullmatch(text)
    if match is None:
        raise _refusal(text)
    domain, path, tag, digest = match.groups()
    _check_length(path)
    return Reference(domain or "", path, tag, Digest(digest) if digest else None)


def _check_length(path: str) -> None:
    if len(path) > MAX_PATH:
        raise NameTooLongError(
            f"The repository path {printable(path, 60)!r} has {len(path)} characters; "
            f"{MAX_PATH} are allowed."
        )


def _refusal(text: str) -> InvalidReferenceError:
    if _REFERENCE.fullmatch(text.lower()) and text != text.lower():
        return _uppercase(text)
    hint = ""
    if "://" in text:
        hint = " Leave out the scheme: a reference is no URL."
    return InvalidReferenceError(
        f"{printable(text, 150)!r} is no reference. Expected [registry/]repository[:tag]"
        f"[@digest], the repository in lower case.{hint}"
    )


def _uppercase(text: str) -> NameUppercaseError:
    return NameUppercaseError(
        f"{printable(text, 150)!r} has upper-case letters in its repository path; "
        "registries know lower case only."
    )


def _matches(text: str, pattern: str) -> bool:
    parts, wanted = text.split("/"), pattern.replace("[^", "[!").split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
