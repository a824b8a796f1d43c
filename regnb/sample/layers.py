"""Synthetic layers, the same bytes on every machine.

The tar headers carry fixed owners and times, and the gzip container stores instead of
compressing: zlib's output differs between builds of zlib.
"""

from __future__ import annotations

import gzip as containers
import hashlib
import io
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from regnb.sample.names import digest_of

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"

MODIFIED = 1_700_000_000  # 2023-11-14, the time of every file
_STORED_BLOCK = 0xFFFF
_SMALL_BLOCK = 0x1000

Files = Mapping[str, int | bytes | str]
"""Contents by path: a size in bytes to make up, literal bytes, or the target of a symbolic link.

A path that ends in a slash is a directory.
"""


@dataclass(frozen=True, slots=True)
class Blob:
    """Content that a descriptor can point to.

    Attributes:
        raw: the bytes, or None where the registry does not hold them (a foreign layer).
        diff_id: the digest of the uncompressed bytes, by which a config names a layer.
        extra: further fields of the descriptor, such as ``annotations`` or ``urls``.
    """

    media_type: str
    digest: str
    size: int
    raw: bytes | None
    diff_id: str
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: bytes, media_type: str, **extra: Any) -> Blob:
        """A blob that is not compressed: its diff_id is its own digest."""
        digest = digest_of(raw)
        return cls(media_type, digest, len(raw), raw, digest, extra)

    def descriptor(self) -> dict[str, Any]:
        """The JSON that points to it (OCI image-spec 1.1, descriptor)."""
        head = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return head | dict(self.extra)


def layer(seed: str, files: Files, *, media_type: str = OCI_LAYER_GZIP) -> Blob:
    """A layer of some files; another `seed` makes other bytes in the files that are made up."""
    plain = tar(seed, files)
    raw = gzip(plain) if media_type.endswith("gzip") else plain
    return Blob(media_type, digest_of(raw), len(raw), raw, digest_of(plain))


def tar(seed: str, files: Files) -> bytes:
    """A tar archive in the ustar format, entries in the order given."""
    archive = io.BytesIO()
    for path, content in files.items():
        entry = tarfile.TarInfo(path)
        entry.mtime = MODIFIED
        entry.uname = entry.gname = "root"
        data = b""
        if isinstance(content, str):
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, content, 0o777
        elif path.endswith("/"):
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        else:
            data = content if isinstance(content, bytes) else made_up(f"{seed}:{path}", content)
            entry.mode = 0o755 if "bin/" in path else 0o644
        entry.size = len(data)
        archive.write(entry.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512))
    return archive.getvalue() + bytes(2 * tarfile.BLOCKSIZE)


def made_up(seed: str, size: int) -> bytes:
    """Bytes that look random and follow from the seed."""
    return hashlib.shake_256(seed.encode()).digest(size)


def repacked(blob: Blob) -> Blob:
    """A compressed layer as another tool stores it: other bytes around the same files."""
    raw = gzip(containers.decompress(blob.raw or b""), block=_SMALL_BLOCK)
    return replace(blob, digest=digest_of(raw), size=len(raw), raw=raw)


def gzip(plain: bytes, *, block: int = _STORED_BLOCK) -> bytes:
    """A gzip member of stored blocks (RFC 1952; RFC 1951, 3.2.4)."""
    head = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
    tail = struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)
    return head + b"".join(_stored(plain, block)) + tail


def _stored(plain: bytes, length: int) -> Iterator[bytes]:
    for start in range(0, max(len(plain), 1), length):
        block = plain[start : start + length]
        final = start + length >= len(plain)
        yield struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block
