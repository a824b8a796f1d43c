"""F7, W-B1, S15: a blob on its way to disk outlives whatever breaks, and is the right one."""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from regnb.errors import (
    DigestMismatchError,
    DiskFullError,
    InvalidDigestError,
    SizeMismatchError,
    StorageDeniedError,
    StorageError,
    UnsupportedDigestError,
)
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.store import hashing
from regnb.store import part as part_module
from regnb.store.part import Part

CONTENT = random.Random(3).randbytes(2_000_000)
OCTETS = "application/octet-stream"
BLOB = Descriptor(media_type=OCTETS, digest=Digest.of(CONTENT), size=len(CONTENT))
HALF = len(CONTENT) // 2


class GivenUpError(Exception):
    pass


def give_up() -> None:
    raise GivenUpError


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return tmp_path / "state" / "parts"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "blob"


def file_of(parts: Path) -> Path:
    return parts / f"sha256-{BLOB.digest.encoded}.part"


def fill(part: Part, stop: int | None = None) -> None:
    part.write(memoryview(CONTENT)[part.offset : stop])


def test_f7_a_part_that_was_left_is_gone_on_from(parts: Path, target: Path) -> None:
    with Part(parts, BLOB, target) as part:
        fill(part, HALF)
    assert file_of(parts).read_bytes() == CONTENT[:HALF]
    with Part(parts, BLOB, target) as part:
        assert part.offset == HALF
        assert not part.superseded
        fill(part)
        part.commit()
        assert part.superseded
    assert target.read_bytes() == CONTENT
    assert list(parts.iterdir()) == []


def test_f7_nobody_else_reads_a_part_and_the_umask_says_who_reads_the_blob(
    parts: Path, target: Path
) -> None:
    before = os.umask(0o027)
    try:
        with Part(parts, BLOB, target) as part:
            fill(part)
            assert stat.S_IMODE(parts.stat().st_mode) == 0o700
            assert stat.S_IMODE(part.path.stat().st_mode) == 0o600
            part.commit()
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_f7_an_empty_part_leaves_nothing(parts: Path, target: Path) -> None:
    with Part(parts, BLOB, target) as part:
        assert part.path.exists()
    assert list(parts.iterdir()) == []


def test_f7_an_empty_blob_is_a_blob(parts: Path, target: Path) -> None:
    empty = Descriptor(media_type=OCTETS, digest=Digest.of(b""), size=0)
    with Part(parts, empty, target) as part:
        part.commit()
    assert target.read_bytes() == b""
    assert list(parts.iterdir()) == []


def test_f7_a_part_longer_than_the_blob_is_thrown_away(parts: Path, target: Path) -> None:
    parts.mkdir(parents=True)
    file_of(parts).write_bytes(CONTENT + b"!")
    with Part(parts, BLOB, target) as part:
        assert part.offset == 0
        fill(part)
        part.commit()
    assert target.read_bytes() == CONTENT


def test_f7_what_is_appended_follows_what_was_there(parts: Path, target: Path) -> None:
    parts.mkdir(parents=True)
    file_of(parts).write_bytes(CONTENT[:5])
    with Part(parts, BLOB, target) as part:
        part.restart()
        assert (part.offset, part.path.stat().st_size) == (0, 0)
        fill(part, 7)
        assert part.path.read_bytes() == CONTENT[:7]


def test_w_b1_wrong_bytes_never_become_the_blob_and_are_not_gone_on_from(
    parts: Path, target: Path
) -> None:
    parts.mkdir(parents=True)
    file_of(parts).write_bytes(b"x" + CONTENT[1:HALF])
    with Part(parts, BLOB, target) as part:
        fill(part)
        with pytest.raises(DigestMismatchError):
            part.commit()
        assert part.offset == 0
        assert not part.superseded
    assert list(parts.iterdir()) == []


def test_w_b1_missing_bytes_are_no_blob_and_are_kept(parts: Path, target: Path) -> None:
    with Part(parts, BLOB, target) as part:
        fill(part, HALF)
        with pytest.raises(SizeMismatchError, match="1,000,000 bytes, where 2,000,000"):
            part.commit()
    assert not target.exists()
    assert file_of(parts).stat().st_size == HALF


def test_s9_more_bytes_than_the_blob_has_are_not_written(parts: Path, target: Path) -> None:
    with Part(parts, BLOB, target) as part:
        fill(part)
        with pytest.raises(SizeMismatchError):
            part.write(b"!")
        assert part.path.stat().st_size == len(CONTENT)


def test_w_b1_what_was_in_the_place_of_the_blob_is_replaced(
    parts: Path, target: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("not touched")
    target.symlink_to(other)
    with Part(parts, BLOB, target) as part:
        fill(part)
        part.commit()
    assert not target.is_symlink()
    assert target.read_bytes() == CONTENT
    assert other.read_text() == "not touched"


@pytest.mark.parametrize("digest", ["sha256:../../x", "../" * 20, "sha256:" + "A" * 64, ""])
def test_s15_only_a_digest_names_a_file(parts: Path, target: Path, digest: str) -> None:
    blob = Descriptor(media_type=OCTETS, digest=digest, size=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidDigestError):
        Part(parts, blob, target)
    assert not parts.exists()


def test_s15_what_cannot_be_verified_is_not_begun(parts: Path, target: Path) -> None:
    blob = Descriptor(media_type=OCTETS, digest=Digest("md5000:" + "a" * 64), size=1)
    with pytest.raises(UnsupportedDigestError):
        Part(parts, blob, target)


def test_s15_a_symbolic_link_is_not_followed(parts: Path, target: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    parts.mkdir(parents=True)
    file_of(parts).symlink_to(victim)
    with pytest.raises(StorageDeniedError, match="symbolic link"), Part(parts, BLOB, target):
        pass
    assert victim.read_text() == "precious"


def test_s15_nor_is_one_in_the_place_of_the_folder(
    parts: Path, target: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    parts.parent.mkdir()
    parts.symlink_to(elsewhere)
    with pytest.raises(StorageDeniedError, match="symbolic link"), Part(parts, BLOB, target):
        pass
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_s15_only_a_regular_file_is_a_part(
    parts: Path, target: Path, make: Callable[[Path], None]
) -> None:
    parts.mkdir(parents=True)
    make(file_of(parts))
    with pytest.raises(StorageError, match=r"(?i)is no regular file|directory"):  # noqa: SIM117
        with Part(parts, BLOB, target):
            pass


@pytest.mark.parametrize("size", [1, 70_000, 10**9])
def test_f7_a_part_is_filled_from_buffers_that_are_used_again(
    parts: Path, target: Path, size: int
) -> None:
    source, rooms = io.BytesIO(CONTENT * 4), list[int]()
    whole = CONTENT * 4
    blob = Descriptor(media_type=OCTETS, digest=Digest.of(whole), size=len(whole))
    with Part(parts, blob, target) as part:
        part.write(source.read(5 if size > 1 else len(whole) - 9))

        def readinto(room: memoryview) -> int:
            rooms.append(len(room))
            return source.readinto(room[:size])

        while count := part.fill(readinto):
            part.write(source.read(3 if part.offset + 3 <= len(whole) and count > 1 else 0))
        assert part.fill(readinto) == 0
        part.commit()
    assert target.read_bytes() == whole
    assert max(rooms) <= hashing.BUFFER


def test_f7_what_is_filled_is_what_is_hashed(parts: Path, target: Path) -> None:
    source = io.BytesIO(CONTENT[:HALF] + b"x" + CONTENT[HALF + 1 :])
    with Part(parts, BLOB, target) as part:
        while part.fill(source.readinto):
            pass
        with pytest.raises(DigestMismatchError):
            part.check()
        source.seek(0)
        source.write(CONTENT)
        source.seek(0)
        while part.fill(source.readinto):
            pass
        part.commit()
    assert target.read_bytes() == CONTENT


# Disks


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_f7_a_full_disk_keeps_what_has_arrived(
    parts: Path, target: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    written, write = 0, os.write

    def full(file: int, data: memoryview) -> int:
        nonlocal written
        if written >= HALF:
            raise OSError(number, "full")
        count = write(file, data[:70_000])
        written += count
        return count

    with Part(parts, BLOB, target) as part:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(
            DiskFullError, match=r"(?s)\.part cannot be written.*are kept"
        ) as caught:
            fill(part)
        monkeypatch.undo()
        assert caught.value.errno == number
        assert HALF <= part.offset == part.path.stat().st_size < len(CONTENT)
        fill(part)  # there is space again
        part.commit()
    assert target.read_bytes() == CONTENT


def test_f7_a_limit_on_the_size_of_files_keeps_what_has_arrived(parts: Path, target: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, HALF))
        try:
            with Part(parts, BLOB, target) as part:
                fill(part)
        except StorageError as error:
            os._exit(7 if "1,000,000 bytes that have arrived are kept" in str(error) else 1)
        os._exit(2)

    child = multiprocessing.get_context("fork").Process(target=limited)
    child.start()
    child.join()
    assert child.exitcode == 7
    with Part(parts, BLOB, target) as part:
        assert part.offset == HALF
        fill(part)
        part.commit()
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
@pytest.mark.parametrize("call", ["open", "replace"])
def test_f7_what_is_not_allowed_is_told(
    parts: Path, target: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    def denied(*arguments: object, **options: object) -> int:
        raise OSError(number, "denied")

    with pytest.raises(StorageDeniedError, match=str(parts.parent.parent)) as caught:  # noqa: PT012
        if call == "open":
            monkeypatch.setattr(os, call, denied)
        with Part(parts, BLOB, target) as part:
            fill(part)
            monkeypatch.setattr(os, call, denied)
            part.commit()
    monkeypatch.undo()
    assert isinstance(caught.value, PermissionError)
    assert not target.exists()
    assert file_of(parts).exists() == (call == "replace")


# Others


def test_f7_who_comes_second_waits_and_finds_the_blob(parts: Path, target: Path) -> None:
    waited, waiting = threading.Event(), threading.Event()

    def wait() -> None:
        waiting.set()
        assert waited.wait(10)

    def second() -> None:
        with Part(parts, BLOB, target, wait=wait) as part:
            found.append((part.offset, part.superseded))

    found: list[tuple[int, bool]] = []
    with Part(parts, BLOB, target) as part:
        fill(part, HALF)
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        fill(part)
        part.commit()
    waited.set()
    thread.join(10)
    assert found == [(0, True)]
    assert target.read_bytes() == CONTENT
    assert list(parts.iterdir()) == []


def test_f7_who_comes_second_goes_on_where_the_first_gave_up(parts: Path, target: Path) -> None:
    first = Part(parts, BLOB, target)
    first.__enter__()
    fill(first, HALF)
    with Part(parts, BLOB, target, wait=first.close) as part:
        assert (part.offset, part.superseded) == (HALF, False)


def test_f10_waiting_can_be_given_up(parts: Path, target: Path) -> None:
    with Part(parts, BLOB, target) as part:
        fill(part, 5)
        with pytest.raises(GivenUpError), Part(parts, BLOB, target, wait=give_up):
            pass
        assert part.path.stat().st_size == 5


CHILD = """
import sys, time
from pathlib import Path
from regnb.model.descriptor import Descriptor
from regnb.store.part import Part
folder, digest, size, target = sys.argv[1:]
blob = Descriptor(media_type="a/b", digest=digest, size=int(size))
with Part(Path(folder), blob, Path(target)) as part:
    part.write(sys.stdin.buffer.read())
    print("ready", flush=True)
    time.sleep(60)
"""


def test_f7_a_process_that_was_killed_leaves_a_part_to_go_on_from(
    parts: Path, target: Path
) -> None:
    arguments = [str(parts), str(BLOB.digest), str(BLOB.size), str(target)]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(CONTENT[:HALF])
        child.stdin.close()
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(GivenUpError), Part(parts, BLOB, target, wait=give_up):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
    with Part(parts, BLOB, target, wait=give_up) as part:
        assert part.offset == HALF
        fill(part)
        part.commit()
    assert target.read_bytes() == CONTENT


def test_f12_a_forked_child_does_not_keep_the_part(parts: Path, target: Path) -> None:
    with Part(parts, BLOB, target) as part:
        fill(part, 5)
        child = multiprocessing.get_context("fork").Process(target=signal.pause)
        child.start()
    try:
        with Part(parts, BLOB, target, wait=give_up) as part:
            assert part.offset == 5
    finally:
        child.kill()
        child.join()
        child.close()


def test_a_part_is_read_in_pieces(
    parts: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_module, "READ", 999)
    parts.mkdir(parents=True)
    file_of(parts).write_bytes(CONTENT[:HALF])
    with Part(parts, BLOB, target) as part:
        assert part.offset == HALF
        assert repr(part) == f"<Part of {BLOB.digest.short}, 1,000,000 of 2,000,000 bytes>"
        fill(part)
        part.check()
