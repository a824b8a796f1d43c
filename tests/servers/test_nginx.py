"""nginx before a registry: TLS that ends there, a prefix, and what becomes of Locations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.contract.wire import OCTETS, Registry, digest_of
from tests.servers import Authority, docker_registry, front, storage

pytestmark = pytest.mark.registry
RAW = b"0123456789" * 50_000


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[str]:
    with docker_registry(tmp_path / "registry") as url:
        yield url


def started(session: requests.Session, url: str) -> str:
    answer = session.post(f"{url}v2/app/blobs/uploads/")
    assert answer.status_code == 202
    return answer.headers["Location"]


@pytest.mark.parametrize(("forwarded", "scheme"), [(False, "http"), (True, "https")])
def test_locations_lose_tls_unless_the_registry_is_told(
    tmp_path: Path, session: requests.Session, upstream: str, forwarded: bool, scheme: str
) -> None:
    authority = Authority(tmp_path / "authority")
    session.verify = str(authority.bundle)
    with front(tmp_path / "front", upstream, tls=authority.server(), forwarded=forwarded) as url:
        assert url.startswith("https://")
        location = urlsplit(started(session, url))
        assert (location.scheme, location.netloc) == (scheme, urlsplit(url).netloc)
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{url}v2/", verify=True)


def test_bytes_pass_both_ways(tmp_path: Path, session: requests.Session, upstream: str) -> None:
    with front(tmp_path / "front", upstream) as url:
        location, headers = started(session, url), {"Content-Type": OCTETS}
        answer = session.patch(location, data=iter([RAW]), headers=headers)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{len(RAW) - 1}")
        digest = digest_of(RAW)
        done = session.put(answer.headers["Location"], params={"digest": digest})
        assert done.status_code == 201
        blob = f"{url}v2/app/blobs/{digest}"
        assert session.get(blob).content == RAW
        part = session.get(blob, headers={"Range": "bytes=499990-"})
        assert (part.status_code, part.content) == (206, RAW[-10:])
        assert session.delete(blob).status_code == 202


def test_a_prefix_is_the_front_s_own(
    tmp_path: Path, session: requests.Session, upstream: str
) -> None:
    for name in ("a", "b"):
        wire = Registry(upstream, "docker-registry")
        with wire.session:
            wire.push_image(name, "1")
    with front(tmp_path / "front", upstream, prefix="/hub/docker/") as url:
        assert urlsplit(url).path == "/hub/docker/"
        assert session.get(url.replace("/hub/docker/", "/v2/")).status_code == 404
        page = session.get(f"{url}v2/_catalog", params={"n": 1})
        assert page.json() == {"repositories": ["a"]}
        assert page.headers["Link"].startswith("</v2/_catalog?")
        assert urlsplit(started(session, url)).path.startswith("/v2/app/")


@pytest.mark.parametrize(
    ("location", "begin"),
    [
        ("$path", "/v2/app/"),
        ("//$http_host$path", "//{host}/v2/app/"),
        ("$http_host$path", "{host}/v2/app/"),
        ("$scheme://$http_host/hub$path", "http://{host}/hub/v2/app/"),
        ("https://elsewhere.example$path", "https://elsewhere.example/v2/app/"),
    ],
)
def test_locations_may_be_odd(
    tmp_path: Path, session: requests.Session, upstream: str, location: str, begin: str
) -> None:
    with front(tmp_path / "front", upstream, prefix="/hub/", location=location) as url:
        found = started(session, url)
        assert found.startswith(begin.format(host=urlsplit(url).netloc) + "blobs/uploads/")
        assert "?_state=" in found


def test_a_rewritten_prefix_leads_back(
    tmp_path: Path, session: requests.Session, upstream: str
) -> None:
    location = "$scheme://$http_host/hub$path"
    with front(tmp_path / "front", upstream, prefix="/hub/", location=location) as url:
        done = session.put(started(session, url), params={"digest": digest_of(RAW)}, data=RAW)
        assert done.status_code == 201
        assert session.get(done.headers["Location"]).content == RAW


def test_blobs_are_signed_and_elsewhere(tmp_path: Path, session: requests.Session) -> None:
    stored = tmp_path / "registry"
    with (
        storage(tmp_path / "storage", stored, signature="s3cret") as elsewhere,
        docker_registry(stored, blobs_at=elsewhere) as upstream,
        front(tmp_path / "front", upstream, signature="s3cret") as url,
    ):
        wire = Registry(url, "docker-registry", session)
        layer = wire.push_image("app", "1").layers[0]
        path = f"v2/app/blobs/{digest_of(layer)}"
        location = wire.ask("GET", path).headers["Location"]
        assert location.startswith(elsewhere)
        assert session.get(location).content == layer
        unsigned = wire.ask("GET", upstream + path).headers["Location"]
        for wrong in (unsigned, f"{unsigned}?signature=other"):
            assert session.get(wrong).status_code == 403
