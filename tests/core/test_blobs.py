from __future__ import annotations

import gzip
import re
import socket

import pytest
import responses

from regnb.core.blobs import Blobs
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BlobUnknownError,
    BodyTooLargeError,
    DeniedError,
    DigestMismatchError,
    InvalidDigestError,
    ProtocolError,
    SizeMismatchError,
    UnsupportedDigestError,
)
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from tests.core.fakes import API, FakeTime, raw_server, registry
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


def test_b3_a_small_blob_is_read_and_verified(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=CONFIG)
    assert blobs().get(CONFIG_DIGEST) == CONFIG


def test_w_b1_bytes_of_another_blob_are_not_given_out(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=CONFIG + b" ", auto_calculate_content_length=True)
    with pytest.raises(DigestMismatchError) as caught:
        blobs().get(CONFIG_DIGEST)
    assert len(web.calls) == 2
    assert caught.value.url == CONFIG_URL


def test_f2_one_wrong_answer_is_forgiven(web: responses.RequestsMock) -> None:
    web.get(CONFIG_URL, body=b"damaged", auto_calculate_content_length=True)
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


def test_w_e4_a_get_tells_why_a_head_is_denied(web: responses.RequestsMock) -> None:
    web.head(LAYER_URL, status=403)
    web.get(
        LAYER_URL, status=403, json={"errors": [{"code": "DENIED", "message": "not on Sundays"}]}
    )
    with pytest.raises(DeniedError, match="not on Sundays"):
        blobs().stat(LAYER_DIGEST)


def test_w_e4_a_get_may_be_answered_where_a_head_is_not(web: responses.RequestsMock) -> None:
    web.head(LAYER_URL, status=405)
    told = {"Content-Range": f"bytes 0-0/{len(LAYER)}"}
    web.get(LAYER_URL, status=206, body=LAYER[:1], headers=told)
    assert blobs().stat(LAYER_DIGEST).size == len(LAYER)


PART = range(3, 6)


def part_of(blobs: Blobs, size: int = 7) -> bytes | None:
    return blobs.read_range(Descriptor("", LAYER_DIGEST, size), PART)


def test_a_range_of_a_blob_is_read_by_one_request(web: responses.RequestsMock) -> None:
    web.get(LAYER_URL, b"abc", status=206, headers={"Content-Range": "bytes 3-5/7"})
    assert part_of(blobs()) == b"abc"
    web.get(LAYER_URL, b"abc", status=206, headers={"Content-Range": "bytes 3-5/*"})
    assert part_of(blobs()) == b"abc"
    assert [call.request.headers["Range"] for call in web.calls] == ["bytes=3-5"] * 2


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"abcdefg", {}),
        (200, b"abc", {}),
        (206, b"abcd", {"Content-Range": "bytes 3-6/7"}),
        (206, b"abc", {"Content-Range": "bytes 2-4/7"}),
        (206, b"ab", {"Content-Range": "bytes 3-5/7"}),
        (206, b"abc", {}),
        (206, b"abc", {"Content-Range": "bytes 3-5/7", "Content-Encoding": "identity"}),
        (416, b"", {"Content-Range": "bytes */7"}),
        (416, b"", {}),
    ],
)
def test_what_is_not_the_range_that_was_asked_for_is_none(
    web: responses.RequestsMock, status: int, body: bytes, headers: dict[str, str]
) -> None:
    web.get(LAYER_URL, body, status=status, headers=headers)
    assert part_of(blobs()) is None
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("status", "body", "told"), [(206, b"abc", "bytes 3-5/9"), (416, b"", "bytes */2")]
)
def test_a_range_of_a_blob_of_another_size_is_an_error(
    web: responses.RequestsMock, status: int, body: bytes, told: str
) -> None:
    web.get(LAYER_URL, body, status=status, headers={"Content-Range": told})
    with pytest.raises(SizeMismatchError, match=f"has {told[-1]} bytes, where 7 were promised"):
        part_of(blobs())


def test_a_range_of_a_blob_that_is_not_there_is_told(web: responses.RequestsMock) -> None:
    web.get(LAYER_URL, status=404)
    with pytest.raises(BlobUnknownError, match=re.escape(LAYER_DIGEST)):
        part_of(blobs())


@pytest.mark.parametrize("head", [b"Content-Length: 40000000000", b"Transfer-Encoding: chunked"])
def test_a_whole_blob_that_comes_instead_of_a_range_is_not_read(head: bytes) -> None:
    sent, most = [0], 40_000_000

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        piece = bytes(10_000)
        while sent[0] < most:
            connection.sendall(piece if b"Length" in head else b"2710\r\n" + piece + b"\r\n")
            sent[0] += len(piece)

    with raw_server(send) as served:
        found = registry(served.url).repository("team/app").blobs
        assert part_of(found, 40_000_000_000) is None
    assert len(served.requests) == 1
    assert sent[0] < most, "the connection was closed"
