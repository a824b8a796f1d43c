from __future__ import annotations

import gzip
import re

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
