"""B4: a blob as the body of a WSGI response, through a real server and a real client."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest
import requests
import responses

from regnb.core.blobs import Blobs
from regnb.core.registry import Registry
from regnb.model.digest import Digest
from regnb.sample import serve
from tests.core.fakes import API, registry
from tests.core.samples import LAYER, LAYER_DIGEST

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGE = bytes(range(256)) * 8192
LARGE_DIGEST = Digest.of(LARGE)
BLOB = f"{API}team/app/blobs/{LAYER_DIGEST}"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def application(blobs: Blobs, digest: Digest) -> Iterator[str]:
    """Serve one blob over HTTP; yields the URL."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return blobs.serve(digest, environ, start_response)

    server = make_server("127.0.0.1", 0, validator(app), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def blobs() -> Iterator[Blobs]:
    with serve(fill=None) as served, Registry(served.url) as client:
        served.storage.put_blob("team/app", LARGE, digest=Digest.of(LARGE))
        served.storage.put_blob("team/app", b"", digest=Digest.of(b""))
        yield client.repository("team/app").blobs


def ask(url: str, method: str = "GET", **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, headers=headers, timeout=10)


@pytest.mark.parametrize("content", [LARGE, b""])
def test_b4_a_blob_is_served_with_its_headers(blobs: Blobs, content: bytes) -> None:
    digest = Digest.of(content)
    with application(blobs, digest) as url:
        answer, head = ask(url), ask(url, "HEAD")
    assert answer.content == content
    assert head.content == b""
    for one in (answer, head):
        assert one.status_code == 200
        assert one.headers["Content-Length"] == str(len(content))
        assert one.headers["Content-Type"] == "application/octet-stream"
        assert one.headers["Docker-Content-Digest"] == digest
        assert one.headers["ETag"] == f'"{digest}"'


@pytest.mark.parametrize(
    ("etag", "status"),
    [
        (f'"{Digest.of(LARGE)}"', 304),
        (f'"x", W/"{Digest.of(LARGE)}"', 304),
        ("*", 304),
        ('"x"', 200),
    ],
)
def test_b4_a_client_that_has_the_blob_is_told_so(blobs: Blobs, etag: str, status: int) -> None:
    with application(blobs, Digest.of(LARGE)) as url:
        answer = ask(url, **{"If-None-Match": etag})
    assert answer.status_code == status
    assert answer.content == (LARGE if status == 200 else b"")
    assert answer.headers["ETag"] == f'"{Digest.of(LARGE)}"'


def test_b4_what_is_not_there_is_404_and_other_methods_are_refused(blobs: Blobs) -> None:
    with application(blobs, Digest.of(b"missing")) as url:
        answer, posted = ask(url), ask(url, "POST")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "BLOB_UNKNOWN"
    assert (posted.status_code, posted.headers["Allow"]) == (405, "GET, HEAD")


def collected(blobs: Blobs, method: str = "GET") -> tuple[list[str], list[bytes], Exception | None]:
    """What a WSGI server would see: the status, the pieces, and how they ended."""
    status: list[str] = []
    environ = {"REQUEST_METHOD": method}
    body = blobs.serve(LAYER_DIGEST, environ, lambda line, _: status.append(line))  # type: ignore[arg-type]  # nobody writes
    pieces: list[bytes] = []
    try:
        pieces += body
    except Exception as error:
        return status, pieces, error
    finally:
        if hasattr(body, "close"):
            body.close()
    return status, pieces, None


def described(web: responses.RequestsMock, size: int = len(LAYER)) -> None:
    web.head(BLOB, headers={"Content-Length": str(size)})


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_b4_a_registry_in_trouble_is_502_and_its_words_stay_here(
    web: responses.RequestsMock, status: int
) -> None:
    web.head(BLOB, status=status)
    if status == 403:
        web.get(BLOB, status=status, body="no, and here is why")
    lines, pieces, error = collected(registry().repository("team/app").blobs)
    assert (lines, error) == (["502 Bad Gateway"], None)
    assert b"registry.example" not in b"".join(pieces)


def test_b4_a_blob_that_turns_out_wrong_never_looks_whole(web: responses.RequestsMock) -> None:
    described(web)
    web.get(BLOB, body=LAYER[:-1] + b"!")
    _, pieces, error = collected(registry().repository("team/app").blobs)
    assert error is not None or len(b"".join(pieces)) < len(LAYER)


def test_b4_a_blob_of_another_size_ends_in_an_error(web: responses.RequestsMock) -> None:
    for size in (len(LAYER) - 1, len(LAYER) + 1):
        described(web, size)
        web.get(BLOB, body=LAYER)
        _, pieces, error = collected(registry().repository("team/app").blobs)
        assert error is not None
        assert len(b"".join(pieces)) != size
