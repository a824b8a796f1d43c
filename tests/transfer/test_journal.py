"""Uploads that are under way, on disk."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regnb.errors import DiskFullError
from regnb.model.digest import Digest
from regnb.transfer.journal import Journal

BLOB = Digest.of(b"a blob")
STATE: dict[str, str | int] = {
    "location": "https://registry.example.com/v2/team/app/blobs/uploads/1?sig=x",
    "offset": 7,
}


def test_f8_a_state_is_there_for_the_next_process_and_gone_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / ".regnb"
    with Journal(folder, "https://one").entry(BLOB) as entry:
        assert entry is not None
        assert entry.read() is None
        entry.write({**STATE, "offset": 123_456_789})
        entry.write(STATE)  # shorter than the one before
    with Journal(folder, "https://one").entry(BLOB) as entry:
        assert entry is not None
        assert entry.read() == STATE
        entry.remove()
        assert entry.read() is None
    assert not folder.exists()


def test_f8_each_blob_and_each_destination_has_a_state_of_its_own(tmp_path: Path) -> None:
    with Journal(tmp_path, "https://one").entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
    for url, blob in (("https://two", BLOB), ("https://one", Digest.of(b"another"))):
        with Journal(tmp_path, url).entry(blob) as entry:
            assert entry is not None
            assert entry.read() is None


def test_s16_only_its_owner_reads_a_state(tmp_path: Path) -> None:
    folder = tmp_path / ".regnb"
    with Journal(folder, "https://one").entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.name.startswith(f"sha256-{BLOB.encoded}.")


def test_s16_a_signed_address_is_not_shown_where_a_state_is(tmp_path: Path) -> None:
    with Journal(tmp_path, "https://one").entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
        read = entry.read()
    assert read == STATE
    assert "sig=" not in repr(read)


def test_f7_two_at_once_do_not_go_on_with_the_same_upload(tmp_path: Path) -> None:
    journal = Journal(tmp_path / ".regnb", "https://one")
    with journal.entry(BLOB) as first:
        assert first is not None
        first.write(STATE)
        with journal.entry(BLOB) as second:
            assert second is None
        assert first.read() == STATE


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"\xff", b"[" * 70_000, b'{"a":1'])
def test_a_state_that_cannot_be_understood_is_none(tmp_path: Path, left: bytes) -> None:
    journal = Journal(tmp_path / ".regnb", "https://one")
    with journal.entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
    (path,) = (tmp_path / ".regnb").iterdir()
    path.write_bytes(left)
    with journal.entry(BLOB) as entry:
        assert entry is not None
        assert entry.read() is None


def test_s15_a_symbolic_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / ".regnb", "https://one")
    with journal.entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
    (path,) = (tmp_path / ".regnb").iterdir()
    path.unlink()
    precious = tmp_path / "precious"
    precious.write_text("kept")
    path.symlink_to(precious)
    with journal.entry(BLOB) as entry:
        assert entry is None
    assert precious.read_text() == "kept"


def test_what_is_only_to_be_read_is_pushed_without_a_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(os, "open", refused)
    with Journal(tmp_path, "https://one").entry(BLOB) as entry:
        assert entry is None


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with Journal(tmp_path, "https://one").entry(BLOB) as entry:
        assert entry is not None
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(DiskFullError, match="upload"):
            entry.write(STATE)


def test_f8_what_is_there_is_remembered_no_more(tmp_path: Path) -> None:
    folder = tmp_path / ".regnb"
    journal = Journal(folder, "https://one")
    with journal.entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
        journal.forget(BLOB)  # nothing, since somebody is at it
        assert entry.read() == STATE
    journal.forget(Digest.of(b"another"))
    assert folder.exists()
    journal.forget(BLOB)
    assert not folder.exists()


def test_f8_another_upload_may_end_just_when_one_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, opened, locked = tmp_path / ".regnb", os.open, fcntl.flock
    others: list[Callable[[], object]] = [folder.rmdir]

    def opening(*arguments: Any) -> int:
        while others:
            others.pop()()  # the folder is removed
        return opened(*arguments)

    def locking(file: int, operation: int) -> None:
        monkeypatch.undo()
        next(folder.iterdir()).unlink()  # the file is removed that was opened
        locked(file, operation)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(fcntl, "flock", locking)
    with Journal(folder, "https://one").entry(BLOB) as entry:
        assert entry is not None
        entry.write(STATE)
        (path,) = folder.iterdir()
        assert json.loads(path.read_bytes()) == STATE
