from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.responses import failure, read_json, recast
from regnb.core.wire.headers import Headers
from regnb.core.wire.incoming import Answer
from regnb.core.wire.outgoing import Method
from regnb.errors import (
    AuthenticationRequiredError,
    BlobUnknownError,
    DeletionDisabledError,
    DeniedError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestUnknownError,
    NotARegistryError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    RepositoryUnknownError,
    RequestTooLargeError,
    UntagUnsupportedError,
    UploadInvalidError,
    UploadUnknownError,
)

TAG = ManifestUnknownError
WRITES: tuple[Method, ...] = ("POST", "PUT", "PATCH")


def answer(
    status: int,
    body: bytes = b"",
    *,
    method: Method = "GET",
    authorised: bool = False,
    wait: float | None = None,
    **headers: str,
) -> Answer:
    return Answer(
        method,
        "https://robot:hunter2@h.example/v2/a/b?X-Sig=hunter2&n=1",
        status,
        Headers((name.replace("_", "-"), value) for name, value in headers.items()),
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
        (413, RequestTooLargeError),
        (416, RegistryError),
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


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_e1_a_success_is_2xx(status: int) -> None:
    assert answer(status).ok
    assert not answer(status + 100).ok


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, AuthenticationRequiredError, "does not say how to log in"),
        (403, DeniedError, "ask the registry's owner"),
        (429, RateLimitedError, "Wait before asking again"),
        (400, RegistryError, "does not take this request"),
    ],
)
def test_e5_an_empty_body_leaves_the_status_to_speak(
    status: int, kind: type[RegistryError], said: str
) -> None:
    raised = failure(answer(status), unknown=TAG)
    assert (type(raised), raised.code, raised.detail) == (kind, None, None)
    assert f"was answered {status}. " in str(raised)
    assert said in str(raised)


def test_e3_w_e2_a_5xx_is_read_like_any_other_error() -> None:
    raised = failure(answer(501, error("UNSUPPORTED"), X_Amzn_Requestid="r1"), unknown=TAG)
    assert type(raised) is RegistryUnavailableError
    assert (raised.code, raised.request_id) == ("UNSUPPORTED", "r1")


@pytest.mark.parametrize("content_type", ["", "text/html; =", "application/json", "nonsense"])
def test_e7_the_type_of_an_error_body_is_not_asked(content_type: str) -> None:
    raised = failure(answer(400, error("X"), Content_Type=content_type), unknown=TAG)
    assert raised.code == "X"


def test_e8_details_that_are_text_are_the_message() -> None:
    body = b'{"details": "requesting higher privileges than access token allows"}'
    raised = failure(answer(401, body), unknown=TAG)
    assert type(raised) is AuthenticationRequiredError
    assert "requesting higher privileges" in str(raised)


def test_e10_a_body_that_is_no_json_is_told_as_it_is() -> None:
    raised = failure(answer(404, b'{"errors": ['), unknown=TAG)
    assert type(raised) is ManifestUnknownError
    assert 'was answered 404 ({"errors": [). ' in str(raised)


def test_e11_several_errors_are_one_sentence() -> None:
    body = b'{"errors": [{"code": "A", "message": "x"}, {"code": "B", "message": "y"}]}'
    assert "was answered 400 (A: x; B: y). " in str(failure(answer(400, body), unknown=TAG))


def test_w_e1_what_is_shown_of_a_body_is_short_and_printable() -> None:
    raised = failure(answer(400, b"\x1b]0;x\x07" + b"a" * 60_000), unknown=TAG)
    assert str(raised).isprintable()
    assert len(str(raised)) < 1300


@given(
    status=st.integers(300, 599),
    method=st.sampled_from(["GET", "PUT", "DELETE"]),
    body=st.binary(max_size=120) | st.sampled_from([error("DIGEST_INVALID"), error("UNSUPPORTED")]),
    challenge=st.text('Bearer =",errorinsufficient_scope', max_size=60),
)
def test_b_e7_every_answer_makes_an_error(
    status: int, method: Method, body: bytes, challenge: str
) -> None:
    given_back = answer(status, body, method=method, WWW_Authenticate=challenge)
    raised = failure(given_back, unknown=TAG)
    assert isinstance(raised, RegistryError)
    assert str(raised).isprintable()
    assert "hunter2" not in str(raised)
    assert str(pickle.loads(pickle.dumps(raised))) == str(raised)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UNKNOWN", ManifestUnknownError),
        ("NOT_FOUND", ManifestUnknownError),
        ("MANIFEST_UNKNOWN", ManifestUnknownError),
        ("BLOB_UPLOAD_INVALID", ManifestUnknownError),
        ("NAME_UNKNOWN", RepositoryUnknownError),
        ("BLOB_UPLOAD_UNKNOWN", UploadUnknownError),
        ("MANIFEST_BLOB_UNKNOWN", ManifestBlobUnknownError),
    ],
)
def test_w_e3_a_404_is_told_apart_by_endpoint_and_then_by_code(
    code: str, kind: type[RegistryError]
) -> None:
    raised = failure(answer(404, error(code)), unknown=ManifestUnknownError)
    assert type(raised) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MANIFEST_INVALID", ManifestInvalidError),
        ("MANIFEST_UNVERIFIED", ManifestInvalidError),
        ("TAG_INVALID", ManifestInvalidError),
        ("MANIFEST_BLOB_UNKNOWN", ManifestBlobUnknownError),
        ("BLOB_UPLOAD_INVALID", UploadInvalidError),
        ("RANGE_INVALID", UploadInvalidError),
        ("SIZE_INVALID", UploadInvalidError),
        ("DIGEST_INVALID", UploadInvalidError),
        ("NAME_INVALID", RegistryError),
        ("UNKNOWN", RegistryError),
    ],
)
def test_b_e5_what_was_sent_is_refused_by_code(code: str, kind: type[RegistryError]) -> None:
    for method in WRITES:
        raised = failure(answer(400, error(code), method=method), unknown=BlobUnknownError)
        assert (type(raised), raised.code) == (kind, code)
    read = failure(answer(400, error(code)), unknown=BlobUnknownError)
    assert (type(read), read.code) == (RegistryError, code)


def test_b_e5_a_range_is_refused_with_or_without_a_code() -> None:
    refused = failure(answer(416, method="PATCH"), unknown=UploadUnknownError)
    assert type(refused) is UploadInvalidError


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (413, b"<html>413 Request Entity Too Large</html>"),
        (
            400,  # docker-registry 2.8.2 and 3.1.1
            b'{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid",'
            b'"detail":"http: request body too large"}]}',
        ),
    ],
)
def test_w_m10_what_is_too_large_is_told_so(status: int, body: bytes) -> None:
    raised = failure(answer(status, body, method="PUT"), unknown=ManifestUnknownError)
    assert type(raised) is RequestTooLargeError
    assert isinstance(raised, ValueError)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (405, "UNSUPPORTED", DeletionDisabledError),
        (405, "", DeletionDisabledError),
        (400, "UNSUPPORTED", DeletionDisabledError),
        (400, "DIGEST_INVALID", RegistryError),
        (403, "DENIED", DeniedError),
        (404, "BLOB_UNKNOWN", BlobUnknownError),
    ],
)
def test_w_m10_a_registry_that_does_not_delete_is_told(
    status: int, code: str, kind: type[RegistryError]
) -> None:
    raised = failure(answer(status, error(code), method="DELETE"), unknown=BlobUnknownError)
    assert type(raised) is kind


def test_e4_a_token_without_the_scope_means_denied() -> None:
    challenge = 'Bearer realm="https://a.example",error="insufficient_scope"'
    said = f'{challenge},error_description="robots only\x1b"'
    raised = failure(answer(401, error("UNAUTHORIZED"), WWW_Authenticate=said), unknown=TAG)
    assert type(raised) is DeniedError
    assert (raised.status, raised.code) == (401, "UNAUTHORIZED")
    assert "answered 401 (robots only; UNAUTHORIZED: told). " in str(raised)
    silent = failure(answer(401, WWW_Authenticate=challenge), unknown=TAG)
    assert type(silent) is DeniedError
    assert "answered 401. " in str(silent)


def test_e4_an_invalid_token_means_unauthorised() -> None:
    said = 'Bearer realm="https://a.example",error="invalid_token"'
    raised = failure(answer(401, WWW_Authenticate=said), unknown=TAG)
    assert type(raised) is AuthenticationRequiredError


def test_an_error_recast_keeps_its_facts() -> None:
    first = failure(answer(400, error("X"), wait=2.0, X_Request_Id="id"), unknown=TAG)
    again = recast(first, UntagUnsupportedError, "No tags.")
    assert type(again) is UntagUnsupportedError
    assert str(again) == f"No tags. {first}"
    assert vars(again) == vars(first)


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
        ("Basic realm=x", True, "refused the credentials"),
        ('Bearer realm="https://a.example"', False, "docker login h.example"),
        ('Bearer realm="https://a.example"', True, "refused the credentials"),
        ('Bearer error="insufficient_scope"', False, "docker login h.example"),
        ('Bearer error="insufficient_scope"', True, "ask the registry's owner for access"),
        ("Negotiate", False, "no way to log in that regnb knows"),
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
