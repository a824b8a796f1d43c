"""Truth: logging in to a real docker-registry, by password and by token."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.errors import (
    AuthenticationRequiredError,
    CatalogUnsupportedError,
    DeniedError,
    RegistryError,
    UntrustedRealmError,
)
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.core.auth.homes import Home, entry
from tests.core.fakes import FakeTime
from tests.core.samples import CONFIG, CONFIG_DIGEST
from tests.servers import Access, Answer, Asked, TokenServer, docker_registry

pytestmark = pytest.mark.registry

USER, PASSWORD = "robot$team+ci", "s:é cret"
IDENTITY = "identity-token"
DATA = bytes(range(256)) * 4096
NAME = "team/app"


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with TokenServer(tmp_path / "tokens", users={USER: PASSWORD}) as server:
        yield server


@pytest.fixture
def url(tmp_path: Path, tokens: TokenServer) -> Iterator[str]:
    with docker_registry(tmp_path / "registry", token=tokens) as url:
        yield url


def connect(
    url: str, tokens: TokenServer, *, login: bool = True, timer: FakeTime | None = None
) -> Registry:
    return Registry(
        url,
        username=USER if login else None,
        password=PASSWORD if login else None,
        trust_realm=[tokens.realm],
        clock=timer.clock() if timer else None,
    )


def push(repository: Repository) -> Digest:
    """Store an image with one layer, and tag it."""
    layer = repository.blobs.put(DATA)
    config = repository.blobs.put(CONFIG)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": config.digest, "size": config.size},
        "layers": [{"mediaType": OCI_LAYER, "digest": layer.digest, "size": layer.size}],
    }
    repository.manifests.put(json.dumps(document).encode(), tags=["1"])
    return layer.digest


def scopes(asked: Asked) -> list[str]:
    return asked.query.get("scope", [])


def test_a14_a_password_opens_a_registry(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry", htpasswd={USER: PASSWORD}) as url:
        with Registry(url, username=USER, password=PASSWORD) as registry:
            registry.ping()
            layer = push(registry.repository(NAME))
            assert registry.repository(NAME).blobs.get(layer, limit=1 << 21) == DATA
            assert list(registry.repositories()) == [NAME]
        with (
            Registry(url, username=USER, password="wrong") as registry,
            pytest.raises(AuthenticationRequiredError, match="refused the credentials"),
        ):
            registry.ping()
        with (
            Registry(url) as registry,
            pytest.raises(AuthenticationRequiredError, match=f"docker login {registry.name}"),
        ):
            registry.ping()


def test_3_3_a_login_that_is_stored_opens_a_registry(tmp_path: Path, home: Home) -> None:
    with (
        docker_registry(tmp_path / "registry", htpasswd={USER: PASSWORD}) as url,
        Registry(url) as registry,
    ):
        home.write(".docker/config.json", {"auths": {registry.name: entry(USER, PASSWORD)}})
        registry.ping()


def test_b_a11_each_request_asks_for_what_it_needs(url: str, tokens: TokenServer) -> None:
    with connect(url, tokens) as registry:
        repository = registry.repository(NAME)
        layer = push(repository)
        assert [scopes(asked) for asked in tokens.asked] == [[f"repository:{NAME}:pull,push"]]
        assert tokens.asked[0].login == (USER, PASSWORD)
        assert tokens.asked[0].query["account"] == [USER]
        repository.blobs.delete(layer)
        assert scopes(tokens.asked[-1]) == [f"repository:{NAME}:delete,pull"]
        assert list(registry.repositories()) == [NAME]
        assert scopes(tokens.asked[-1]) == ["registry:catalog:*"]
        assert len(tokens.asked) == 3
    with connect(url, tokens) as registry:
        assert list(registry.repository(NAME).tags.all()) == ["1"]
        assert scopes(tokens.asked[-1]) == [f"repository:{NAME}:pull"]


def test_b_a13_nobody_in_particular_may_pull_and_is_told_how_to_do_more(
    url: str, tokens: TokenServer
) -> None:
    with connect(url, tokens) as registry:
        layer = push(registry.repository(NAME))
    with connect(url, tokens, login=False) as registry:
        repository = registry.repository(NAME)
        assert repository.blobs.get(layer, limit=1 << 21) == DATA
        assert tokens.asked[-1].authorization is None
        with pytest.raises(DeniedError, match="docker login"):
            repository.blobs.put(b"x")


def test_b_a13_a_wrong_password_is_refused_at_the_realm(url: str, tokens: TokenServer) -> None:
    tokens.users[USER] = "another"
    with (
        connect(url, tokens) as registry,
        pytest.raises(AuthenticationRequiredError, match=r"wrong password.*leave them out"),
    ):
        registry.ping()
    assert len(tokens.asked) == 1


def test_s2_a_realm_elsewhere_gets_no_password(url: str, tokens: TokenServer) -> None:
    with (
        Registry(url, username=USER, password=PASSWORD) as registry,
        pytest.raises(UntrustedRealmError),
    ):
        registry.ping()
    assert tokens.asked == []


def test_b_a12_a_catalog_that_is_not_granted_is_none(url: str, tokens: TokenServer) -> None:
    def no_catalog(user: str, access: Access) -> Collection[str]:
        return () if access.kind == "registry" else access.actions

    tokens.grants = no_catalog
    with connect(url, tokens) as registry:
        push(registry.repository(NAME))
        with pytest.raises(CatalogUnsupportedError, match="name them instead"):
            list(registry.repositories())
    assert [scopes(asked) for asked in tokens.asked].count(["registry:catalog:*"]) == 1


def test_b_a12_a_scope_that_is_not_granted_is_a_denial(url: str, tokens: TokenServer) -> None:
    tokens.grants = lambda user, access: ("pull",)
    with connect(url, tokens) as registry:
        repository = registry.repository(NAME)
        with pytest.raises(DeniedError, match="log in with one that may"):
            repository.blobs.put(b"x")
        assert len(tokens.asked) == 1
        with pytest.raises(RegistryError) as caught:
            list(repository.tags.all())
        assert caught.value.status == 404


def test_w_a1_a_token_that_the_registry_does_not_take_is_replaced(
    url: str, tokens: TokenServer
) -> None:
    tokens.spoiled = 1
    with connect(url, tokens) as registry:
        with pytest.raises(AuthenticationRequiredError):
            registry.ping()
        registry.ping()
        assert len(tokens.asked) == 2


def test_f9_tokens_that_end_while_walking_are_renewed_in_time(
    url: str, tokens: TokenServer
) -> None:
    timer = FakeTime()
    with connect(url, tokens, timer=timer) as registry:
        push(registry.repository(NAME))
        tokens.asked.clear()
        for _ in range(30):
            assert list(registry.repository(NAME).tags.all()) == ["1"]
            timer.seconds += 100
        assert len(tokens.asked) == 9  # the one to push with did for the first three


def test_f9_threads_share_the_tokens_that_replace_one_that_ended(
    url: str, tokens: TokenServer
) -> None:
    timer = FakeTime()
    with connect(url, tokens, timer=timer) as registry, ThreadPoolExecutor(8) as pool:
        push(registry.repository(NAME))

        def walk(_: int) -> list[str]:
            return list(registry.repository(NAME).tags.all())

        for _ in range(5):
            tokens.asked.clear()
            timer.seconds += 300  # one is asked for in time,
            tokens.spoiled = 1  # and the registry does not take it
            assert list(pool.map(walk, range(32))) == [["1"]] * 32
            assert len(tokens.asked) == 2


def test_f9_a_token_that_ends_between_two_chunks_or_two_ranges_is_not_noticed(
    url: str, tokens: TokenServer
) -> None:
    timer, half = FakeTime(), len(DATA) // 2
    with connect(url, tokens, timer=timer) as registry:
        blobs = registry.repository(NAME).blobs
        with blobs.create(chunk_size=half) as writer:
            writer.write(DATA[:half])
            writer.flush()
            timer.seconds, tokens.spoiled = timer.seconds + 300, 1
            writer.write(DATA[half:])
            writer.flush()
            stored = writer.commit()
        assert stored.digest == Digest.of(DATA)
        assert len(tokens.asked) == 3
        with blobs.open(stored.digest) as reader:
            assert reader.read(10) == DATA[:10]
            timer.seconds, tokens.spoiled = timer.seconds + 300, 1
            reader.seek(half)
            assert reader.read() == DATA[half:]
    assert len(tokens.asked) == 5


def test_b_a17_an_identity_token_is_renewed_by_post(
    url: str, tokens: TokenServer, home: Home
) -> None:
    timer = FakeTime()
    tokens.refresh_tokens[IDENTITY] = USER
    tokens.rotates = True
    with connect(url, tokens, login=False, timer=timer) as registry:
        home.write(".docker/config.json", {"auths": {registry.name: {"identitytoken": IDENTITY}}})
        push(registry.repository(NAME))
        timer.seconds += 300
        assert list(registry.repository(NAME).tags.all()) == ["1"]
    first, second = tokens.asked
    assert (first.method, second.method) == ("POST", "POST")
    assert first.form["refresh_token"] == [IDENTITY]
    assert second.form["refresh_token"] != [IDENTITY]
    assert first.form["scope"] == [f"repository:{NAME}:pull,push"]


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_w_a8_a_token_server_without_post_is_asked_by_get(
    url: str, tokens: TokenServer, home: Home, status: int
) -> None:
    tokens.post = Answer(status)
    tokens.users["someone"] = IDENTITY
    with connect(url, tokens, login=False) as registry:
        login = {"username": "someone", "identitytoken": IDENTITY}
        home.write(".docker/config.json", {"auths": {registry.name: login}})
        registry.ping()
    assert [asked.method for asked in tokens.asked] == ["POST", "GET"]
    assert tokens.asked[1].login == ("someone", IDENTITY)


def test_b_a14_a_login_made_meanwhile_counts(url: str, tokens: TokenServer, home: Home) -> None:
    with connect(url, tokens, login=False) as registry:
        with pytest.raises(DeniedError):
            registry.repository(NAME).blobs.put(CONFIG)
        wrong = {"auths": {registry.name: entry(USER, "wrong")}}
        home.write(".docker/config.json", wrong)
        with pytest.raises(AuthenticationRequiredError, match=r"from ~/.docker/config.json; check"):
            registry.repository(NAME).blobs.put(CONFIG)
        home.write(".docker/config.json", {"auths": {registry.name: entry(USER, PASSWORD)}})
        assert registry.repository(NAME).blobs.put(CONFIG).digest == CONFIG_DIGEST


def test_p4_a_mount_is_asked_for_with_both_scopes(url: str, tokens: TokenServer) -> None:
    with connect(url, tokens) as registry:
        layer = push(registry.repository(NAME))
        tokens.asked.clear()
        assert registry.repository("other").blobs.mount(layer, NAME) is None
        assert scopes(tokens.asked[-1]) == ["repository:other:pull,push", f"repository:{NAME}:pull"]
        assert len(tokens.asked) == 1
