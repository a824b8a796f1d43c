from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import pickle
import shutil
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import responses

from regnb.core.blobs import Blobs
from regnb.core.writer import CHUNK_SIZE, BlobWriter
from regnb.errors import (
    DigestMismatchError,
    InvalidDigestError,
    InvalidReferenceError,
    UnreachableError,
    UnsafeRedirectError,
    UnsupportedDigestError,
    UploadUnknownError,
)
from regnb.model.digest import Digest
from tests.core.fakes import URL, registry
from tests.core.scripted import (
    BLOBS,
    DROPPED,
    FIRST,
    RESET,
    SECOND,
    THIRD,
    Step,
    begun,
    forgotten,
    script,
    stands,
    stored,
    taken,
)

DATA = bytes(range(256)) * 4
DIGEST = Digest.of(DATA)


class Stream(io.RawIOBase):
    """Bytes that pass only once, a few at a time."""

    def __init__(self, data: bytes, *, at_once: int = 100) -> None:
        self.source = io.BytesIO(data)
        self.at_once = at_once

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.source.read(min(len(buffer), self.at_once))
        buffer[: len(piece)] = piece
        return len(piece)


def blobs() -> Blobs:
    return registry().repository("team/app").blobs


def test_p8_every_chunk_goes_where_the_last_answer_says(web: responses.RequestsMock) -> None:
    places = [f"{FIRST}?_state={n}" for n in range(5)]
    stops = (256, 512, 513, 1024)
    steps = [taken(stop, place) for stop, place in zip(stops, places[1:], strict=True)]
    played = script(web, begun(places[0]), *steps, stored())
    with blobs().create() as writer:
        for start, stop in zip((0, *stops), stops, strict=False):
            assert writer.write(DATA[start:stop]) == stop - start
            writer.flush()
            assert (writer.offset, writer.size, writer.tell()) == (stop, stop, stop)
        descriptor = writer.commit()
    assert (descriptor.digest, descriptor.size) == (DIGEST, len(DATA))
    patches = played.only("PATCH")
    assert [patch.headers["content-range"] for patch in patches] == [
        "0-255",
        "256-511",
        "512-512",
        "513-1023",
    ]
    assert [asked.path for asked in patches] == places[:4]
    assert b"".join(patch.body for patch in patches) == DATA
    assert played.asked[-1].path == f"{places[4]}&digest={DIGEST}"
    assert played.methods == "POST PATCH PATCH PATCH PATCH PUT"


def test_b_p12_a_blob_below_a_chunk_is_one_put(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create(chunk_size=len(DATA)) as writer:
        for n in range(0, len(DATA), 100):
            writer.write(DATA[n : n + 100])
        writer.commit()
    assert played.methods == "POST PUT"
    assert played.asked[1].body == DATA


def test_w_p9_nothing_written_is_an_empty_blob(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create() as writer:
        assert writer.write(b"") == 0
        writer.flush()
        assert writer.commit().digest == Digest.of(b"")
    assert played.asked[1].headers["content-length"] == "0"


def test_b_p12_what_is_written_is_collected_to_chunks(web: responses.RequestsMock) -> None:
    played = script(web, begun(), taken(400), taken(800), taken(1024), stored())
    with blobs().create(chunk_size=400) as writer:
        writer.write(memoryview(DATA)[:1])
        writer.write(bytearray(DATA[1:]))
        assert (writer.offset, writer.size) == (800, 1024)
        writer.commit(DIGEST)
    assert [len(patch.body) for patch in played.only("PATCH")] == [400, 400, 224]


def test_b_p12_the_registry_may_demand_longer_chunks(web: responses.RequestsMock) -> None:
    minimum = {"OCI-Chunk-Min-Length": "500"}
    played = script(web, begun(**minimum), taken(500), taken(1000), taken(1024), stored())
    with blobs().create(chunk_size=100) as writer:
        writer.write(DATA[:300])
        writer.flush()  # not long enough to be sent
        assert writer.offset == 0
        writer.write(DATA[300:])
        writer.commit()
    assert [len(patch.body) for patch in played.only("PATCH")] == [500, 500, 24]


def test_p_a_large_minimum_is_collected_on_disk(web: responses.RequestsMock) -> None:
    size = 3 * CHUNK_SIZE
    minimum = {"OCI-Chunk-Min-Length": str(10 * CHUNK_SIZE)}
    script(web, begun(**minimum), DROPPED)
    piece = bytes(1024 * 1024)
    tracemalloc.start()
    try:
        with blobs().create() as writer:
            for _ in range(0, size, len(piece)):
                writer.write(piece)
            assert (writer.size, writer.offset) == (size, 0)
            held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < CHUNK_SIZE


def test_p6_a_file_that_can_be_read_again_is_one_patch(
    web: responses.RequestsMock, tmp_path: Path
) -> None:
    path = tmp_path / "layer"
    path.write_bytes(b"skipped" + bytes(CHUNK_SIZE) + DATA)
    size = CHUNK_SIZE + len(DATA)
    played = script(web, begun(), ("PATCH", RESET, 9), stands(9), taken(size), stored())
    with path.open("rb") as file, blobs().create() as writer:
        file.seek(7)
        assert writer.read_from(file) == size
        assert file.read() == b""
        assert (writer.size, writer.offset) == (size, size)
        digest = writer.commit().digest
    assert digest == Digest.of(bytes(CHUNK_SIZE) + DATA)
    first, second = played.only("PATCH")
    assert first.headers["content-range"] == f"0-{size - 1}"
    assert second.headers["content-range"] == f"9-{size - 1}"
    assert second.body == (bytes(CHUNK_SIZE) + DATA)[9:]


def test_p6_a_small_file_joins_what_was_written(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create() as writer:
        writer.write(DATA[:5])
        assert writer.read_from(io.BytesIO(DATA[5:600])) == 595
        assert writer.read_from(Stream(DATA[600:])) == len(DATA) - 600
        writer.commit(DIGEST)
    assert (played.methods, played.asked[1].body) == ("POST PUT", DATA)


def test_p6_a_large_file_joins_what_was_written(web: responses.RequestsMock) -> None:
    played = script(web, begun(), taken(400), taken(800), taken(1024), stored())
    with blobs().create(chunk_size=400) as writer:
        writer.write(DATA[:5])
        assert writer.read_from(io.BytesIO(DATA[5:])) == len(DATA) - 5
        assert writer.commit().digest == DIGEST
    assert b"".join(patch.body for patch in played.only("PATCH")) == DATA


def test_f8_a_stream_is_sent_again_as_far_as_it_is_kept(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), taken(400), ("PATCH", RESET, 7), stands(407), taken(800), taken(1024),
        stored(),
    )  # fmt: skip
    with blobs().create(chunk_size=400) as writer:
        writer.read_from(Stream(DATA))
        assert writer.commit().digest == DIGEST
    assert [patch.headers["content-range"] for patch in played.only("PATCH")] == [
        "0-399",
        "400-799",
        "407-799",
        "800-1023",
    ]


def test_f8_a_first_chunk_may_begin_a_new_session(web: responses.RequestsMock) -> None:
    played = script(
        web, begun(), ("PATCH", RESET, 7), forgotten("GET"), begun(THIRD), taken(400),
        taken(800), taken(1024), stored(),
    )  # fmt: skip
    with blobs().create(chunk_size=400) as writer:
        writer.read_from(Stream(DATA))
        assert writer.commit().digest == DIGEST
    assert played.only("PATCH")[1].path == THIRD


def test_f8_a_later_chunk_cannot_begin_anew(web: responses.RequestsMock) -> None:
    script(web, begun(), taken(400), ("PATCH", RESET, 7), forgotten("GET"))
    with pytest.raises(UploadUnknownError), blobs().create(chunk_size=400) as writer:
        writer.read_from(Stream(DATA))


def test_f8_a_chunk_that_failed_is_kept(web: responses.RequestsMock) -> None:
    failing: list[Step] = [("PATCH", RESET, 1), stands(400)] * 6
    played = script(web, begun(), taken(400), *failing[:-1], taken(800), taken(1024), stored())
    with blobs().create(chunk_size=400) as writer:
        with pytest.raises(UnreachableError):
            writer.write(DATA[:801])
        assert (writer.offset, writer.size) == (400, 800)
        writer.write(DATA[800:])
        assert writer.commit().digest == DIGEST
    assert played.asked[-1].path.endswith(DIGEST)


def test_f8_bytes_written_after_a_failure_come_behind_the_others(
    web: responses.RequestsMock,
) -> None:
    large = DATA * 600
    failing: list[Step] = [("PATCH", RESET, 1), stands(0)] * 6
    played = script(web, begun(), *failing[:-1], stored())
    with blobs().create() as writer:
        writer.write(large)
        with pytest.raises(UnreachableError):
            writer.flush()
        writer.write(b"more")
        writer.commit()
    assert played.asked[-1].body == large + b"more"


def test_f8_a_file_goes_on_where_it_failed(web: responses.RequestsMock) -> None:
    failing: list[Step] = [("PATCH", RESET, 1), stands(400)] * 6
    script(web, begun(), ("PATCH", RESET, 400), stands(400), *failing[:-1], taken(1024), stored())
    with blobs().create(chunk_size=1000) as writer, io.BytesIO(DATA) as file:
        with pytest.raises(UnreachableError):
            writer.read_from(file)
        assert (writer.offset, writer.size) == (400, 400)
        file.seek(writer.size)
        writer.read_from(file)
        assert writer.commit().digest == DIGEST


def test_s13_what_was_written_is_held_against_the_digest(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create() as writer:
        writer.write(DATA)
        with pytest.raises(DigestMismatchError, match=DIGEST):
            writer.commit(Digest.of(b"other"))
        writer.commit(DIGEST)
    assert played.methods == "POST PUT"


def test_b_p17_a_writer_of_another_algorithm(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create(algorithm="sha512") as writer:
        writer.write(DATA)
        assert writer.commit().digest == Digest.of(DATA, "sha512")
    assert played.asked[0].url.endswith("?digest-algorithm=sha512")
    with pytest.raises(UnsupportedDigestError):
        blobs().create(algorithm="md5")


def test_b_p17_a_digest_of_another_algorithm_is_the_registrys_to_check(
    web: responses.RequestsMock,
) -> None:
    script(web, begun(), stored())
    with blobs().create() as writer:
        writer.write(DATA)
        assert writer.commit(Digest.of(DATA, "sha512")).digest.algorithm == "sha512"


def test_p_text_is_no_bytes(web: responses.RequestsMock) -> None:
    script(web, begun(), DROPPED)
    with blobs().create() as writer:
        with pytest.raises(TypeError, match="binary mode"):
            writer.read_from(io.StringIO("text"))  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            writer.write("text")  # type: ignore[arg-type]
        with pytest.raises(InvalidDigestError):
            writer.commit("sha256:nonsense")  # type: ignore[arg-type]


def test_p_a_writer_is_a_stream_that_other_code_can_write_to(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create() as writer:
        assert (writer.writable(), writer.readable(), writer.seekable()) == (True, False, False)
        with (
            gzip.GzipFile(fileobj=writer, mode="wb", mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w|") as tar,
        ):
            tar.addfile(tarfile.TarInfo("empty"))
        shutil.copyfileobj(Stream(b"more"), writer)
        writer.writelines([b"a", b"b"])
        writer.commit()
    layer = played.asked[1].body
    assert layer.endswith(b"moreab")
    with tarfile.open(fileobj=io.BytesIO(layer[:-6]), mode="r:gz") as tar:
        assert tar.getnames() == ["empty"]


# The end of a writer


def test_w_p11_a_closed_writer_refuses_as_files_do(web: responses.RequestsMock) -> None:
    played = script(web, begun())
    writer = blobs().create()
    writer.write(DATA)
    writer.close()
    writer.close()
    assert writer.closed
    calls = (
        lambda: writer.write(b"x"),
        lambda: writer.read_from(io.BytesIO()),
        writer.commit,
        writer.flush,
        writer.status,
        writer.tell,
        writer.__enter__,
    )
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()
    with pytest.raises(io.UnsupportedOperation):
        writer.read()
    writer.cancel()
    assert (played.methods, writer.location) == ("POST", URL + FIRST)


def test_w_p11_a_committed_writer_is_closed(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create() as writer:
        writer.write(DATA)
        writer.commit()
        with pytest.raises(ValueError, match="closed"):
            writer.commit()
        writer.cancel()
    assert played.methods == "POST PUT"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_w_p10_a_block_that_fails_leaves_no_session_behind(
    web: responses.RequestsMock, error: type[BaseException]
) -> None:
    played = script(web, begun(), DROPPED)

    def broken_off() -> None:
        with blobs().create() as writer:
            writer.write(DATA)
            raise error

    with pytest.raises(error):
        broken_off()
    assert played.methods == "POST DELETE"


def test_w_p10_a_block_without_commit_leaves_no_session_behind(web: responses.RequestsMock) -> None:
    played = script(web, begun(), DROPPED)
    with blobs().create() as writer:
        writer.write(DATA)
    assert played.methods == "POST DELETE"


def test_f10_a_writer_that_is_only_closed_keeps_its_session(web: responses.RequestsMock) -> None:
    played = script(web, begun(), taken(512))
    writer = blobs().create()

    def broken_off() -> None:
        with contextlib.closing(writer):
            writer.write(DATA[:512])
            writer.flush()
            writer.write(b"lost")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert played.methods == "POST PATCH"
    assert writer.state()["offset"] == 512


def test_p11_a_forgotten_writer_says_nothing(web: responses.RequestsMock) -> None:
    played = script(web, begun())
    writer = blobs().create()
    writer.write(DATA)
    del writer
    assert played.methods == "POST"


# Going on


def state(web: responses.RequestsMock, location: str = f"{FIRST}?_state=s1gned") -> dict[str, Any]:
    script(web, begun(), taken(512, location))
    writer = blobs().create()
    writer.write(DATA[:512])
    writer.flush()
    saved = writer.state()
    writer.close()
    web.reset()
    assert "s1gned" not in repr(saved) + repr(writer) + repr(writer.location)
    return json.loads(json.dumps(saved))  # type: ignore[no-any-return]


def test_w_p2_an_upload_goes_on_where_the_registry_stands(web: responses.RequestsMock) -> None:
    saved = state(web)
    played = script(web, stands(600, SECOND), taken(1024), stored())
    with blobs().resume(saved) as writer:
        assert (writer.offset, writer.size) == (600, 600)
        writer.write(DATA[600:])
        with pytest.raises(ValueError, match="needs the digest"):
            writer.commit()
        assert writer.commit(DIGEST).size == len(DATA)
    asked, patch, put = played.asked
    assert asked.path == f"{FIRST}?_state=s1gned"
    assert (patch.path, patch.headers["content-range"]) == (SECOND, "600-1023")
    assert put.path == f"{SECOND}?digest={DIGEST}"


def test_w_p2_a_resumed_file_is_sent_from_there(web: responses.RequestsMock) -> None:
    saved = state(web)
    played = script(web, stands(512), taken(900), taken(1024), stored())
    with blobs().resume(saved, chunk_size=388) as writer, io.BytesIO(DATA) as file:
        file.seek(writer.offset)
        writer.read_from(file)
        writer.commit(DIGEST)
    assert b"".join(patch.body for patch in played.only("PATCH")) == DATA[512:]


def test_w_p4_a_resumed_upload_of_one_byte(web: responses.RequestsMock) -> None:
    script(web, begun(), taken(1))
    writer = blobs().create()
    writer.write(b"x")
    writer.flush()
    saved = writer.state()
    web.reset()
    script(web, stands(1))
    assert blobs().resume(saved).offset == 1


def test_w_p2_a_forgotten_upload_cannot_be_resumed(web: responses.RequestsMock) -> None:
    saved = state(web)
    script(web, forgotten("GET"))
    with pytest.raises(UploadUnknownError):
        blobs().resume(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"location": None},
        {"location": 7},
        {"offset": -1},
        {"offset": "512"},
        {"chunk_minimum": None},
        {"algorithm": "md5"},
        {"blobs": f"{URL}/v2/other/blobs/"},
        {"blobs": "https://other.example/v2/team/app/blobs/"},
    ],
)
def test_w_p2_a_state_of_something_else_is_refused(
    web: responses.RequestsMock, change: dict[str, Any]
) -> None:
    saved = state(web)
    played = script(web)
    with pytest.raises(ValueError, match=r"upload|verified"):
        blobs().resume({**saved, **change})
    with pytest.raises(ValueError, match="state"):
        blobs().resume({})
    assert not played.asked


def test_s6_a_state_cannot_lead_astray(web: responses.RequestsMock) -> None:
    saved = state(web)
    script(web)
    with pytest.raises(UnsafeRedirectError):
        blobs().resume({**saved, "location": "http://169.254.169.254/"})


def test_p_status_asks_the_registry(web: responses.RequestsMock) -> None:
    script(web, begun(), taken(512), stands(512, THIRD), DROPPED)
    with blobs().create() as writer:
        writer.write(DATA[:512])
        writer.flush()
        assert writer.status() == 512
        assert writer.location == URL + THIRD


def test_s16_a_writer_is_not_pickled(web: responses.RequestsMock) -> None:
    script(web, begun())
    writer = blobs().create()
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(writer)
    assert repr(writer) == f"<BlobWriter at byte 0 of an upload to '{BLOBS}'>"


# Mounting


def test_p4_a_mounted_blob_needs_no_writer(web: responses.RequestsMock) -> None:
    played = script(web, ("POST", (201, {"Location": f"/v2/team/app/blobs/{DIGEST}"})))
    assert blobs().mount(DIGEST, "other/repo") is None
    assert "mount=" in played.asked[0].url
    assert "from=other%2Frepo" in played.asked[0].url


@pytest.mark.parametrize("refused", [[], [("POST", (405, {}))]])
def test_b_p16_a_blob_that_is_not_mounted_can_be_written(
    web: responses.RequestsMock, refused: list[Step]
) -> None:
    played = script(web, *refused, begun(), stored())
    writer = blobs().mount(DIGEST, "other/repo")
    assert isinstance(writer, BlobWriter)
    with writer:
        writer.write(DATA)
        writer.commit(DIGEST)
    assert played.asked[-1].body == DATA


def test_b_p16_there_is_no_anonymous_mount(web: responses.RequestsMock) -> None:
    played = script(web)
    with pytest.raises(InvalidReferenceError):
        blobs().mount(DIGEST, "")
    with pytest.raises(InvalidReferenceError):
        blobs().mount(DIGEST, "https://other.example/x")
    assert not played.asked


@pytest.mark.parametrize("size", [0, -1])
def test_b_p12_a_chunk_has_at_least_one_byte(web: responses.RequestsMock, size: int) -> None:
    calls = (
        lambda: blobs().create(chunk_size=size),
        lambda: blobs().put(DATA, chunk_size=size),
        lambda: blobs().resume({}, chunk_size=size),
    )
    for call in calls:
        with pytest.raises(ValueError, match="1 or more"):
            call()
    assert len(web.calls) == 0


def test_what_verifies_itself_is_not_hashed_again(web: responses.RequestsMock) -> None:
    played = script(web, begun(), stored())
    with blobs().create(hashed=False) as writer:
        writer.write(DATA)
        with pytest.raises(ValueError, match="needs the digest"):
            writer.commit()
        assert writer.commit(DIGEST).digest == DIGEST
    assert played.asked[1].body == DATA
