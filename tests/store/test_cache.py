from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regnb.errors import DigestMismatchError, StorageError
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.model.manifest import parse_manifest
from regnb.store import cache as cache_module
from regnb.store.cache import FILE, ContentCache, cache_folder

PLENTY = 10**9
NOBODY = 65534
URL = "https://registry.example"


def document(name: str) -> bytes:
    config = {"mediaType": media_types.OCI_CONFIG, "digest": Digest.of(b"{}"), "size": 2}
    head = {"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST}
    return json.dumps({**head, "config": config, "layers": [], "n": name}).encode()


def manifest_in(cache: ContentCache, name: str) -> Digest:
    raw = document(name)
    digest = Digest.of(raw)
    cache.add_manifest(parse_manifest(raw, media_type=media_types.OCI_MANIFEST))
    return digest


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ContentCache]:
    opened = ContentCache(tmp_path / "cache", limit=PLENTY)
    yield opened
    opened.close()


def again(cache: ContentCache) -> ContentCache:
    """The same cache, as the next process opens it."""
    assert cache.path is not None
    cache.close()
    return ContentCache(cache.path.parent, limit=cache.limit)


def test_what_was_put_in_is_there_at_once_and_in_the_next_session(cache: ContentCache) -> None:
    digest = manifest_in(cache, "a")
    cache.add_config(Digest.of(b"{}"), b"{}")

    def check(one: ContentCache) -> None:
        found = one.manifest(digest)
        assert found == parse_manifest(document("a"), media_type=media_types.OCI_MANIFEST)
        assert one.config(Digest.of(b"{}")) == b"{}"
        assert one.holds(digest)
        assert not one.holds(Digest.of(b"other"))
        assert one.manifest(Digest.of(b"other")) is None

    check(cache)
    fresh = again(cache)
    check(fresh)
    assert {entry.size for entry in fresh.entries()} == {2, len(document("a"))}
    fresh.close()


def test_a_manifest_whose_type_only_the_registry_told_is_not_kept(cache: ContentCache) -> None:
    raw = b'{"schemaVersion": 1, "fsLayers": []}'
    cache.add_manifest(parse_manifest(raw, media_type=media_types.SCHEMA1_SIGNED))
    assert not cache.holds(Digest.of(raw))
    assert cache.manifest(Digest.of(raw)) is None


def test_an_image_that_names_no_type_is_one_by_its_fields(cache: ContentCache) -> None:
    raw = document("a").replace(b'"mediaType": "%s", ' % media_types.OCI_MANIFEST.encode(), b"")
    cache.add_manifest(parse_manifest(raw, media_type=media_types.OCI_MANIFEST))
    assert b"manifest" not in raw
    assert cache.manifest(Digest.of(raw)) == parse_manifest(raw)


@pytest.mark.parametrize("written", [True, False])
def test_what_was_taken_for_a_config_becomes_a_manifest(cache: ContentCache, written: bool) -> None:
    raw = document("a")
    cache.add_config(Digest.of(raw), raw)
    if written:
        cache.flush()
    manifest_in(cache, "a")
    cache.add_config(Digest.of(raw), raw)
    cache.flush()
    [entry] = cache.entries()
    assert entry.media_type == media_types.OCI_MANIFEST
    assert cache.manifest(Digest.of(raw)) is not None


def test_only_the_owner_can_read_it(cache: ContentCache) -> None:
    manifest_in(cache, "a")
    cache.flush()
    assert cache.path is not None
    assert stat.S_IMODE(cache.path.parent.stat().st_mode) == 0o700
    files = list(cache.path.parent.iterdir())
    assert {one.name for one in files} == {FILE, f"{FILE}-wal", f"{FILE}-shm"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


def test_what_does_not_hash_to_its_digest_is_not_taken(cache: ContentCache) -> None:
    with pytest.raises(DigestMismatchError):
        cache.add_config(Digest.of(b"one"), b"other")
    assert not cache.holds(Digest.of(b"one"))


def test_content_that_was_damaged_counts_as_absent_and_is_dropped(cache: ContentCache) -> None:
    digest = manifest_in(cache, "a")
    fresh = again(cache)
    assert fresh.path is not None
    with sqlite3.connect(fresh.path) as other:
        other.execute("UPDATE bodies SET body = ?", [b"{}"])
    other.close()
    assert fresh.holds(digest)
    assert fresh.manifest(digest) is None
    assert not fresh.holds(digest)
    fresh.add_manifest(parse_manifest(document("a"), media_type=media_types.OCI_MANIFEST))
    last = again(fresh)
    assert last.manifest(digest) is not None
    last.close()


def test_sightings_are_of_one_registry_and_need_their_content(cache: ContentCache) -> None:
    one, other = manifest_in(cache, "a"), manifest_in(cache, "b")
    cache.sight(URL, "app", "1", one)
    cache.sight(URL, "app", "lost", Digest.of(b"not here"))
    cache.sight("https://other.example", "app", "1", other)
    cache.flush()
    assert cache.sightings(URL, "app") == {"1": one}
    cache.sight(URL, "app", "1", other)
    fresh = again(cache)
    assert fresh.sightings(URL, "app") == {"1": other}
    assert fresh.sightings("https://other.example", "app") == {"1": other}
    assert fresh.sightings(URL, "web") == {}
    fresh.close()


def test_the_least_recently_used_goes_first_and_takes_its_sightings_along(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    cache = ContentCache(tmp_path, limit=400_000, now=lambda: clock[0])
    digests: list[Digest] = []
    for number in range(40):
        clock[0] += 2 * cache_module.FRESH
        if digests:
            assert cache.config(digests[0]) is not None, "it is used all the time"
        raw = bytes([number]) * 20_000
        digests.append(Digest.of(raw))
        cache.add_config(digests[-1], raw)
        cache.sight(URL, "r", str(number), digests[-1])
        cache.flush()
        assert cache.size <= 400_000
    left = [digest for digest in digests if cache.holds(digest)]
    assert left == [digests[0], *digests[-len(left) + 1 :]]
    assert 10 < len(left) < 20
    assert list(cache.sightings(URL, "r").values()) == left
    cache.close()


def test_what_layers_told_is_of_one_registry_and_one_way_to_tell(cache: ContentCache) -> None:
    layer, other = Digest.of(b"layer"), Digest.of(b"other")
    cache.note_uncompressed(URL, layer, 0, 2**32 - 1)
    cache.note_uncompressed(URL, other, 1, -1)
    assert cache.uncompressed(URL, layer, 0) == 2**32 - 1, "before it is written"
    cache.note_uncompressed(URL, layer, 0, 5)
    assert cache.uncompressed(URL, layer, 0) == 5
    for found in map(again, (cache, cache)):
        assert found.uncompressed(URL, layer, 0) == 5
        assert found.uncompressed(URL, other, 1) == -1
        assert found.uncompressed(URL, layer, 1) is None
        assert found.uncompressed(f"{URL}:1", layer, 0) is None
        assert found.sightings(URL, "") == {}
    found.clear()
    assert found.uncompressed(URL, layer, 0) is None
    found.close()


def test_a_layer_without_a_size_cannot_have_been_written(cache: ContentCache) -> None:
    layer = Digest.of(b"layer")
    cache.note_uncompressed(URL, layer, 0, 5)
    cache.flush()
    assert cache._connection is not None
    cache._connection.executescript(
        "ALTER TABLE uncompressed RENAME TO before; CREATE TABLE uncompressed AS "
        "SELECT place, digest, source, NULL AS size FROM before"
    )
    assert cache.uncompressed(URL, layer, 0) is None
    assert "was damaged and begins anew" in cache.trouble


def test_what_layers_told_goes_when_nothing_else_is_left_to_go(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path, limit=150_000)
    layers = [Digest.of(str(n).encode()) for n in range(3000)]
    content = manifest_in(cache, "a")
    for layer in layers:
        cache.note_uncompressed(URL, layer, 0, 1)
    cache.flush()
    assert cache.size <= cache.limit
    assert not cache.holds(content)
    assert {cache.uncompressed(URL, layer, 0) for layer in layers} == {None}
    cache.note_uncompressed(URL, layers[0], 0, 1)
    cache.flush()
    assert cache.uncompressed(URL, layers[0], 0) == 1
    cache.close()


def test_a_file_of_an_earlier_version_that_may_only_be_read_tells_of_no_layer(shared: Path) -> None:
    owner, layer = ContentCache(shared, limit=PLENTY), Digest.of(b"layer")
    digest = manifest_in(owner, "a")
    owner.flush()
    assert owner._connection is not None
    owner._connection.execute("DROP TABLE uncompressed")
    owner.close()
    with read_only(shared):
        found = ContentCache(shared, limit=PLENTY)
        assert found.uncompressed(URL, layer, 0) is None
        found.note_uncompressed(URL, layer, 0, 1)
        assert found.uncompressed(URL, layer, 0) is None
        assert found.manifest(digest) is not None
        found.close()
    owner = ContentCache(shared, limit=PLENTY)
    owner.note_uncompressed(URL, layer, 0, 1)
    assert again(owner).uncompressed(URL, layer, 0) == 1


def test_a_lot_of_content_is_not_kept_in_memory(
    cache: ContentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "WAITING", 1000)
    raw = b"x" * 1001
    cache.add_config(Digest.of(raw), raw)
    assert cache.entry_count == 1


def test_it_is_emptied_and_gives_its_space_back(cache: ContentCache) -> None:
    raw = os.urandom(1_000_000)
    cache.add_config(Digest.of(raw), raw)
    cache.sight(URL, "app", "1", Digest.of(raw))
    cache.flush()
    cache.add_config(Digest.of(b"waiting"), b"waiting")
    cache.clear()
    assert cache.entry_count == 0
    assert cache.entries() == []
    assert not cache.holds(Digest.of(b"waiting"))
    cache.close()
    assert cache.path is not None
    assert cache.path.stat().st_size < 100_000


@pytest.mark.parametrize("damage", ["no database", "a page overwritten", "cut off"])
def test_a_damaged_file_is_set_aside_and_begun_anew(cache: ContentCache, damage: str) -> None:
    for number in range(200):
        manifest_in(cache, str(number))
    cache.close()
    path = cache.path
    assert path is not None
    whole = path.read_bytes()
    path.write_bytes(
        {
            "no database": b"this is no database, and never was one" * 100,
            "a page overwritten": whole[:4096] + b"\xff" * (len(whole) - 4096),
            "cut off": whole[:5000],
        }[damage]
    )
    digest = Digest.of(document("7"))
    found = ContentCache(path.parent, limit=PLENTY)
    assert found.manifest(digest) is None
    assert "damaged" in found.trouble
    assert path.with_name(f"{FILE}.damaged").exists()
    fresh = again(found)
    assert manifest_in(fresh, "7") == digest
    last = again(fresh)
    assert last.manifest(digest) is not None
    assert last.trouble == ""
    last.close()


@pytest.mark.parametrize(
    ("place", "moved", "filler"),
    [
        (document("7"), -4, b"\x00" * 4),  # a row of nothing
        (media_types.OCI_MANIFEST.encode(), 0, b"\xff" * 8),
        (b"REFERENCES content ON DELETE", 11, b"\xff" * 4),
    ],
    ids=["content", "text", "schema"],
)
def test_what_cannot_have_been_written_is_set_aside(
    cache: ContentCache, place: bytes, moved: int, filler: bytes
) -> None:
    digest = manifest_in(cache, "7")
    cache.close()
    path = cache.path
    assert path is not None
    whole = path.read_bytes()
    start = whole.index(place) + moved
    path.write_bytes(whole[:start] + filler + whole[start + len(filler) :])
    found = ContentCache(path.parent, limit=PLENTY)
    found.manifest(digest)
    found.entries()
    found.sight(URL, "app", "1", manifest_in(found, "8"))
    found.flush()
    assert "was damaged and begins anew" in found.trouble
    found.close()


def test_a_file_that_another_keeps_locked_is_done_without(cache: ContentCache) -> None:
    manifest_in(cache, "a")
    cache.flush()
    assert cache.path is not None
    other = sqlite3.connect(cache.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    late = ContentCache(cache.path.parent, limit=PLENTY, patience=0.01)
    assert "another process has it" in late.trouble
    assert manifest_in(late, "b")
    assert late.entry_count == 0
    late.close()
    other.execute("ROLLBACK")
    other.close()
    assert cache.entry_count == 1


def test_a_full_disk_is_done_without(cache: ContentCache) -> None:
    assert cache._connection is not None
    cache._connection.execute("PRAGMA max_page_count = 20")
    raw = os.urandom(200_000)
    cache.add_config(Digest.of(raw), raw)
    cache.flush()
    assert "no space is left" in cache.trouble
    assert cache.config(Digest.of(raw)) is None
    cache.add_config(Digest.of(b"a"), b"a")
    fresh = again(cache)
    assert fresh.entry_count == 0
    assert fresh.trouble == ""
    fresh.close()


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ContentCache(tmp_path / "file" / "cache", limit=PLENTY)
    assert "is not used: Not a directory" in cache.trouble
    cache.add_config(Digest.of(b"a"), b"a")
    cache.flush()
    assert (cache.entry_count, cache.size, cache.config(Digest.of(b"a"))) == (0, 0, None)
    with pytest.raises(StorageError, match="Not a directory"):
        cache.clear()
    cache.close()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that can be reached by any account."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "cache"


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """While nothing in a folder may be changed, by an account that such rules hold for."""
    modes = {one: one.stat().st_mode for one in [folder, *folder.iterdir()]}
    for one, mode in modes.items():
        one.chmod(0o555 if stat.S_ISDIR(mode) else 0o444)
    account = os.geteuid()
    if account == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(account)
        for one, mode in modes.items():
            if one.exists():
                one.chmod(mode)


@pytest.mark.parametrize("in_use", [False, True])
def test_what_can_only_be_read_is_read_and_left_as_it_is(shared: Path, in_use: bool) -> None:
    clock = [1_000_000.0]
    owner = ContentCache(shared, limit=PLENTY, now=lambda: clock[0])
    digest, bad = manifest_in(owner, "a"), manifest_in(owner, "b")
    owner.sight(URL, "app", "1", digest)
    owner.flush()
    assert owner._connection is not None
    owner._connection.execute("UPDATE bodies SET body = '{}' WHERE id = 2")
    if not in_use:
        owner.close()
    clock[0] += 10 * cache_module.FRESH
    with read_only(shared):
        before = {one.name: one.read_bytes() for one in shared.iterdir() if "shm" not in one.name}
        found = ContentCache(shared, limit=1, now=lambda: clock[0])
        assert found.trouble == f"The cache {found.path} can only be read: what is new is not kept."
        assert found.manifest(digest) is not None
        assert found.manifest(bad) is None
        assert found.sightings(URL, "app") == {"1": digest}
        assert not found.holds(manifest_in(found, "new"))
        found.sight(URL, "app", "2", digest)
        found.flush()
        with pytest.raises(StorageError, match="can only be read"):
            found.clear()
        assert found.entry_count == 2
        assert {entry.used for entry in found.entries()} == {1_000_000}
        assert "can only be read" in found.trouble
        found.close()
        assert before == {name: (shared / name).read_bytes() for name in before}
    owner.close()


def test_what_is_damaged_and_can_only_be_read_is_done_without(shared: Path) -> None:
    shared.mkdir()
    (shared / FILE).write_bytes(b"no database" * 1000)
    with read_only(shared):
        found = ContentCache(shared, limit=PLENTY)
        assert "is not used" in found.trouble
        assert not found.entries()


def test_what_others_write_is_never_moved_away(shared: Path) -> None:
    owner = ContentCache(shared, limit=PLENTY)
    digests = [manifest_in(owner, str(number)) for number in range(200)]
    owner.close()
    with read_only(shared):
        found = ContentCache(shared, limit=PLENTY)
    assert found._connection is not None
    found._connection.execute("PRAGMA cache_size = 0")
    path = shared / FILE
    with path.open("r+b") as file:  # as it may seem to be while another writes
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    assert found.manifest(digests[7]) is None
    assert "is not used" in found.trouble
    assert [one.name for one in shared.iterdir()] == [FILE]


def test_a_look_makes_nothing_and_tells_what_could_not_be_made(shared: Path) -> None:
    def trouble(folder: Path) -> str:
        return ContentCache(folder, limit=PLENTY, make=False).trouble

    shared.mkdir()
    assert trouble(shared) == trouble(shared / "not" / "yet") == ""
    assert not list(shared.iterdir())
    (shared / "file").write_text("")
    assert "is not used: Not a directory" in trouble(shared / "file")
    (shared / "closed").mkdir()
    with read_only(shared / "closed"):
        assert "is not used: Permission denied" in trouble(shared / "closed")
        assert "is not used: Permission denied" in trouble(shared / "closed" / "further")


@pytest.mark.parametrize("when", ["read", "written"])
def test_damage_that_is_found_midway_costs_what_was_there_and_no_more(
    cache: ContentCache, when: str
) -> None:
    for number in range(200):
        manifest_in(cache, str(number))
    old = Digest.of(document("7"))
    cache = again(cache)
    assert cache.path is not None
    assert cache._connection is not None
    cache._connection.execute("PRAGMA cache_size = 0")
    with cache.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (cache.path.stat().st_size - 4096))
    if when == "read":
        assert cache.manifest(old) is None
    new = manifest_in(cache, "new")
    cache.flush()
    assert "damaged" in cache.trouble
    assert cache.manifest(new) is not None
    manifest_in(cache, "later")
    fresh = again(cache)
    assert fresh.entry_count == 2
    assert fresh.trouble == ""
    fresh.close()


def test_without_a_folder_it_holds_nothing_and_says_nothing() -> None:
    cache = ContentCache(None, limit=PLENTY)
    cache.add_config(Digest.of(b"a"), b"a")
    cache.sight(URL, "app", "1", Digest.of(b"a"))
    cache.close()
    assert (cache.trouble, cache.entry_count, cache.sightings(URL, "app")) == ("", 0, {})


def test_threads_share_it(cache: ContentCache) -> None:
    digests = [manifest_in(cache, str(number)) for number in range(50)]
    wrong: list[object] = []

    def work(offset: int) -> None:
        for number in range(200):
            digest = digests[(offset + number) % 50]
            if cache.manifest(digest) is None:
                wrong.append(digest)
            manifest_in(cache, f"{offset}-{number}")
            if number % 20 == 0:
                cache.flush()

    threads = [threading.Thread(target=work, args=(7 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    fresh = again(cache)
    assert fresh.entry_count == 50 + 6 * 200
    fresh.close()


def test_processes_share_it_and_those_that_are_killed_leave_it_whole(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from regnb.store.cache import ContentCache
        from regnb.model.digest import Digest
        cache = ContentCache(Path(sys.argv[1]), limit=10**9)
        for number in range(300):
            raw = f"{sys.argv[2]}-{number}".encode()
            cache.add_config(Digest.of(raw), raw)
            cache.flush()
        assert cache.trouble == "", cache.trouble
        if sys.argv[2] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        cache.close()
    """)
    names = ["a", "b", "c", "killed"]
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "cache"), name])
        for name in names
    ]
    codes = [process.wait(60) for process in started]
    assert codes == [0, 0, 0, -9]
    cache = ContentCache(tmp_path / "cache", limit=PLENTY)
    assert cache.entry_count == 4 * 300
    for name in names:
        assert cache.config(Digest.of(f"{name}-299".encode())) is not None
    cache.close()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("off", None), ("OFF", None), ("/somewhere/else", Path("/somewhere/else"))],
)
def test_the_environment_says_where_it_is(
    value: str, expected: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGNB_CACHE", value)
    assert cache_folder() == expected


def test_by_default_it_is_in_the_cache_folder_of_the_account(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGNB_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    folder = cache_folder()
    assert folder is not None
    assert folder.is_relative_to(home)
    assert folder.name == "regnb"
    assert not folder.exists(), "asking for the name makes nothing"
