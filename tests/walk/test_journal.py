from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from regnb.errors import (
    BlobUnknownError,
    DeniedError,
    InvalidDocumentError,
    ManifestUnknownError,
    RateLimitedError,
    RegnbError,
    RepositoryUnknownError,
    UnreachableError,
)
from regnb.store import database
from regnb.store.database import ENDS
from regnb.walk.failures import Failure
from regnb.walk.journal import DAY, KEPT, Journal, journal_path

KEY = ("tag", "app", "1")
NOON = 1_000_000 * 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "walks" / "walk.sqlite3"


def left(path: Path, value: object = "an answer", *, at: int = NOON) -> None:
    """What a call leaves that was stopped."""
    journal = Journal(path, now=lambda: at)
    journal.note(KEY, value)
    journal.close(finished=False)


def recalled(path: Path, *, resume: bool = True, now: int = NOON) -> object:
    journal = Journal(path, resume=resume, now=lambda: now)
    try:
        answer = journal.recall(KEY)
        return None if answer is None else answer.value
    finally:
        journal.close(finished=False)


@pytest.mark.parametrize("value", ["sha256:1", True, False, [["1", "2"], ["no tag"]], []])
def test_the_next_call_is_given_what_this_one_was_answered(path: Path, value: object) -> None:
    left(path, value)
    journal = Journal(path, now=lambda: NOON + 5)
    answer = journal.recall(KEY)
    assert answer is not None
    assert (answer.value, answer.at) == (value, NOON)
    assert journal.recall(("tag", "app", "2")) is None
    assert (journal.resumed, journal.started, journal.latest) == (True, NOON, NOON)
    journal.close(finished=False)


def test_it_is_private_and_a_finished_walk_leaves_nothing(path: Path) -> None:
    journal = Journal(path)
    journal.note(KEY, True)
    journal.flush()
    assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    journal.close(finished=True)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        ManifestUnknownError("no such tag", status=404, code="MANIFEST_UNKNOWN"),
        RepositoryUnknownError("no such repository", status=404),
        InvalidDocumentError("it is no manifest"),
    ],
)
def test_a_failure_that_would_come_again_is_kept_as_it_was(path: Path, error: RegnbError) -> None:
    journal = Journal(path)
    journal.note_failure(KEY, error)
    journal.close(finished=False)
    again = Journal(path)
    with pytest.raises(type(error)) as raised:
        again.recall(KEY)
    again.close(finished=False)
    rows = [
        Failure.of(one, observed_at=None, stage="manifest")  # type: ignore[arg-type]
        for one in (error, raised.value)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    "error",
    [
        DeniedError("not yours", status=403),
        RateLimitedError("later", status=429),
        UnreachableError("no connection"),
    ],
)
def test_a_failure_that_may_not_come_again_is_not(path: Path, error: RegnbError) -> None:
    journal = Journal(path, now=lambda: NOON)
    journal.note_failure(KEY, error)
    journal.close(finished=False)
    assert recalled(path) is None


def test_a_listing_that_broke_off_is_listed_again(path: Path) -> None:
    error = BlobUnknownError("page 2 is gone", status=404)
    error.partial = ("1",)
    journal = Journal(path, now=lambda: NOON)
    journal.note_failure(KEY, error)
    journal.close(finished=False)
    assert recalled(path) is None


def test_who_wants_to_begins_afresh(path: Path) -> None:
    left(path)
    assert recalled(path, resume=False) is None
    assert recalled(path) is None, "what was there before is gone"


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (DAY - 1, "an answer"),
        (DAY, None),
        (-60_000_000, "an answer"),
        (-DAY, None),
        (-NOON, None),
    ],
)
def test_what_is_a_day_old_or_from_the_far_future_is_begun_anew(
    path: Path, later: int, expected: object
) -> None:
    left(path)
    assert recalled(path, now=NOON + later) == expected


def test_a_long_walk_stays_young_as_long_as_it_is_gone_on_with(path: Path) -> None:
    left(path, "old")
    left(path, "newer", at=NOON + DAY - 1)
    assert recalled(path, now=NOON + DAY + 1) == "newer"


@pytest.mark.parametrize(
    ("size", "filler"), [(0, b"\xff"), (100, b"\xff"), (5000, b"\xff"), (5000, b"\x00")]
)
def test_a_damaged_file_is_set_aside_and_begun_anew(path: Path, size: int, filler: bytes) -> None:
    left(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:size] + filler * (len(whole) - size))
    journal = Journal(path)
    assert journal.recall(KEY) is None
    assert "damaged" in journal.trouble
    journal.close(finished=False)
    left(path, "new")
    assert recalled(path) == "new"
    assert path.with_name(f"{path.name}.damaged").exists()


@pytest.mark.parametrize("filler", [0, 0xFF])
def test_wherever_it_is_damaged_the_answer_is_right_or_there_is_none(
    path: Path, filler: int
) -> None:
    left(path)
    whole, recalls = path.read_bytes(), set[object]()
    for start in range(0, len(whole), 16):
        if any(whole[start : start + 16]):
            spoiled = bytearray(whole)
            spoiled[start : start + 16] = bytes([filler]) * 16
            path.write_bytes(spoiled)
            recalls.add(recalled(path))
            database.remove(path)
    assert recalls == {None, "an answer"}


@pytest.mark.parametrize(
    "change",
    [
        """answer = '"sha256:2"'""",
        "answer = CAST(x'22ff22' AS TEXT)",
        "at = at + 1",
        "reference = '2'",
        "repository = 'application'",
    ],
)
def test_an_answer_that_is_not_what_was_written_is_none(path: Path, change: str) -> None:
    left(path, "sha256:1")
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE answers SET {change}")
    other.close()
    kept = Journal(path, now=lambda: NOON)
    for key in (KEY, ("tag", "app", "2"), ("tag", "application", "1")):
        assert kept.recall(key) is None
    assert (kept.resumed, kept.trouble) == (True, "")
    kept.close(finished=False)


def test_a_second_call_at_the_same_walk_goes_without(path: Path) -> None:
    first, second = (Journal(path, now=lambda: NOON) for _ in range(2))
    first.note(KEY, "first")
    second.note(KEY, "second")
    first.flush()
    second.flush()
    assert second.trouble == ""
    second.close(finished=True)
    assert path.exists(), "it is the first one's to remove"
    first.close(finished=False)
    assert recalled(path) == "first"


def test_a_second_process_goes_without_and_one_that_is_killed_leaves_its_answers(
    path: Path,
) -> None:
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from regnb.walk.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        journal.note(("tag", "app", "1"), "from the other")
        journal.flush()
        print("ready", flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        here = Journal(path)
        assert here.recall(KEY) is None
        here.note(KEY, "from here")
        here.close(finished=True)
        other.kill()
    assert recalled(path, now=time.time_ns() // 1000) == "from the other"


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "walks" / "walk.sqlite3")
    journal.note(KEY, True)
    journal.flush()
    assert journal.recall(KEY) is None
    assert "is not kept" in journal.trouble
    journal.close(finished=False)


def test_a_full_disk_is_done_without(path: Path) -> None:
    journal = Journal(path)
    assert journal._connection is not None
    journal._connection.execute("PRAGMA max_page_count = 8")
    journal.note(KEY, "x" * 100_000)
    journal.flush()
    assert "no space is left" in journal.trouble
    journal.note(KEY, "more")
    journal.close(finished=False)


def test_journals_that_nobody_came_back_for_are_removed(path: Path) -> None:
    left(path)
    old = path.with_name("old.sqlite3")
    old.write_bytes(b"")
    os.utime(old, (time.time() - KEPT - 60,) * 2)
    Journal(path).close(finished=False)
    assert not old.exists()
    assert path.exists()


def test_a_journal_is_as_old_as_the_youngest_of_its_files(path: Path) -> None:
    long_ago = (time.time() - KEPT - 60,) * 2
    in_use, forgotten, half = (path.with_name(f"{n}.sqlite3") for n in ("use", "old", "half"))
    path.parent.mkdir()
    for base in (in_use, forgotten):
        for end in ENDS:
            base.with_name(base.name + end).write_bytes(b"")
            os.utime(base.with_name(base.name + end), long_ago)
    os.utime(f"{in_use}-wal")
    Path(f"{half}-wal").write_bytes(b"")
    os.utime(f"{half}-wal", long_ago)
    Journal(path).close(finished=True)
    assert {one.name for one in path.parent.iterdir()} == {in_use.name + end for end in ENDS}


def test_ctrl_c_while_answers_are_written_loses_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    journal.note(KEY, "first")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(database, "write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.flush()
    journal.note((*KEY[:2], "2"), "second")
    journal.close(finished=False)
    journal = Journal(path)
    found = [journal.recall(key) for key in (KEY, (*KEY[:2], "2"))]
    assert [answer and answer.value for answer in found] == ["first", "second"]
    journal.close(finished=True)


def test_other_threads_note_more_while_answers_are_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    journal.note(KEY, "first")
    begun, go_on = threading.Event(), threading.Event()
    really = database.write

    def slowly(*arguments: object) -> None:
        begun.set()
        assert go_on.wait(10)
        really(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(database, "write", slowly)
    writer = threading.Thread(target=journal.flush)
    writer.start()
    assert begun.wait(10)
    other = threading.Thread(target=journal.note, args=((*KEY[:2], "2"), "second"), daemon=True)
    other.start()
    other.join(10)
    in_time = not other.is_alive()
    go_on.set()
    writer.join()
    assert in_time
    journal.close(finished=False)
    journal = Journal(path)
    answer = journal.recall((*KEY[:2], "2"))
    assert answer is not None
    assert answer.value == "second"
    journal.close(finished=True)


def test_a_walk_that_is_finished_writes_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    journal.note(KEY, "first")
    monkeypatch.setattr(database, "write", interrupt)
    journal.close(finished=True)
    assert not path.exists()


def test_ctrl_c_while_it_is_closed_leaves_it_to_the_next_call(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    monkeypatch.setattr(journal, "flush", interrupt)
    with pytest.raises(KeyboardInterrupt):
        journal.close(finished=False)
    journal = Journal(path)
    assert journal.resumed
    journal.close(finished=True)


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_walks_that_differ_have_files_that_do(tmp_path: Path) -> None:
    identities = [("a", "me", "", True), ("a", "me", "", False), ("a", "you", "", True)]
    paths = {journal_path(tmp_path, *identity) for identity in identities}
    assert len(paths) == len(identities)
    assert journal_path(tmp_path, *identities[0]) in paths
