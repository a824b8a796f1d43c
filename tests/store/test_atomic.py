"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from regnb.errors import DiskFullError, StorageDeniedError, StorageError
from regnb.store.atomic import write_atomically
from regnb.store.trouble import explain, explained


def test_f7_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    file, before = tmp_path / "index.json", os.umask(0o026)
    file.write_bytes(b"before")
    try:
        write_atomically(file, b"after")
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        write_atomically(file, b"secret", mode=0o600)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert file.read_bytes() == b"secret"
    assert os.listdir(tmp_path) == ["index.json"]


def test_s15_a_link_in_the_place_of_the_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "link").symlink_to("victim")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_f7_what_was_there_stays_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    file = tmp_path / "index.json"
    file.write_bytes(b"before")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(DiskFullError, match="What was there before is still there"):
        write_atomically(file, b"after")
    assert file.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["index.json"]


def test_f7_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"No such file or directory") as caught:
        write_atomically(tmp_path / "no" / "file", b"")
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DiskFullError),
        (errno.EDQUOT, DiskFullError),
        (errno.EACCES, StorageDeniedError),
        (errno.EPERM, StorageDeniedError),
        (errno.EROFS, StorageDeniedError),
        (errno.ELOOP, StorageDeniedError),
        (errno.EIO, StorageError),
    ],
)
def test_f7_every_trouble_has_a_type_and_names_the_file(
    number: int, kind: type[StorageError]
) -> None:
    with pytest.raises(kind, match=r"^/a b cannot be read: .*\. Kept\. [A-Z]") as caught:  # noqa: SIM117
        with explained("/a\nb", "read", kept=lambda: "Kept."):
            raise OSError(number, os.strerror(number))
    assert type(caught.value) is kind
    assert caught.value.errno == number
    assert explain(caught.value, "/other", "read") is caught.value
