"""What is new while what was new before it is being written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from regnb.model.digest import Digest
from regnb.store import cache_tables
from regnb.store.cache import ContentCache

URL = "https://registry.example"
PATIENCE = 10


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ContentCache]:
    opened = ContentCache(tmp_path, limit=10**9)
    yield opened
    opened.close()


def config_in(cache: ContentCache, raw: bytes) -> Digest:
    cache.add_config(Digest.of(raw), raw)
    return Digest.of(raw)


def test_other_threads_go_on_while_it_is_written(
    cache: ContentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    really = cache_tables.write

    def slowly(*arguments: object, **options: object) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        really(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(cache_tables, "write", slowly)
    first = config_in(cache, b"first")
    cache.note_uncompressed(URL, first, 0, 7)
    writer = threading.Thread(target=cache.flush)
    writer.start()
    assert begun.wait(PATIENCE)

    def work() -> None:
        second = config_in(cache, b"second")
        cache.sight(URL, "app", "1", second)
        seen.append((cache.config(first), cache.holds(first), cache.config(second)))
        seen.append(cache.uncompressed(URL, first, 0))

    seen: list[object] = []
    other = threading.Thread(target=work, daemon=True)
    other.start()
    other.join(PATIENCE)
    assert seen == [(b"first", True, b"second"), 7]
    go_on.set()
    writer.join()
    assert cache.entry_count == 1
    cache.flush()
    assert cache.entry_count == 2
    assert cache.sightings(URL, "app") == {"1": Digest.of(b"second")}


@pytest.mark.parametrize("during", ["write", "keep_within"])
def test_what_ctrl_c_kept_from_being_written_is_written_with_the_next(
    cache: ContentCache, monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    first = config_in(cache, b"first")
    cache.sight(URL, "app", "1", first)
    cache.note_uncompressed(URL, first, 0, 7)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(cache_tables, during, interrupt)
        with pytest.raises(KeyboardInterrupt):
            cache.flush()
    assert cache.config(first) == b"first"
    cache.sight(URL, "app", "2", config_in(cache, b"second"))
    cache.flush()
    assert {entry.digest for entry in cache.entries()} == {first, Digest.of(b"second")}
    assert cache.sightings(URL, "app") == {"1": first, "2": Digest.of(b"second")}
    assert cache.uncompressed(URL, first, 0) == 7


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_it_says_whether_a_registry_was_seen_at_all(cache: ContentCache) -> None:
    cache.sight(URL, "app", "1", config_in(cache, b"first"))
    assert not cache.has_seen(URL)
    cache.flush()
    assert cache.has_seen(URL)
    assert not cache.has_seen("https://other.example")
