"""The client and registries as they are run: with TLS, behind proxies, with blobs elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

import regnb
from regnb.core.registry import Registry
from regnb.errors import TLSError, UnsafeRedirectError
from regnb.model.digest import Digest
from tests.integration.conftest import noise
from tests.servers import Authority, Certificate, docker_registry, front, self_signed, storage
from tests.servers.token_server import TokenServer

pytestmark = pytest.mark.registry

CONTENT = noise("peers", 700_000)
DIGEST = Digest.of(CONTENT)
CHUNK = 100_000


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[str]:
    with docker_registry(tmp_path / "registry") as url:
        yield url


def assert_everything_works(client: Registry) -> None:
    """Write in one piece and in chunks, mount, read whole and in part, list and delete."""
    app, other = client.repository("team/app"), client.repository("team/other")
    assert app.blobs.put(io.BytesIO(CONTENT)).digest == DIGEST
    with app.blobs.create(chunk_size=CHUNK) as writer:
        writer.write(CONTENT[::-1])
        assert writer.commit().digest == Digest.of(CONTENT[::-1])
    assert other.blobs.mount(DIGEST, "team/app") is None
    assert other.blobs.stat(DIGEST).size == len(CONTENT)
    with app.blobs.open(DIGEST) as blob:
        assert blob.read() == CONTENT
        assert blob.verified
        assert blob.seek(-5, io.SEEK_END) == len(CONTENT) - 5
        assert blob.read() == CONTENT[-5:]
    assert set(client.repositories()) == {"team/app", "team/other"}
    app.blobs.delete(DIGEST)
    assert app.blobs.get(Digest.of(CONTENT[::-1])) == CONTENT[::-1]


def test_s21_a_registry_with_an_authority_of_its_own(tmp_path: Path, authority: Authority) -> None:
    with docker_registry(tmp_path / "registry", tls=authority.server()) as url:
        with Registry(url, ca=authority.bundle) as client:
            assert_everything_works(client)
        with Registry(url) as client, pytest.raises(TLSError, match="certificate of"):
            client.ping()


@pytest.mark.parametrize("wrong", ["expired", "wrong_host", "self_signed"])
def test_s21_a_certificate_that_is_wrong_is_refused(
    tmp_path: Path, authority: Authority, wrong: str
) -> None:
    made: dict[str, Certificate] = {
        "expired": authority.expired(),
        "wrong_host": authority.wrong_host(),
        "self_signed": self_signed(tmp_path),
    }
    with (
        docker_registry(tmp_path / "registry", tls=made[wrong]) as url,
        Registry(url, ca=authority.bundle) as client,
        pytest.raises(TLSError),
    ):
        client.ping()


def test_s21_a_registry_that_wants_a_certificate(tmp_path: Path, authority: Authority) -> None:
    own = authority.client()
    with docker_registry(
        tmp_path / "registry", tls=authority.server(), clients=authority.bundle
    ) as url:
        known = Registry(url, ca=authority.bundle, client_certificate=own.both)
        with known as client:
            assert_everything_works(client)
        with Registry(url, ca=authority.bundle) as client, pytest.raises(regnb.RegistryError):
            client.ping()


def test_p3_locations_that_lost_tls_on_the_way_are_mended(
    tmp_path: Path, authority: Authority, upstream: str
) -> None:
    with (
        front(tmp_path / "front", upstream, tls=authority.server()) as url,
        Registry(url, ca=authority.bundle) as client,
    ):
        assert_everything_works(client)


@pytest.mark.parametrize("location", ["$path", "//$http_host$path", "$http_host$path"])
def test_p3_every_way_to_write_a_location(tmp_path: Path, upstream: str, location: str) -> None:
    with front(tmp_path / "front", upstream, location=location) as url, Registry(url) as client:
        assert_everything_works(client)


def test_u1_a_registry_below_a_prefix(tmp_path: Path, upstream: str) -> None:
    location = "$scheme://$http_host/hub$path"
    with (
        front(tmp_path / "front", upstream, prefix="/hub/", location=location) as url,
        Registry(url) as client,
    ):
        assert_everything_works(client)


def test_s6_no_byte_follows_a_location_that_leads_away(tmp_path: Path, upstream: str) -> None:
    location = "http://169.254.169.254$path"
    with (
        front(tmp_path / "front", upstream, location=location) as url,
        Registry(url) as client,
        pytest.raises(UnsafeRedirectError),
    ):
        client.repository("team/app").blobs.put(CONTENT)


def test_s3_signed_places_elsewhere_get_no_credentials(tmp_path: Path) -> None:
    stored = tmp_path / "registry"
    login = {"ada": "hunter2"}
    with (
        storage(tmp_path / "storage", stored, signature="s3cret") as elsewhere,
        docker_registry(stored, blobs_at=elsewhere, htpasswd=login) as upstream,
        front(tmp_path / "front", upstream, signature="s3cret") as url,
        Registry(url, username="ada", password="hunter2") as client,
    ):
        # That storage answers 400 to whatever comes with an Authorization.
        assert_everything_works(client)


def test_f9_tokens_over_tls_from_a_service_with_the_same_authority(
    tmp_path: Path, authority: Authority
) -> None:
    server = authority.server()
    with (
        TokenServer(tmp_path / "tokens", users={"ada": "hunter2"}, tls=server) as tokens,
        docker_registry(tmp_path / "registry", tls=server, token=tokens) as url,
    ):
        realm = tokens.realm.removeprefix("https://").partition("/")[0]
        with Registry(
            url, username="ada", password="hunter2", ca=authority.bundle, trust_realm=[realm]
        ) as client:
            assert_everything_works(client)
        assert all(one.login == ("ada", "hunter2") for one in tokens.asked)
        assert len(tokens.asked) > 1
