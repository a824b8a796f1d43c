"""The session of an upload: what is asked, what is sent along, what is understood."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.uploads import Upload, chunk_minimum, next_offset, with_digest
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.limits import GIB
from regnb.errors import (
    DeniedError,
    ProtocolError,
    RepositoryUnknownError,
    UnsafeRedirectError,
    UploadInvalidError,
    UploadUnknownError,
)
from regnb.model.digest import Digest
from tests.core.fakes import URL, raw_server, registry, reply
from tests.core.scripted import (
    BLOBS,
    DROPPED,
    FIRST,
    RESET,
    UPLOADS,
    Step,
    begun,
    forgotten,
    script,
    stands,
    taken,
)

DATA = b"some bytes"
DIGEST = Digest.of(DATA)


def upload(url: str = URL, *, algorithm: str = "sha256", insecure: bool = False) -> Upload:
    client = registry(url, insecure=insecure)
    blobs = f"{client.address.api}team/app/blobs/"
    return Upload(client.transport, blobs, repository="team/app", algorithm=algorithm)


def test_p2_a_session_begins_with_a_post(web: responses.RequestsMock) -> None:
    played = script(web, begun())
    session = upload()
    session.begin()
    assert (played.methods, played.asked[0].url) == ("POST", UPLOADS)
    assert (session.location, session.offset) == (URL + FIRST, 0)


def test_w_p7_a_session_needs_a_location_and_no_identity(web: responses.RequestsMock) -> None:
    script(web, ("POST", (202, {"Docker-Upload-UUID": "a"})))
    with pytest.raises(ProtocolError, match="where the upload goes on"):
        upload().begin()


@pytest.mark.parametrize("status", [200, 201, 204, 307])
def test_w_p6_another_success_is_no_session(web: responses.RequestsMock, status: int) -> None:
    script(web, ("POST", (status, {"Location": ""})))
    with pytest.raises(ProtocolError) as caught:
        upload().begin()
    assert caught.value.status == status


def test_w_p6_a_201_leads_to_no_session_even_with_a_location(web: responses.RequestsMock) -> None:
    script(web, ("POST", (201, {"Location": FIRST})))
    with pytest.raises(ProtocolError, match="201"):
        upload().begin()


def test_f1_a_session_is_begun_three_times_at_most(web: responses.RequestsMock) -> None:
    played = script(web, *[("POST", (503, {}))] * 3)
    with pytest.raises(Exception, match="503"):
        upload().begin()
    assert played.methods == "POST POST POST"


def test_e_a_repository_that_is_not_there_is_told(web: responses.RequestsMock) -> None:
    unknown = '{"errors": [{"code": "NAME_UNKNOWN"}]}'
    script(web, ("POST", (404, {}, unknown)), ("POST", (403, {})))
    with pytest.raises(RepositoryUnknownError):
        upload().begin()
    with pytest.raises(DeniedError):
        upload().begin()


@pytest.mark.parametrize(
    ("location", "goes_on"),
    [
        ("a?_state=x%2By", f"{UPLOADS}a?_state=x%2By"),
        ("/v2/other/place?q=1", f"{URL}/v2/other/place?q=1"),
        ("https://storage.example/x?sig=a", "https://storage.example/x?sig=a"),
        ("http://registry.example/v2/x", f"{URL}/v2/x"),
        ("//registry.example/v2/x", f"{URL}/v2/x"),
        ("registry.example/v2/x", f"{URL}/v2/x"),
    ],
)
def test_p3_a_location_is_resolved_against_the_request(
    web: responses.RequestsMock, location: str, goes_on: str
) -> None:
    script(web, begun(location))
    session = upload()
    session.begin()
    assert session.location == goes_on


@pytest.mark.parametrize(
    "location",
    [
        "http://storage.example/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://robot@storage.example/x",
        "ftp://registry.example/x",
    ],
)
def test_s6_no_byte_goes_where_it_must_not(web: responses.RequestsMock, location: str) -> None:
    played = script(web, begun(location))
    with pytest.raises(UnsafeRedirectError):
        upload().begin()
    assert played.methods == "POST"


def test_s3_credentials_do_not_follow_a_location_abroad(web: responses.RequestsMock) -> None:
    played = script(
        web,
        ("POST", (401, {"WWW-Authenticate": 'Basic realm="x"'})),
        begun("https://storage.example/a?sig=b"),
        ("PATCH", (202, {"Range": "0-9"})),
        ("GET", (204, {"Range": "0-9"})),
        DROPPED,
    )
    client = registry(password="hunter2")
    session = Upload(client.transport, BLOBS, repository="team/app", algorithm="sha256")
    session.begin()
    session.append([DATA], len(DATA))
    session.ask()
    session.cancel()
    assert "authorization" in played.asked[1].headers
    for asked in played.asked[2:]:
        assert asked.url.startswith("https://storage.example/a?sig=b")
        assert "authorization" not in asked.headers
    assert played.asked[2].body == DATA
    assert played.asked[2].headers["content-type"] == "application/octet-stream"


def test_p7_a_chunk_says_where_it_belongs(web: responses.RequestsMock) -> None:
    played = script(web, begun(), taken(10), taken(20))
    session = upload()
    session.begin()
    assert session.append([DATA[:4], DATA[4:]], 10).status == 202
    session.offset = 10
    session.append([DATA], 20)
    first, second = played.only("PATCH")
    assert first.headers["content-range"] == "0-9"
    assert first.headers["content-length"] == "10"
    assert first.headers["content-type"] == "application/octet-stream"
    assert first.body == DATA
    assert second.headers["content-range"] == "10-19"


def test_p10_w_p8_the_digest_comes_after_a_query_that_is_not_touched(
    web: responses.RequestsMock,
) -> None:
    signed = f"{FIRST}?z=%7E&_state=b%2Ba%3D%3D&a"
    played = script(web, begun(signed), ("PUT", (201, {})))
    session = upload()
    session.begin()
    session.finish(DIGEST, [], 0)
    put = played.asked[1]
    assert put.path == f"{signed}&digest={DIGEST}"
    assert put.headers["content-length"] == "0"
    assert "content-range" not in put.headers


@pytest.mark.parametrize(
    ("location", "joint"), [("https://x/y", "?"), ("https://x/y?", ""), ("https://x/y?a&", "")]
)
def test_w_p8_the_digest_is_appended(location: str, joint: str) -> None:
    assert with_digest(location, DIGEST) == f"{location}{joint}digest={DIGEST}"


def test_w_p8_a_plus_in_a_digest_is_no_space() -> None:
    digest = Digest("multihash+base58:" + "Q" * 46)
    assert with_digest("https://x/y", digest).endswith("?digest=multihash%2Bbase58:" + "Q" * 46)


@pytest.mark.parametrize(
    ("header", "expected", "offset"),
    [
        ("0-255", 256, 256),
        ("bytes=0-255", 256, 256),
        ("bytes 0-255", 256, 256),
        ("256-511", 512, 512),
        ("0-0", 0, 0),
        ("0-0", 1, 1),
        ("0-0", 500, 0),
        ("bytes=0-0", 1, 1),
        ("0--1", 0, None),
        ("5-4", 0, None),
        ("", 0, None),
        ("0-9\n", 0, None),
        ("bytes=0-", 0, None),
        ("0-" + "9" * 30, 0, None),
        ("0-\u0661", 0, None),
    ],
)
def test_w_p1_w_p4_w_p5_a_range_says_where_to_go_on(
    header: str, expected: int, offset: int | None
) -> None:
    assert next_offset(header, expected=expected) == offset


@given(st.text() | st.from_regex(r"(bytes[= ])?[0-9]*-[0-9]*"), st.integers(0, 2))
def test_w_p5_no_range_breaks_the_reader(header: str, expected: int) -> None:
    offset = next_offset(header, expected=expected)
    assert offset is None or 0 <= offset <= 10**18


@pytest.mark.parametrize(
    ("header", "size"),
    [("5242880", 5242880), ("9" * 18, GIB), ("", 0), ("-1", 0), ("1e3", 0), ("9" * 40, 0)],
)
def test_b_p12_the_registry_may_want_large_chunks(header: str, size: int) -> None:
    assert chunk_minimum(header) == size


def test_b_p12_the_minimum_is_learnt_with_the_session(web: responses.RequestsMock) -> None:
    script(web, begun(**{"OCI-Chunk-Min-Length": "512"}))
    session = upload()
    session.begin()
    assert session.chunk_minimum == 512


def test_w_p2_the_session_is_asked_at_its_whole_location(web: responses.RequestsMock) -> None:
    played = script(web, begun(f"{FIRST}?_state=a%2Bb"), stands(400, f"{FIRST}?_state=c"))
    session = upload()
    session.begin()
    session.ask()
    assert played.asked[1].path == f"{FIRST}?_state=a%2Bb"
    assert (session.offset, session.location) == (400, f"{URL}{FIRST}?_state=c")


def test_w_p2_a_session_that_does_not_say_how_far_it_is(web: responses.RequestsMock) -> None:
    script(web, begun(), ("GET", (204, {})))
    session = upload()
    session.begin()
    with pytest.raises(ProtocolError, match="how much of the upload"):
        session.ask()


@pytest.mark.parametrize("code", ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "OTHER"])
def test_p9_a_session_that_is_gone_is_told(web: responses.RequestsMock, code: str) -> None:
    body = f'{{"errors": [{{"code": "{code}"}}]}}'
    script(web, begun(), ("GET", (404, {}, body)))
    session = upload()
    session.begin()
    with pytest.raises(UploadUnknownError) as caught:
        session.ask()
    assert caught.value.code == code


def test_p11_cancelling_asks_the_registry_to_forget(web: responses.RequestsMock) -> None:
    played = script(web, begun(), DROPPED)
    session = upload()
    session.begin()
    session.cancel()
    assert (played.methods, played.asked[1].path) == ("POST DELETE", FIRST)


@pytest.mark.parametrize(
    "step",
    [
        forgotten("DELETE"),
        ("DELETE", (500, {})),
        ("DELETE", RESET),
        ("DELETE", (401, {"WWW-Authenticate": "Basic realm=x"})),
    ],
)
def test_w_p10_a_failing_cancellation_is_not_told(
    web: responses.RequestsMock, step: object
) -> None:
    played = script(web, begun(), step)  # type: ignore[arg-type]
    session = upload()
    session.begin()
    session.cancel()
    assert played.methods == "POST DELETE"


def test_b_a11_cancelling_asks_for_leave_to_delete(web: responses.RequestsMock) -> None:
    token: Step = ("GET", (200, {}, '{"token": "t"}'))
    challenge = {"WWW-Authenticate": f'Bearer realm="{URL}/token"'}
    played = script(web, ("POST", (401, challenge)), token, begun(), token, DROPPED)
    session = upload()
    session.begin()
    session.cancel()
    asked = [unquote(get.url) for get in played.only("GET")]
    assert [url.partition("scope=")[2].partition("&")[0] for url in asked] == [
        "repository:team/app:pull,push",
        "repository:team/app:delete,pull,push",
    ]
    assert played.asked[-1].headers["authorization"] == "Bearer t"


def test_p11_what_never_began_is_not_cancelled(web: responses.RequestsMock) -> None:
    played = script(web)
    upload().cancel()
    assert not played.asked


def test_p4_a_mount_needs_no_bytes(web: responses.RequestsMock) -> None:
    played = script(web, ("POST", (201, {"Location": f"/v2/team/app/blobs/{DIGEST}"})))
    assert upload().mount(DIGEST, "other/repo") is True
    encoded = DIGEST.replace(":", "%3A")
    assert played.asked[0].url == f"{UPLOADS}?mount={encoded}&from=other%2Frepo"


def test_b_p16_a_mount_that_is_a_session_is_used(web: responses.RequestsMock) -> None:
    played = script(web, begun())
    session = upload()
    assert session.mount(DIGEST, "other") is False
    assert (played.methods, session.location) == ("POST", URL + FIRST)


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_b_p16_a_refused_mount_becomes_an_upload(web: responses.RequestsMock, status: int) -> None:
    refused = ("POST", (status, {"WWW-Authenticate": "Basic realm=x"}))
    played = script(web, refused, begun())
    session = upload()
    assert session.mount(DIGEST, "other") is False
    assert (played.asked[1].url, session.location) == (UPLOADS, URL + FIRST)


@pytest.mark.parametrize("status", [401, 403])
def test_b_p16_a_token_refused_for_both_repositories_becomes_an_upload(
    web: responses.RequestsMock, status: int
) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{URL}/token"'}
    played = script(
        web,
        ("POST", (401, challenge)),
        ("GET", (status, {})),
        ("GET", (200, {}, '{"token": "for-one-of-them"}')),
        begun(),
    )
    session = upload()
    assert session.mount(DIGEST, "other") is False
    assert (played.methods, session.location) == ("POST GET GET POST", URL + FIRST)


@pytest.mark.parametrize("status", [400, 409])
def test_b_p16_other_trouble_with_a_mount_is_told(web: responses.RequestsMock, status: int) -> None:
    script(web, ("POST", (status, {}, '{"errors": [{"code": "DIGEST_INVALID"}]}')))
    with pytest.raises(UploadInvalidError):
        upload().mount(DIGEST, "other")


def test_b_p17_another_algorithm_is_announced(web: responses.RequestsMock) -> None:
    played = script(web, begun(), begun())
    session = upload(algorithm="sha512")
    session.begin()
    session.mount(Digest.of(DATA, "sha512"), "other")
    assert played.asked[0].url == f"{UPLOADS}?digest-algorithm=sha512"
    assert played.asked[1].url.endswith("&from=other&digest-algorithm=sha512")


def test_p_a_cut_request_is_the_callers_to_repair(web: responses.RequestsMock) -> None:
    script(web, begun(), ("PATCH", RESET))
    session = upload()
    session.begin()
    with pytest.raises(Interrupted):
        session.append([DATA], 10)


def test_w_p9_an_empty_blob_has_a_length_on_the_wire() -> None:
    created = reply(b"", "Location: /there", status="201 Created")
    with raw_server(reply(b"", f"Location: {FIRST}", status="202 Accepted"), created) as server:
        session = upload(server.url, insecure=True)
        session.begin()
        session.finish(Digest.of(b""), [], 0)
        session.transport.close()
    post, put = server.requests
    assert b"Content-Length: 0\r\n" in post
    assert b"Content-Length: 0\r\n" in put
    assert b"Transfer-Encoding" not in post + put
    assert put.startswith(f"PUT {FIRST}?digest={Digest.of(b'')} HTTP/1.1\r\n".encode())
