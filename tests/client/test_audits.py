"""Audits as a user calls them: again, after they were stopped, and within a budget."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import regnb
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.outgoing import Outgoing
from regnb.errors import CacheWarning, CatalogUnsupportedError, InvalidReferenceError, StorageError
from regnb.frames.cache_schema import CACHE
from regnb.sample import SampleClient, serve
from regnb.store.cache import FILE
from regnb.walk.journal import FOLDER

BUDGET = 40
TAGS = 41

Sent = Counter[tuple[str, str, int]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What is sent, by method, kind and status of the answer."""
    send, counted = Connections.send, Sent()

    def count(connections: Connections, request: Outgoing, **more: Any) -> Incoming:
        incoming = send(connections, request, **more)
        kinds = re.findall(r"_catalog|tags/list|referrers|manifests|blobs", request.url)
        counted[request.method, kinds[0] if kinds else "", incoming.status] += 1
        return incoming

    monkeypatch.setattr(Connections, "send", count)
    return counted


def of(sent: Sent, kind: str, status: int = 200, method: str = "GET") -> int:
    return sent[method, kind, status]


def journals(cache: Path) -> list[Path]:
    return sorted((cache / FOLDER).glob("*.sqlite3"))


def assert_equal(one: regnb.Audit, other: regnb.Audit) -> None:
    """Two audits differ in nothing but times."""
    names = one.tables()["table"].unique().tolist()
    assert len(names) > 10
    for name in names:
        if name == "snapshot":
            continue  # identity and times
        left, right = (getattr(audit, name) for audit in (one, other))
        times = {"observed_at"} & set(left.columns)
        pd.testing.assert_frame_equal(left.drop(columns=times), right.drop(columns=times))


def is_whole(audit: regnb.Audit) -> bool:
    """Whether nothing but the one child is missing that the sample registry lacks."""
    return audit.errors["code"].tolist() == ["MANIFEST_UNKNOWN"] and len(audit.tags) == TAGS


def test_f13_a_second_audit_reads_no_manifest_and_no_config(reg: SampleClient, sent: Sent) -> None:
    first = reg.audit()
    assert of(sent, "manifests") > len(first.tags)
    assert of(sent, "blobs") > 0
    sent.clear()
    second = reg.audit()
    assert_equal(first, second)
    assert of(sent, "manifests") == of(sent, "blobs") == 0
    assert of(sent, "manifests", 304) == len(second.tags.dropna(subset="digest"))


def test_layers_tell_their_uncompressed_sizes_once(
    reg: SampleClient, sent: Sent, cache: Path
) -> None:
    before = reg.audit()
    sent.clear()
    audit = reg.audit(uncompressed=True)
    layers = audit.blobs[audit.blobs["is_layer"]].set_index("digest")
    asked = layers[layers["compression"] == "gzip"]
    asked = asked[~asked["foreign"]]
    held = reg.served.storage
    expected = {
        digest: len(gzip.decompress(raw))
        for digest in asked.index
        for raw in [next(filter(None, (held.blob(name, digest) for name in held.names())))]
    }
    assert len(expected) > 10
    assert asked["uncompressed_size"].to_dict() == expected
    assert set(asked["uncompressed_source"]) == {"isize"}
    assert sent["GET", "blobs", 206] == len(expected)
    new = ["uncompressed_size", "uncompressed_source"]
    stored = before.blobs.dropna(subset=new)
    assert (stored["uncompressed_size"] == stored["size"]).all()
    assert set(stored["uncompressed_source"]) == set(stored["compression"].map({"none": "stored"}))
    columns = before.blobs.columns.drop(new)
    pd.testing.assert_frame_equal(audit.blobs[columns], before.blobs[columns])
    sent.clear()
    assert_equal(reg.audit(uncompressed=True), audit)
    assert sent["GET", "blobs", 206] == 0
    assert journals(cache) == []


def test_details_of_tags_share_what_the_audit_has_read(reg: SampleClient, sent: Sent) -> None:
    before = reg["team/api"].tags(details=True)
    assert of(sent, "manifests") >= len(before)
    sent.clear()
    pd.testing.assert_frame_equal(reg["team/api"].tags(details=True), before)
    assert of(sent, "manifests") == of(sent, "blobs") == 0
    assert of(sent, "manifests", 304) == len(before)


def test_an_audit_that_its_budget_stops_goes_on_with_the_next_call(
    reg: SampleClient, sent: Sent, cache: Path
) -> None:
    whole = reg.audit()
    most = sum(sent.values())
    regnb.cache.clear()
    sent.clear()
    part = reg.audit(max_requests=BUDGET)
    assert not part.complete
    assert len(part.tags) < len(whole.tags)
    assert sum(sent.values()) == BUDGET + 1
    assert len(journals(cache)) == 1
    rest = reg.audit()
    assert is_whole(rest)
    assert_equal(rest, whole)
    assert sum(sent.values()) == most + 1, "the first request is made twice, and no other"
    assert rest.started_at == part.started_at
    assert journals(cache) == []


def test_who_wants_to_begins_anew(reg: SampleClient, sent: Sent) -> None:
    reg.audit(max_requests=BUDGET)
    sent.clear()
    audit = reg.audit(resume=False)
    assert is_whole(audit)
    assert of(sent, "_catalog") == 1


@pytest.mark.parametrize(
    "other",
    [
        {"configs": False},
        {"referrers": False},
        {"uncompressed": True},
        {"tags": "*"},
        {"repositories": "*"},
    ],
)
def test_an_audit_of_something_else_is_not_gone_on_with(
    reg: SampleClient, sent: Sent, cache: Path, other: dict[str, Any]
) -> None:
    reg.audit(max_requests=BUDGET)
    sent.clear()
    reg.audit(**other)
    assert of(sent, "_catalog") == 1
    assert len(journals(cache)) == 1, "that of the other is still there"


def test_another_account_does_not_go_on_with_it(sent: Sent) -> None:
    users = {"one": "secret-of-one", "two": "secret-of-two"}
    with serve(users=users) as served:
        clients = [regnb.connect(served.url, username=u, password=p) for u, p in users.items()]
        for client, begins in zip([*clients, clients[0]], (True, True, False), strict=True):
            sent.clear()
            client.audit(max_requests=BUDGET)
            assert (of(sent, "_catalog") == 1) == begins
        for client in clients:
            client.close()


def test_nothing_that_is_kept_tells_a_secret(cache: Path) -> None:
    with (
        serve(users={"robot": "hunter2-hunter2"}) as served,
        regnb.connect(served.url, username="robot", password="hunter2-hunter2") as client,
    ):
        client.audit(max_requests=BUDGET)
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert len(files) > 1
    assert not any(b"hunter2" in path.read_bytes() for path in files)


def test_a_process_that_is_killed_loses_what_came_in_its_last_half_second(
    reg: SampleClient, sent: Sent, cache: Path
) -> None:
    script = textwrap.dedent("""
        import itertools, os, signal, sys, time
        import regnb
        from regnb.core.wire.connections import Connections
        send, numbers = Connections.send, itertools.count(1)
        def slow(connections, request, **more):
            time.sleep(0.2)
            if next(numbers) == 150:
                os.kill(os.getpid(), signal.SIGKILL)
            return send(connections, request, **more)
        Connections.send = slow
        regnb.connect(sys.argv[1]).audit(progress=False)
    """)
    done = subprocess.run([sys.executable, "-c", script, reg.url], check=False, timeout=120)
    assert done.returncode == -9
    assert len(journals(cache)) == 1
    rest = reg.audit()
    after = sum(sent.values())
    regnb.cache.clear()
    sent.clear()
    assert_equal(rest, reg.audit())
    # Up to 32 at once, 5 a second each: some 80 answers come in that time; some are asked twice.
    assert after < sum(sent.values()) - 150 + 110
    assert is_whole(rest)


def test_in_a_notebook_an_audit_that_is_interrupted_goes_on(
    reg: SampleClient, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    send, numbers = Connections.send, iter(range(10**6))

    def press(connections: Connections, request: Outgoing, **more: Any) -> Incoming:
        if next(numbers) == BUDGET:
            os.kill(os.getpid(), 2)
        return send(connections, request, **more)

    monkeypatch.setattr("regnb.client.auditing.in_kernel", lambda: True)
    monkeypatch.setattr(Connections, "send", press)
    part = reg.audit()
    assert not part.complete
    assert len(journals(cache)) == 1
    done = next(numbers)
    rest = reg.audit()
    again = next(numbers) - done
    assert is_whole(rest)
    fresh = reg.audit(resume=False)
    assert_equal(rest, fresh)
    assert again < 400


def test_time_and_rate_limits_stop_an_audit_too(reg: SampleClient) -> None:
    assert not reg.audit(max_seconds=0).complete
    assert is_whole(reg.audit(keep_rate_limit=10**6)), "the sample registry has no limit"
    with pytest.raises(ValueError, match="max_seconds"):
        reg.audit(max_seconds=-1)


def test_repositories_by_glob_and_by_file(reg: SampleClient, sent: Sent, tmp_path: Path) -> None:
    audit = reg.audit("team/*")
    assert audit.repositories["repository"].str.startswith("team/").all()
    assert len(audit.repositories) > 1
    names = tmp_path / "names.txt"
    names.write_text("# those of the team\n\nteam/web\n  team/api \n", "utf-8")
    sent.clear()
    audit = reg.audit(names)
    assert audit.repositories["repository"].tolist() == ["team/api", "team/web"]
    assert reg.audit("team/web").repositories["repository"].tolist() == ["team/web"]
    assert of(sent, "_catalog") == 0
    names.write_text("team/web\nTeam/Api\n", "utf-8")
    with pytest.raises(InvalidReferenceError):
        reg.audit(names)


def test_tags_by_glob_and_by_expression(reg: SampleClient) -> None:
    every = reg.audit("team/api").tags
    for tags, pattern in (("v1*", r"v1.*"), (re.compile(r"v\d"), r"v\d")):
        found = reg.audit("team/api", tags=tags).tags
        normal = found[found["kind"] == "normal"]["tag"].tolist()
        expected = every[(every["kind"] == "normal") & every["tag"].str.fullmatch(pattern)]
        assert normal == expected["tag"].tolist() != []


def test_a_registry_that_does_not_list_its_repositories_says_to_name_them(
    reg: SampleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Connections.send

    def without_catalog(connections: Connections, request: Outgoing, **more: Any) -> Incoming:
        if "_catalog" in request.url:
            raise CatalogUnsupportedError("no catalog", status=404)
        return send(connections, request, **more)

    monkeypatch.setattr(Connections, "send", without_catalog)
    with pytest.raises(CatalogUnsupportedError):
        reg.audit()
    with pytest.raises(CatalogUnsupportedError):
        reg.audit("team/*")
    assert reg.audit(["team/web"]).complete


@pytest.mark.parametrize("damaged", [FILE, FOLDER])
def test_what_is_damaged_on_disk_is_begun_anew_with_a_warning(
    reg: SampleClient, cache: Path, damaged: str
) -> None:
    whole = reg.audit()
    reg.audit(max_requests=BUDGET)
    path = journals(cache)[0] if damaged == FOLDER else cache / FILE
    path.write_bytes(b"no database" * 1000)
    with pytest.warns(CacheWarning, match="damaged") as warned:
        audit = reg.audit()
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert_equal(audit, whole)
    assert is_whole(reg.audit()), "and no warning"
    (cache / FILE).write_bytes(b"no database" * 1000)
    with pytest.warns(CacheWarning, match="damaged"):
        reg.audit()


def test_a_place_where_nothing_can_be_kept_is_one_warning_while_it_is_so(
    reg: SampleClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REGNB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(CacheWarning, match="is not used") as warned:
        audit = reg.audit()
    assert len(warned) == 1
    assert is_whole(audit)
    assert is_whole(reg.audit()), "what is known is not said again"
    assert len(reg.audit("team/*").tags), "nor for another walk"
    monkeypatch.setenv("REGNB_CACHE", str(tmp_path / "cache"))
    assert is_whole(reg.audit())
    monkeypatch.setenv("REGNB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(CacheWarning, match="is not used"):
        reg.audit()
    assert "is not used: Not a directory" in str(regnb.cache)
    assert "is not used: Not a directory" in regnb.cache._repr_html_()
    assert regnb.cache.entry_count == 0
    with pytest.raises(StorageError, match="is not used: Not a directory"):
        regnb.cache.clear()


def test_nothing_is_kept_where_that_is_off(
    reg: SampleClient, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGNB_CACHE", "off")
    assert is_whole(reg.audit())
    assert not reg.audit(max_requests=BUDGET).complete
    assert not cache.exists()
    assert regnb.cache.path is None
    assert (regnb.cache.size, regnb.cache.entry_count) == (0, 0)
    assert "nothing is kept" in str(regnb.cache)


@pytest.fixture
def limited() -> Iterator[None]:
    with regnb.option_context(cache_limit=123_456_789):
        yield


@pytest.mark.usefixtures("limited")
def test_the_cache_can_be_looked_at_and_emptied(reg: SampleClient, cache: Path) -> None:
    assert (regnb.cache.size, regnb.cache.entry_count) == (0, 0)
    assert not cache.exists(), "looking at it makes nothing"
    audit = reg.audit()
    entries = regnb.cache.entries()
    expected = {name: column.dtype for name, column in CACHE.columns.items()}
    assert entries.dtypes.to_dict() == expected
    assert set(audit.manifests["digest"]) <= set(entries["digest"])
    assert len(entries) == regnb.cache.entry_count
    assert entries["size"].sum() < regnb.cache.size < 123_456_789
    text = str(regnb.cache)
    assert str(cache) in text
    assert "123.5 MB" in text
    assert str(cache) in repr(regnb.cache)
    reg.audit(max_requests=BUDGET)
    regnb.cache.clear()
    assert regnb.cache.entry_count == 0
    assert journals(cache) == []
    assert regnb.cache.entries().dtypes.to_dict() == expected
