"""Blobs on their way into registries that shared no code with the client when they were written."""

from __future__ import annotations

import io
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time as real_time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.core.content import Source
from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BlobUnknownError,
    DeletionDisabledError,
    DigestMismatchError,
    OperationCancelledError,
    RequestTooLargeError,
    UploadUnknownError,
)
from regnb.model.digest import Digest
from regnb.sample import serve
from tests.core.fakes import PATIENCE, FakeTime, RawServer, raw_server, registry, reply
from tests.core.scripted import Cut, cutter
from tests.core.test_writer import Stream
from tests.servers import docker_registry

MIB = 1024 * 1024
BLOB = random.Random(7).randbytes(5 * MIB)


@pytest.fixture(scope="module")
def sample() -> Iterator[str]:
    with serve(None) as served:
        yield served.url


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as url:
        yield url


@pytest.fixture(params=["sample", pytest.param("real", marks=pytest.mark.registry)])
def client(request: pytest.FixtureRequest) -> Iterator[Registry]:
    with Registry(request.getfixturevalue(request.param)) as connected:
        yield connected


@pytest.mark.parametrize("size", [0, 1, 5 * MIB])
@pytest.mark.parametrize("chunk_size", [None, 2 * MIB])
def test_b_p12_a_blob_comes_back_as_it_was_put(
    client: Registry, size: int, chunk_size: int | None
) -> None:
    blobs = client.repository("team/new").blobs
    descriptor = blobs.put(BLOB[:size], chunk_size=chunk_size)
    assert (descriptor.digest, descriptor.size) == (Digest.of(BLOB[:size]), size)
    assert blobs.get(descriptor.digest) == BLOB[:size]


def test_b_p12_a_blob_may_be_a_file_or_a_stream(client: Registry, tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(BLOB)
    sources: list[Source] = [path, str(path), Stream(BLOB, at_once=65_536), memoryview(BLOB)]
    for number, source in enumerate(sources):
        blobs = client.repository(f"files/{number}").blobs
        assert blobs.put(source).digest == Digest.of(BLOB)
        assert blobs.stat(Digest.of(BLOB)).size == len(BLOB)


def test_p8_chunks_of_any_size_make_one_blob(client: Registry) -> None:
    blobs = client.repository("team/chunks").blobs
    with blobs.create() as writer:
        position = 0
        for size in (256, 256, 1, 511):
            writer.write(BLOB[position : position + size])
            writer.flush()
            position += size
            assert writer.offset == writer.status() == position
        digest = writer.commit().digest
    assert blobs.get(digest) == BLOB[:1024]


def test_p4_a_blob_is_mounted_from_where_it_is(client: Registry) -> None:
    source, target = client.repository("mount/from").blobs, client.repository("mount/to").blobs
    digest = source.put(BLOB[:1000]).digest
    assert target.mount(digest, "mount/from") is None
    assert target.get(digest) == BLOB[:1000]


def test_b_p16_a_blob_that_is_not_there_is_uploaded(client: Registry) -> None:
    data = BLOB[1000:2000]
    target = client.repository("mount/other").blobs
    writer = target.mount(Digest.of(data), "mount/nowhere")
    assert writer is not None
    with writer:
        writer.read_from(io.BytesIO(data))
        writer.commit(Digest.of(data))
    assert target.get(Digest.of(data)) == data


def test_b_p17_a_blob_may_have_a_sha512(client: Registry) -> None:
    blobs = client.repository("team/sha512").blobs
    digest = Digest.of(BLOB, "sha512")
    assert blobs.put(BLOB, digest=digest).digest == digest
    with blobs.open(digest) as stream:
        assert stream.read() == BLOB


def test_s13_bytes_of_another_digest_are_refused(client: Registry) -> None:
    blobs = client.repository("team/wrong").blobs
    digest = Digest.of(b"something else")
    for source in (BLOB, Stream(BLOB[:10])):
        with pytest.raises(DigestMismatchError):
            blobs.put(source, digest=digest)
    with pytest.raises(BlobUnknownError):
        blobs.stat(digest)


def test_b5_w_b9_a_deleted_blob_is_gone_at_once(client: Registry) -> None:
    blobs = client.repository("team/deleted").blobs
    digest = blobs.put(BLOB[:100]).digest
    assert blobs.stat(digest).size == 100
    blobs.delete(digest)
    with pytest.raises(BlobUnknownError):
        blobs.stat(digest)
    with pytest.raises(BlobUnknownError):
        blobs.delete(digest)


@pytest.mark.registry
def test_w_m10_a_registry_may_not_delete(tmp_path: Path) -> None:
    with docker_registry(tmp_path, delete=False) as url, Registry(url) as client:
        blobs = client.repository("team/kept").blobs
        digest = blobs.put(b"kept").digest
        with pytest.raises(DeletionDisabledError) as caught:
            blobs.delete(digest)
        assert caught.value.status == 405
        assert blobs.get(digest) == b"kept"


def test_p11_a_cancelled_upload_is_gone(client: Registry) -> None:
    blobs = client.repository("team/cancelled").blobs
    with blobs.create() as writer:
        writer.write(b"half of it")
        writer.flush()
        state = writer.state()
        blobs.resume(state).close()
    with pytest.raises(UploadUnknownError):
        blobs.resume(state)


# Another process


PROLOGUE = """
import io, json, sys, time
from regnb.core.registry import Registry

def tell(writer):
    print(json.dumps(writer.state()), flush=True)

class Stalling(io.BytesIO):
    def read(self, size=-1):
        if self.tell() >= 600_000:
            print("stalled", flush=True)
            time.sleep(60)
        return super().read(min(size, 100_000))

writer = Registry(sys.argv[1]).repository("team/killed").blobs.create(chunk_size=100_000)
data = sys.stdin.buffer.read()
"""
BETWEEN_CHUNKS = """
for start in range(0, 500_000, 100_000):
    writer.write(data[start:start + 100_000])
    writer.flush()
tell(writer)
time.sleep(60)
"""
IN_THE_MIDDLE = """
tell(writer)
writer._wanted_size = 900_000
writer.read_from(Stalling(data))
"""


def killed(url: str, program: str, lines: int) -> list[str]:
    """What a process wrote before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + program, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(BLOB[:1_000_000])
        process.stdin.close()
        told = [process.stdout.readline().decode() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
    return told


def test_w_p2_an_upload_survives_the_process_that_began_it(client: Registry) -> None:
    (state,) = killed(client.url, BETWEEN_CHUNKS, 1)
    data = io.BytesIO(BLOB[:1_000_000])
    with client.repository("team/killed").blobs.resume(json.loads(state)) as writer:
        assert writer.offset == 500_000
        data.seek(writer.offset)
        writer.read_from(data)
        digest = writer.commit(Digest.of(data.getvalue())).digest
    assert client.repository("team/killed").blobs.get(digest) == data.getvalue()


def test_w_p3_an_upload_survives_in_the_middle_of_a_chunk(sample: str) -> None:
    state, _ = killed(sample, IN_THE_MIDDLE, 2)
    data = io.BytesIO(BLOB[:1_000_000])
    with (
        Registry(sample) as client,
        client.repository("team/killed").blobs.resume(json.loads(state)) as writer,
    ):
        assert writer.offset == 600_000
        data.seek(writer.offset)
        writer.read_from(data)
        assert writer.commit(Digest.of(data.getvalue())).size == 1_000_000


# Connections that break


CUTS = st.lists(
    st.builds(
        Cut,
        sent=st.integers(0, 400_000) | st.integers(0, 600),
        answered=st.none() | st.integers(0, 400),
        reset=st.booleans(),
    ),
    max_size=2,
)


@settings(max_examples=40)
@given(
    cuts=CUTS,
    size=st.integers(0, 300_000),
    chunk_size=st.none() | st.integers(20_000, 300_000),
    stream=st.booleans(),
)
def test_f8_whatever_is_cut_the_blob_is_the_same(
    sample: str, cuts: list[Cut], size: int, chunk_size: int | None, stream: bool
) -> None:
    data = BLOB[:size]
    with cutter(sample, *cuts) as url, registry(url) as client:
        client.transport.retries.reached = True  # else it may look like a wrong address
        source = Stream(data, at_once=10_000) if stream else io.BytesIO(data)
        descriptor = client.repository("cut/often").blobs.put(source, chunk_size=chunk_size)
    with Registry(sample) as client:
        assert client.repository("cut/often").blobs.get(descriptor.digest) == data


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("sent", [0, 1, 512, 8191, 8192, MIB - 1, 5 * MIB - 1])
def test_f8_a_cut_costs_no_byte_twice(sample: str, sent: int, reset: bool) -> None:
    cut = Cut(sent=sent, reset=reset)
    with cutter(sample, Cut(sent=0), cut) as url, registry(url) as client:
        blobs = client.repository(f"cut/{sent}").blobs
        assert blobs.put(BLOB).digest == Digest.of(BLOB)
        assert blobs.get(Digest.of(BLOB)) == BLOB


def test_f8_a_commit_whose_answer_is_lost_is_found(sample: str) -> None:
    # The first answer, to POST, is some 200 bytes; that to PUT is cut off in its first line.
    with cutter(sample, Cut(answered=320)) as url, registry(url) as client:
        blobs = client.repository("cut/answer").blobs
        assert blobs.put(BLOB).digest == Digest.of(BLOB)


@pytest.mark.registry
@pytest.mark.parametrize("sent", [1000, 400_000])
def test_f8_a_registry_that_loses_its_sessions_gets_the_blob_anew(real: str, sent: int) -> None:
    # docker-registry 2.8.2 knows nothing of an upload that was cut off.
    with cutter(real, Cut(sent=sent)) as url, registry(url) as client:
        blobs = client.repository("cut/real").blobs
        assert blobs.put(BLOB).digest == Digest.of(BLOB)
        assert blobs.stat(Digest.of(BLOB)).size == len(BLOB)


@pytest.mark.parametrize("chunk_size", [None, MIB])
def test_f9_tokens_that_end_in_the_middle_are_not_noticed(chunk_size: int | None) -> None:
    ending = {0, 2 * MIB}
    with serve(None, users={"robot": "hunter2"}, token_lifetime=300) as served:

        class Ending(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() in ending:
                    ending.remove(self.tell())
                    served.expire_tokens()
                return super().read(size)

        with registry(served.url, password="hunter2") as client:
            blobs = client.repository("team/app").blobs
            digest = blobs.put(Ending(BLOB), digest=Digest.of(BLOB), chunk_size=chunk_size).digest
            assert blobs.stat(digest).size == len(BLOB)


def test_p11_an_upload_is_cancelled_with_leave_to_delete() -> None:
    with (
        serve(None, users={"robot": "hunter2"}, token_lifetime=300) as served,
        registry(served.url, password="hunter2") as client,
    ):
        blobs = client.repository("team/app").blobs
        with blobs.create() as writer:
            state = writer.state()
        with pytest.raises(UploadUnknownError):
            blobs.resume(state)


@pytest.mark.parametrize("stream", [False, True])
def test_b_p12_a_registry_that_wants_long_chunks_gets_them(stream: bool) -> None:
    with serve(None, chunk_minimum=MIB) as served, registry(served.url) as client:
        blobs = client.repository("team/app").blobs
        source = Stream(BLOB, at_once=65_536) if stream else io.BytesIO(BLOB)
        assert blobs.put(source, chunk_size=1000).size == len(BLOB)
        with blobs.create(chunk_size=1000) as writer:
            for start in range(0, 3 * MIB, 100_000):
                writer.write(BLOB[start : min(start + 100_000, 3 * MIB)])
                writer.flush()
            assert writer.commit().digest == Digest.of(BLOB[: 3 * MIB])


# From one registry to another


def test_f8_a_blob_is_copied_though_both_connections_break(sample: str) -> None:
    with serve(None) as other, registry(other.url) as home:
        digest = home.repository("from").blobs.put(BLOB).digest
        # The first connection is for the size, and goes on with the bytes.
        with (
            cutter(other.url, Cut(answered=MIB)) as near,
            cutter(sample, Cut(sent=3 * MIB)) as far,
            registry(near) as source,
            registry(far) as target,
        ):
            blobs = target.repository("copied/broken").blobs
            with source.repository("from").blobs.open(digest) as stream:
                blobs.put(stream, digest=digest)
            with blobs.open(digest) as stream:
                assert stream.read() == BLOB


def test_s13_a_damaged_blob_is_not_copied(sample: str) -> None:
    with serve(None) as other, registry(other.url) as source, registry(sample) as target:
        origin = source.repository("from").blobs
        digest = origin.put(b"undamaged").digest
        other.storage._content[digest] = b"undamagee"
        with origin.open(digest) as stream, pytest.raises(DigestMismatchError, match="hash to"):
            target.repository("copied/damaged").blobs.put(stream, digest=digest)
        with pytest.raises(BlobUnknownError):
            target.repository("copied/damaged").blobs.stat(digest)


# Servers without manners


ACCEPTED = reply(b"", "Location: /v2/a/up?sig=b", status="202 Accepted")


def gulp(server: RawServer, connection: socket.socket, size: int) -> None:
    """Read the body of a request, of which some came with the head."""
    size -= len(server.requests[-1].partition(b"\r\n\r\n")[2])
    while size > 0:
        size -= len(connection.recv(min(size, 65_536)) or b"." * size)


def test_p_an_early_413_is_read_while_bytes_are_still_sent() -> None:
    refused = reply(b'{"errors": [{"code": "SIZE_INVALID"}]}', status="413 Too Large")

    def refuse(connection: socket.socket) -> None:
        connection.sendall(refused)
        real_time.sleep(0.05)

    with (
        raw_server(ACCEPTED, refuse, reply(b"", status="204 Gone")) as server,
        registry(server.url) as client,
        pytest.raises(RequestTooLargeError) as caught,
    ):
        client.repository("a").blobs.put(BLOB)
    assert caught.value.status == 413
    assert [request[:6] for request in server.requests] == [b"POST /", b"PUT /v", b"DELETE"]


def test_p_an_interim_answer_is_no_answer() -> None:
    def interim(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(reply(b"", status="201 Created"))

    with raw_server(ACCEPTED, interim) as server, registry(server.url) as client:
        client.repository("a").blobs.put(b"small")
    assert b"Expect" not in server.requests[1]


def test_p_a_source_that_breaks_like_a_connection_is_not_taken_for_one() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > MIB:
                raise BrokenPipeError("the source")
            return super().read(size)

    def take(connection: socket.socket) -> None:
        gulp(server, connection, len(BLOB))

    with (
        raw_server(ACCEPTED, take, reply(b"", status="204 Gone")) as server,
        registry(server.url) as client,
        pytest.raises(BrokenPipeError, match="the source"),
    ):
        client.repository("a").blobs.put(Broken(BLOB), digest=Digest.of(BLOB))
    assert server.requests[-1].startswith(b"DELETE /v2/a/up?sig=b HTTP")


def test_f10_a_registry_that_hangs_gets_two_seconds_to_forget() -> None:
    hanging, answered = threading.Event(), []

    def hang(connection: socket.socket) -> None:
        hanging.wait(PATIENCE)
        answered.append(True)

    limits = Limits(cancel_total=0.05)
    with raw_server(ACCEPTED, hang) as server, registry(server.url, limits=limits) as client:
        writer = client.repository("a").blobs.create()
        writer.cancel()
        assert not answered
        hanging.set()
    assert Limits().cancel_total == 2.0


def test_f10_another_thread_ends_the_wait_for_an_answer() -> None:
    waiting = threading.Event()

    def wait(connection: socket.socket) -> None:
        gulp(server, connection, len(BLOB))
        waiting.set()
        connection.recv(1)

    limits = Limits(cancel_total=0.05)
    gone = reply(b"", status="204 Gone")
    with raw_server(ACCEPTED, wait, gone) as server, registry(server.url, limits=limits) as client:

        def cancel() -> None:
            waiting.wait(PATIENCE)
            client.transport.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(OperationCancelledError):
            client.repository("a").blobs.put(BLOB)
        thread.join(PATIENCE)
    assert server.requests[-1].startswith(b"DELETE /v2/a/up?sig=b HTTP")


def test_f10_ctrl_c_in_the_middle_of_sending_leaves_no_session_behind() -> None:
    program = """
import sys
from regnb.core.registry import Registry
Registry(sys.argv[1]).repository("a").blobs.put(bytes(50_000_000))
"""
    receiving = threading.Event()

    def stop_reading(connection: socket.socket) -> None:
        receiving.set()
        while connection.recv(1) and not interrupted.is_set():
            interrupted.wait(0.05)

    interrupted = threading.Event()
    gone = reply(b"", status="204 Gone")
    with raw_server(ACCEPTED, stop_reading, gone) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", program, server.url],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
        )
        assert receiving.wait(30.0)
        process.send_signal(signal.SIGINT)
        interrupted.set()
        _, shown = process.communicate(timeout=30.0)
    assert b"KeyboardInterrupt" in shown
    assert server.requests[-1].startswith(b"DELETE /v2/a/up?sig=b HTTP")


def test_u7_a_signed_query_reaches_the_wire_byte_for_byte() -> None:
    query = "z=%2b%7e~&_state=a%2Fb==&c+d&empty="
    begun = reply(b"", f"Location: /v2/a/up?{query}", status="202 Accepted")
    with (
        raw_server(begun, reply(b"", status="201 Created")) as server,
        registry(server.url) as client,
    ):
        client.repository("a").blobs.put(b"small")
    line = server.requests[1].partition(b"\r\n")[0].decode()
    assert line == f"PUT /v2/a/up?{query}&digest={Digest.of(b'small')} HTTP/1.1"


def test_s24_hours_of_sending_are_no_slow_answer() -> None:
    time = FakeTime()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            time.seconds += 3600.0
            return super().read(size)

    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    with (
        raw_server(ACCEPTED, chunked) as server,
        registry(server.url, time=time) as client,
    ):
        client.repository("a").blobs.put(Slow(b"small"), digest=Digest.of(b"small"))
        assert len(server.requests) == 2


def test_f14_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    size = 100 * MIB
    path = tmp_path / "layer"
    with path.open("wb") as file:
        file.truncate(size)

    def take(connection: socket.socket) -> None:
        gulp(server, connection, size)
        connection.sendall(reply(b"", status="201 Created"))

    with raw_server(ACCEPTED, take) as server, registry(server.url) as client:
        blobs = client.repository("a").blobs
        tracemalloc.start()
        try:
            assert blobs.put(path).size == size
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4 * MIB
