from __future__ import annotations

import pickle

import pytest
from urllib3 import HTTPHeaderDict

from regnb.core.responses import failure, read_json
from regnb.core.wire.incoming import Answer
from regnb.errors import (
    AuthenticationRequiredError,
    BlobUnknownError,
    DeniedError,
    ManifestUnknownError,
    NotARegistryError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    RepositoryUnknownError,
)


def answer(
    status: int,
    body: bytes = b"",
    *,
    authorised: bool = False,
    wait: float | None = None,
    **headers: str,
) -> Answer:
    return Answer(
        "GET",
        "https://robot:hunter2@h.example/v2/a/b?X-Sig=hunter2&n=1",
        status,
        HTTPHeaderDict({name.replace("_", "-"): value for name, value in headers.items()}),
        body,
        authorised,
        wait,
    )


def error(code: str) -> bytes:
    return b'{"errors": [{"code": "%s", "message": "told", "detail": {"x": 1}}]}' % code.encode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RegistryError),
        (401, AuthenticationRequiredError),
        (403, DeniedError),
        (404, BlobUnknownError),
        (405, RegistryError),
        (429, RateLimitedError),
        (500, RegistryUnavailableError),
        (501, RegistryUnavailableError),
        (304, ProtocolError),
        (199, ProtocolError),
        (600, ProtocolError),
    ],
)
def test_w_e2_every_status_has_its_error(status: int, kind: type[RegistryError]) -> None:
    raised = failure(answer(status, error("VENDOR")), unknown=BlobUnknownError)
    assert type(raised) is kind
    assert (raised.status, raised.code, raised.detail) == (status, "VENDOR", {"x": 1})
    assert raised.method == "GET"
    assert f"answered {status} (VENDOR: told). " in str(raised)


def test_w_e3_a_404_is_told_apart_by_endpoint_and_then_by_code() -> None:
    for code in ("UNKNOWN", "NOT_FOUND", "MANIFEST_UNKNOWN"):
        raised = failure(answer(404, error(code)), unknown=ManifestUnknownError)
        assert type(raised) is ManifestUnknownError
    raised = failure(answer(404, error("NAME_UNKNOWN")), unknown=ManifestUnknownError)
    assert type(raised) is RepositoryUnknownError


def test_w_e2_retry_after_and_request_id_are_kept() -> None:
    raised = failure(answer(429, wait=7.0, X_Request_Id="abc\x1bd"), unknown=BlobUnknownError)
    assert (raised.retry_after, raised.request_id) == (7.0, "abc d")


def test_b_e7_an_error_holds_no_secret_and_pickles() -> None:
    raised = failure(answer(500, b"<html>hunter2"), unknown=BlobUnknownError)
    assert "hunter2" not in f"{raised!r} {raised} {vars(raised)}"
    again = pickle.loads(pickle.dumps(raised))
    assert (type(again), str(again), again.url) == (type(raised), str(raised), raised.url)


@pytest.mark.parametrize(
    ("offered", "authorised", "advice"),
    [
        ("Basic realm=x", False, "pass username= and password="),
        ("Basic realm=x", True, "refused this user name or password"),
        ('Bearer realm="https://a.example"', False, "does not support yet"),
        ("", False, "does not say how to log in"),
    ],
)
def test_e4_a_401_says_how_to_log_in(offered: str, authorised: bool, advice: str) -> None:
    refused = answer(401, authorised=authorised, WWW_Authenticate=offered)
    assert advice in str(failure(refused, unknown=BlobUnknownError))


def test_s10_json_that_has_no_single_meaning_is_refused() -> None:
    assert read_json(answer(200, b'{"a": [1]}')) == {"a": [1]}
    for body in (b"", b"{", b'{"a":1,"a":2}', b"[NaN]", b"[" * 100_000, b"9" * 5000, b"\xff"):
        with pytest.raises(ProtocolError, match="cannot be read"):
            read_json(answer(200, body))


def test_w_e1_a_web_page_is_no_registry() -> None:
    with pytest.raises(NotARegistryError, match="web page") as caught:
        read_json(answer(200, b"  <!DOCTYPE html><title>hunter2</title>"))
    assert "hunter2" not in str(caught.value)
