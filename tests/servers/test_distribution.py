"""The distribution registry, and what it asks of its clients."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.contract.wire import ABSENT, Registry, codes, digest_of
from tests.servers import Authority, Certificate, docker_registry, self_signed, storage

pytestmark = pytest.mark.registry
ALICE = ("alice", "s:é cret".encode())


def test_it_stores_below_its_root(tmp_path: Path) -> None:
    with docker_registry(tmp_path) as url:
        wire = Registry(url, "docker-registry")
        with wire.session:
            wire.push_image("app", "1")
        assert (tmp_path / "docker/registry/v2/repositories/app").is_dir()


@pytest.mark.parametrize("kind", ["blobs", "manifests"])
@pytest.mark.parametrize(("delete", "status"), [(True, 202), (False, 405)])
def test_it_refuses_deletions_on_demand(
    tmp_path: Path, kind: str, delete: bool, status: int
) -> None:
    with docker_registry(tmp_path, delete=delete) as url:
        wire = Registry(url, "docker-registry")
        with wire.session:
            image = wire.push_image("app", "1")
            digest = image.digest if kind == "manifests" else digest_of(image.layers[0])
            answer = wire.ask("DELETE", f"v2/app/{kind}/{digest}")
            assert answer.status_code == status
            left = 404 if delete else 200
            assert wire.ask("GET", f"v2/app/{kind}/{digest}").status_code == left


def test_without_deletions_even_a_tag_is_405(tmp_path: Path) -> None:
    with docker_registry(tmp_path, delete=False) as url:
        wire = Registry(url, "docker-registry")
        with wire.session:
            wire.push_image("app", "1")
            answer = wire.ask("DELETE", "v2/app/manifests/1")
            assert (answer.status_code, codes(answer)) == (405, ["UNSUPPORTED"])
            assert wire.follow("DELETE", wire.start("app")).status_code == 204


@pytest.mark.parametrize(
    ("login", "status"),
    [(None, 401), (("alice", "wrong"), 401), (("mallory", "x"), 401), (ALICE, 200)],
)
def test_htpasswd_asks_for_basic(
    tmp_path: Path,
    session: requests.Session,
    login: Any,
    status: int,
) -> None:
    with docker_registry(tmp_path, htpasswd={"alice": "s:é cret", "bob": "x"}) as url:
        for path in ("v2/", "v2/_catalog"):
            answer = session.get(f"{url}{path}", auth=login)
            assert answer.status_code == status
            challenge = answer.headers.get("WWW-Authenticate")
            assert challenge == (None if status == 200 else 'Basic realm="registry of the tests"')


def test_what_no_route_matches_is_404_before_any_password(
    tmp_path: Path, session: requests.Session
) -> None:
    with docker_registry(tmp_path, htpasswd={"alice": "x"}) as url:
        answer = session.get(f"{url}v2/app/referrers/{ABSENT}")
        assert answer.status_code == 404
        assert "WWW-Authenticate" not in answer.headers


def test_tls_is_trusted_by_the_authority_alone(
    tmp_path: Path, session: requests.Session, authority: Authority
) -> None:
    other = Authority(tmp_path / "other")
    with docker_registry(tmp_path / "registry", tls=authority.server()) as url:
        assert url.startswith("https://")
        for host in ("127.0.0.1", "localhost"):
            address = url.replace("127.0.0.1", host)
            answer = session.get(f"{address}v2/", verify=str(authority.bundle))
            assert answer.status_code == 200
        for bundle in (True, str(other.bundle)):
            with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
                session.get(f"{url}v2/", verify=bundle)
        assert session.get(url.replace("https", "http") + "v2/").status_code == 400


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("expired", "certificate has expired"),
        ("wrong_host", "IP address mismatch"),
        ("self_signed", "self-signed certificate"),
    ],
)
def test_each_broken_certificate_breaks_for_its_own_reason(
    tmp_path: Path, session: requests.Session, authority: Authority, wrong: str, reason: str
) -> None:
    certificate: Certificate = (
        self_signed(tmp_path) if wrong == "self_signed" else getattr(authority, wrong)()
    )
    with docker_registry(tmp_path / "registry", tls=certificate) as url:
        with pytest.raises(requests.exceptions.SSLError, match=reason):
            session.get(f"{url}v2/", verify=str(authority.bundle))
        where = urlsplit(url)
        assert where.port
        shown = ssl.get_server_certificate(("127.0.0.1", where.port))
        assert shown.strip() in certificate.chain.read_text()


def test_only_clients_of_the_authority_may_connect(
    tmp_path: Path, session: requests.Session, authority: Authority
) -> None:
    server = authority.server()
    session.verify = str(authority.bundle)
    stranger = Authority(tmp_path / "other").client()
    with docker_registry(tmp_path / "registry", tls=server, clients=authority.bundle) as url:
        assert session.get(f"{url}v2/", cert=authority.client().both).status_code == 200
        for certificate in (None, stranger.both):
            with pytest.raises(requests.ConnectionError):
                session.get(f"{url}v2/", cert=certificate)


@pytest.mark.parametrize(
    ("prefix", "relative", "begin"),
    [
        ("/", False, "{url}v2/"),
        ("/", True, "/v2/"),
        ("/hub/docker/", False, "{url}v2/"),
        ("/hub/docker/", True, "/v2/"),  # the prefix is lost
    ],
)
def test_locations_are_whole_urls_or_paths(
    tmp_path: Path, session: requests.Session, prefix: str, relative: bool, begin: str
) -> None:
    with docker_registry(tmp_path, prefix=prefix, relative=relative) as url:
        assert urlsplit(url).path == prefix
        answer = session.post(f"{url}v2/app/blobs/uploads/")
        assert answer.status_code == 202
        assert answer.headers["Location"].startswith(begin.format(url=url) + "app/blobs/uploads/")
        if prefix != "/":
            assert session.get(url.replace(prefix, "/v2/")).status_code == 404


def test_blobs_are_elsewhere(
    tmp_path: Path, session: requests.Session, authority: Authority
) -> None:
    stored = tmp_path / "registry"
    with (
        storage(tmp_path / "storage", stored, tls=authority.server()) as elsewhere,
        docker_registry(stored, blobs_at=elsewhere) as url,
    ):
        wire = Registry(url, "docker-registry")
        with wire.session:
            layer = wire.push_image("app", "1").layers[0]
            path = f"v2/app/blobs/{digest_of(layer)}"
            head, get = wire.ask("HEAD", path), wire.ask("GET", path)
            assert (head.status_code, get.status_code) == (307, 307)
            assert wire.ask("GET", f"v2/app/blobs/{ABSENT}").status_code == 404
        location = get.headers["Location"]
        assert location.startswith(elsewhere)
        session.verify = str(authority.bundle)
        assert session.get(location).content == layer
        part = session.get(location, headers={"Range": "bytes=3-"})
        assert (part.status_code, part.content) == (206, layer[3:])
        assert part.headers["Content-Range"] == f"bytes 3-{len(layer) - 1}/{len(layer)}"
        assert session.get(location, headers={"Authorization": "Bearer x"}).status_code == 400
