"""Members: what is in a tar file, and where in it. Nothing is ever extracted (S15)."""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from regnb.errors import LayoutError

MEMBERS = 1_000_000
"""Members of an archive (S11)."""

NAME = 4096
"""Characters of a name of one (S11)."""

_HEADER = 1024 * 1024  # bytes of a header that holds a long name, say
_HOPS = 16  # links that lead to links
_EXTENDED = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)
# Whatever tarfile meets while it makes sense of bytes that are no tar file.
_NONSENSE = (tarfile.TarError, ValueError, ArithmeticError, LookupError, TypeError, EOFError)
_TOO_MUCH = (RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Member:
    """One member: bytes, or a link to another member.

    Attributes:
        start: position of its first byte in the file.
        size: bytes.
        link: name of the member that it leads to; empty if it has bytes of its own.
        again: whether an earlier member has the same name.
    """

    start: int
    size: int
    link: str = ""
    again: bool = False


class _Header(tarfile.TarInfo):
    """A header that is refused before it fills the memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0 or (self.type in _EXTENDED and self.size > _HEADER):
            raise tarfile.ReadError("a header that is too large")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found


class Members:
    """The members of one tar file by their names."""

    def __init__(self, file: int, *, shown: str) -> None:
        """Look through the headers of a tar file.

        Args:
            file: a descriptor of it, which stays open.
            shown: what messages call it.

        Raises:
            LayoutError: it is no tar file, or has too many members or too long names.
            StorageError: it cannot be read.
        """
        self._shown = shown
        self._members: dict[str, Member] = {}
        with open(os.dup(file), "rb") as stream:
            stream.seek(0)
            for header in self._headers(stream):
                self._add(header)

    def find(self, name: str) -> Member | None:
        """The member of that name, through links within the archive; None where there is none."""
        for _ in range(_HOPS):
            member = self._members.get(name)
            if member is None or not member.link:
                return member
            name = member.link
        return None

    def is_ambiguous(self, name: str) -> bool:
        """Whether several members have that name, so that two readers may see two things."""
        member = self._members.get(name)
        return member is not None and member.again

    def _headers(self, stream: object) -> Iterator[tarfile.TarInfo]:
        try:
            with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header) as archive:  # type: ignore[call-overload]
                before = -1
                while (header := archive.next()) is not None:
                    archive.members.clear()  # or all of them would be kept
                    if archive.offset <= before:
                        raise tarfile.ReadError("a member of negative size")
                    before = archive.offset
                    yield header
        except _TOO_MUCH:
            reason = "its headers are too many for one member"
        except _NONSENSE as error:
            reason = str(error) or type(error).__name__
        else:
            return
        raise LayoutError(
            f"{self._shown} cannot be read as a tar file: {reason}. Copy it again, or have it made "
            "anew."
        )

    def _add(self, header: tarfile.TarInfo) -> None:
        name = header.name.removeprefix("./")
        if len(self._members) >= MEMBERS or len(name) > NAME:
            raise LayoutError(
                f"{self._shown} has more than {MEMBERS:,} members, or a name of more than "
                f"{NAME:,} characters, and is no archive of images."
            )
        member = _member(header, name)
        if member is not None:
            again = name in self._members
            self._members[name] = Member(member.start, member.size, member.link, again)


def _member(header: tarfile.TarInfo, name: str) -> Member | None:
    if header.isreg() and not header.issparse():
        return Member(header.offset_data, header.size)
    if header.islnk():
        return Member(0, 0, header.linkname.removeprefix("./"))
    if header.issym():
        leads = posixpath.normpath(posixpath.join(posixpath.dirname(name), header.linkname))
        return Member(0, 0, leads)  # out of the archive no member has that name
    return None
