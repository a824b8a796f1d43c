"""Digests: text that has passed the grammar, and the hashing that proves them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from regnb.display.text import short_digest
from regnb.errors import (
    DigestMismatchError,
    InvalidDigestError,
    UnsupportedDigestError,
    printable,
)

ALGORITHMS = {"sha256": 64, "sha512": 128}
"""The algorithms that can be computed here, and the length of their text."""
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}

# OCI image-spec, descriptor: algorithm components of lower-case letters and digits. Go's
# reference grammar admits more, and hexadecimal of 32 characters or more.
_DIGEST = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):([A-Za-z0-9=_-]{32,512})", re.ASCII)
_HEX = re.compile(r"[a-f0-9]+", re.ASCII)
_SHA256 = re.compile(r"sha256:[a-f0-9]{64}", re.ASCII)
# OCI image-spec, "Registered Algorithms": their text has one form, so that no content has two.
_REGISTERED = {**ALGORITHMS, "blake3": 64}


class Digest(str):
    """A digest that follows the grammar: ``sha256:`` and 64 lower-case hexadecimal digits, say.

    It is a `str` in every way; having one means that it is safe in a URL or a path. Digests of
    other algorithms are well-formed but opaque: nothing can be verified by them.

    Raises:
        InvalidDigestError: the text is no digest (OCI image-spec, descriptor, "Digests").
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Digest:
        """Check `text`."""
        if _SHA256.fullmatch(text):  # nearly all
            return super().__new__(cls, text)
        match = _DIGEST.fullmatch(text)
        if match is None:
            raise InvalidDigestError(
                f"{printable(text, 120)!r} is no digest. Expected algorithm:hexadecimal, "
                "such as sha256:e3b0… with 64 digits."
            )
        algorithm, encoded = match.groups()
        length = _REGISTERED.get(algorithm)
        if length is not None and (len(encoded) != length or not _HEX.fullmatch(encoded)):
            raise InvalidDigestError(
                f"{printable(text, 150)!r} is no {algorithm} digest: "
                f"that has {length} lower-case hexadecimal digits."
            )
        return super().__new__(cls, text)

    @property
    def algorithm(self) -> str:
        """What comes before the colon."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """What comes after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The algorithm and the first 12 characters, for people."""
        return short_digest(self)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """The digest of `data`.

        Raises:
            UnsupportedDigestError: `algorithm` cannot be computed here.
        """
        return str.__new__(cls, f"{algorithm}:{_hexadecimal(data, algorithm)}")

    def verifier(self) -> Verifier:
        """What checks a stream of bytes against this digest.

        Raises:
            UnsupportedDigestError: the algorithm cannot be computed here.
        """
        return Verifier(self)


class Verifier:
    """Hashes bytes as they pass, and says in the end whether they were the right ones.

    Attributes:
        digest: what the bytes have to hash to.
        size: bytes seen so far.
    """

    __slots__ = ("_hash", "digest", "size")

    def __init__(self, digest: Digest) -> None:
        """Start with no bytes seen."""
        if digest.algorithm not in ALGORITHMS:
            raise UnsupportedDigestError(_unsupported(digest.algorithm))
        self.digest = digest
        self.size = 0
        self._hash = hashlib.new(digest.algorithm)

    def copy(self) -> Verifier:
        """Another one that has seen the same bytes."""
        other = Verifier(self.digest)
        other.size = self.size
        other._hash = self._hash.copy()
        return other

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        self._hash.update(data)
        self.size += len(data)

    def verified(self) -> bool:
        """Whether the bytes so far are all of the content, and unchanged."""
        return self._hash.hexdigest() == self.digest.encoded

    def check(self, **facts: Any) -> None:
        """Raise unless `verified`.

        Args:
            **facts: what `RegistryError` knows of the exchange: ``method``, ``url``, ``status``.

        Raises:
            DigestMismatchError: the bytes are other bytes.
        """
        if not self.verified():
            found = f"{self.digest.algorithm}:{self._hash.hexdigest()}"
            raise _mismatch(self.size, found, self.digest, **facts)


def proven(raw: bytes, digest: Digest | None) -> Digest:
    """`digest`, if `raw` hashes to it; where none is given, the sha256 of `raw`.

    Raises:
        DigestMismatchError: `raw` does not hash to `digest`.
        UnsupportedDigestError: the algorithm of `digest` cannot be computed here.
    """
    if digest is None:
        return Digest.of(raw)
    algorithm, _, encoded = digest.partition(":")
    found = _hexadecimal(raw, algorithm)
    if found != encoded:
        raise _mismatch(len(raw), f"{algorithm}:{found}", digest)
    return digest


def _hexadecimal(data: bytes, algorithm: str) -> str:
    if algorithm not in ALGORITHMS:
        raise UnsupportedDigestError(_unsupported(algorithm))
    return _HASHES[algorithm](data).hexdigest()


def _mismatch(size: int, found: str, digest: Digest, **facts: Any) -> DigestMismatchError:
    return DigestMismatchError(
        f"{size:,} bytes hash to {found}, not to {digest}. They were thrown away: what was sent is "
        "damaged or not what was asked for. Try again; if it stays so, the registry's copy is "
        "damaged.",
        **facts,
    )


def _unsupported(algorithm: str) -> str:
    return (
        f"Digests of algorithm {printable(algorithm, 60)!r} cannot be verified here; "
        f"only {' and '.join(ALGORITHMS)} can."
    )
