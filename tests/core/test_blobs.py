from __future__ import annotations

import gzip
import io
import re
import shutil

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.blobs import Blobs, content_range_total
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BlobUnknownError,
    BodyTooLargeError,
    DigestMismatchError,
    InvalidDigestError,
    ProtocolError,
    RegistryTimeoutError,
    UnsupportedDigestError,
)
from regnb.model.digest import Digest
from tests.core.fakes import API, FakeTime, registry
from tests.core.samples import CONFIG, CONFIG_DIGEST, LAYER, LAYER_DIGEST

BLOBS = f"{API}team/app/blobs/"
CONFIG_URL = BLOBS + CONFIG_DIGEST
LAYER_URL = BLOBS + LAYER_DIGEST


def blobs(*, time: FakeTime | None = None, limits: Limits | None = None) -> Blobs:
    return registry(time=time, limits=limits).repository("team/app").blobs


def test_b1_a_blob_has_a_size_and_a_type(web: responses.RequestsMock) -> None:
    web.head(LAYER_URL, headers={"Content-Length": "7", "Content-Type": "Application/X; a=b"})
    found = blobs().stat(LAYER_DIGEST)
    assert (found.digest, found.size, found.media_type) == (LAYER_DIGEST, 7, "application/x")


def test_b1_a_blob_that_is_not_there_is_told(web: responses.RequestsMock) -> None:
    web.head(LAYER_URL, status=404)
    with pytest.raises(BlobUnknownError, match=re.escape(LAYER_DIGEST)):
        blobs().stat(LAYER_DIGEST)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {"Content-Range": "bytes 0-0/1024", "Content-Length": "1"}),
        (200, {"Content-Length": "1024"}),
    ],
)
def test_w_b8_a_head_without_length_costs_a_get_of_one_byte(
    web: responses.RequestsMock, status: int, headers: dict[str, str]
) -> None:
    web.head(LAYER_URL)
    web.get(LAYER_URL, status=status, headers=headers)
    assert blobs().stat(LAYER_DIGEST).size == 1024
    assert web.calls[1].request.headers["Range"] == "bytes=0-0"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {"Content-Range": "bytes 0-0/*"}),
        (206, {"Content-Length": "1"}),
        (200, {}),
        (200, {"Content-Length": "9", "Content-Encoding": "gzip"}),
    ],
)
def test_w_b8_a_size_that_is_nowhere_is_told(
    web: responses.RequestsMock, status: int, headers: dict[str, str]
) -> None:
    web.head(LAYER_URL)
    web.get(LAYER_URL, status=status, headers=headers)
    with pytest.raises(ProtocolError, match="size"):
        blobs().stat(LAYER_DIGEST)


def test_w_b8_a_length_that_is_no_number_is_none(web: responses.RequestsMock) -> None:
    web.head(LAYER_URL, headers={"Content-Length": "many"})
    web.get(LAYER_URL, status=206, headers={"Content-Range": "bytes 0-0/99"})
    assert blobs().stat(LAYER_DIGEST).size == 99


def test_w_b3_the_length_of_an_encoded_body_is_not_the_blobs(web: responses.RequestsMock) -> None:
    web.head(LAYER_URL, headers={"Content-Length": "7", "Content-Encoding": "gzip"})
    web.get(LAYER_URL, status=206, headers={"Content-Range": "bytes 0-0/99"})
    assert blobs().stat(LAYER_DIGEST).size == 99


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("bytes 0-0/1024", 1024),
        ("bytes 0-0/*", None),
        ("bytes */1024", None),
        ("bytes 0-0/10x", None),
        ("bytes 0-0/1024\n", None),
        ("bytes 0-0/-1", None),
        ("bytes 0-0/" + "9" * 40, None),
        ("bytes 0-0/\u0661", None),
        ("", None),
    ],
)
def test_b8_the_total_of_a_content_range(text: str, total: int | None) -> None:
    assert content_range_total(text) == total


@given(st.text("bytes 0123456789-/*", max_size=40))
def test_b8_no_content_range_breaks_the_reader(text: str) -> None:
    total = content_range_total(text)
    assert total is None or text.endswith(f"/{total}") or "/0" in text


def test_b3_a_small_blob_is_read_and_verified(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=CONFIG)
    assert blobs().get(CONFIG_DIGEST) == CONFIG


def test_w_b1_bytes_of_another_blob_are_not_given_out(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=CONFIG + b" ")
    with pytest.raises(DigestMismatchError) as caught:
        blobs().get(CONFIG_DIGEST)
    assert len(web.calls) == 2
    assert caught.value.url == CONFIG_URL


def test_f2_one_wrong_answer_is_forgiven(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=b"damaged")
    web.get(CONFIG_URL, body=CONFIG)
    assert blobs().get(CONFIG_DIGEST) == CONFIG


def test_s9_a_blob_above_the_limit_is_not_read(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=CONFIG)
    assert blobs().get(CONFIG_DIGEST, limit=len(CONFIG)) == CONFIG
    with pytest.raises(BodyTooLargeError):
        blobs().get(CONFIG_DIGEST, limit=len(CONFIG) - 1)


def test_w_b3_an_encoded_blob_is_verified_after_decoding(web: responses.RequestsMock) -> None:
    web.get(
        CONFIG_URL,
        body=gzip.compress(CONFIG),
        headers={"Content-Encoding": "gzip"},
        auto_calculate_content_length=True,
    )
    assert blobs().get(CONFIG_DIGEST) == CONFIG
    with blobs().open(CONFIG_DIGEST) as stream:
        assert stream.read() == CONFIG
        assert stream.raw.size is None


def test_b6_an_open_blob_costs_nothing_before_the_first_read(web: responses.RequestsMock) -> None:
    stream = blobs().open(LAYER_DIGEST)
    assert (stream.readable(), stream.seekable(), stream.writable()) == (True, False, False)
    web.get(LAYER_URL, body=LAYER)
    assert stream.read(10) == LAYER[:10]
    assert stream.read() == LAYER[10:]
    assert stream.read() == b""
    assert len(web.calls) == 1


def test_b6_a_blob_can_be_read_into_a_buffer_and_by_line(web: responses.RequestsMock) -> None:
    body = b"one\ntwo\nthree"
    digest = Digest.of(body)
    web.get(BLOBS + digest, body=body, auto_calculate_content_length=True)
    assert list(blobs().open(digest)) == [b"one\n", b"two\n", b"three"]
    buffer = bytearray(100)
    stream = blobs().open(digest)
    assert stream.readinto(buffer) == len(body)
    assert bytes(buffer[: len(body)]) == body
    assert stream.raw.size == len(body)


def test_b6_an_empty_blob_is_verified_too(web: responses.RequestsMock) -> None:
    web.get(BLOBS + Digest.of(b""), body=b"")
    assert blobs().open(Digest.of(b"")).read() == b""
    web.get(LAYER_URL, body=b"")
    with pytest.raises(DigestMismatchError):
        blobs().open(LAYER_DIGEST).read(1)


def small_pieces(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("regnb.core.reader.PIECE", size)


def test_w_b1_the_last_bytes_wait_for_the_digest(
    web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch, 1000)
    web.get(LAYER_URL, body=LAYER[:-1] + b"!")
    stream, received = blobs().open(LAYER_DIGEST), io.BytesIO()
    with pytest.raises(DigestMismatchError, match="thrown away"):
        shutil.copyfileobj(stream.raw, received, 700)
    assert received.getvalue() == LAYER[: len(LAYER) // 1000 * 1000]
    with pytest.raises(DigestMismatchError):
        stream.raw.read(1)


def test_w_b1_bytes_beyond_the_blob_are_noticed(web: responses.RequestsMock) -> None:
    web.get(LAYER_URL, body=LAYER + b"!")
    with pytest.raises(DigestMismatchError):
        blobs().open(LAYER_DIGEST).read()


@pytest.mark.parametrize(("status", "kind"), [(404, BlobUnknownError), (416, Exception)])
def test_b12_a_refused_blob_is_told_at_the_first_read(
    web: responses.RequestsMock, status: int, kind: type[Exception]
) -> None:
    web.get(LAYER_URL, status=status)
    stream = blobs().open(LAYER_DIGEST)
    with pytest.raises(kind, match=str(status)):
        stream.read(1)


def test_b10_a_closed_blob_is_not_read(web: responses.RequestsMock) -> None:
    web.get(LAYER_URL, body=LAYER)
    stream = blobs().open(LAYER_DIGEST)
    reader = stream.raw
    stream.read(1)
    stream.close()
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)
    with pytest.raises(ValueError, match="closed"):
        reader.readinto(bytearray(1))


def test_f5_a_blob_that_drips_counts_as_stalled(
    web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch, 1000)
    web.get(LAYER_URL, body=LAYER)
    with pytest.raises(RegistryTimeoutError, match="bytes in"):
        blobs(time=FakeTime(step=7.0)).open(LAYER_DIGEST).read()
    enough = Limits(stall_bytes=5000)
    assert blobs(time=FakeTime(step=7.0), limits=enough).open(LAYER_DIGEST).read() == LAYER


def test_s13_what_cannot_be_verified_is_not_opened() -> None:
    opaque = Digest("blake3:" + "a" * 64)
    with pytest.raises(UnsupportedDigestError):
        blobs().open(opaque)
    with pytest.raises(UnsupportedDigestError):
        blobs().get(opaque)


@pytest.mark.parametrize("digest", ["sha256:../../x", "1.2", "", "sha256:" + "A" * 64])
def test_s15_what_is_no_digest_never_reaches_a_url(digest: str) -> None:
    for method in (blobs().stat, blobs().get, blobs().open):
        with pytest.raises(InvalidDigestError):
            method(digest)  # type: ignore[arg-type]  # a str from somewhere
