"""S5, S6: whatever a registry says, nothing is sent where it must not lead. On real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from regnb.core.registry import Registry
from regnb.core.wire.outgoing import Purpose
from regnb.errors import UnreachableError, UnsafeRedirectError
from tests.core.fakes import registry
from tests.core.wire.names import Names
from tests.servers import Answer, Asked, Authority, HttpServer

HERE = "127.0.0.1"
PUBLIC = "8.8.8.8"


@pytest.fixture
def trap() -> Iterator[HttpServer]:
    with HttpServer(lambda asked: Answer(200, body=b"caught")) as server:
        yield server


def leading_to(target: str, *, status: int = 307) -> HttpServer:
    return HttpServer(lambda asked: Answer(status, {"Location": target}))


def at(server: HttpServer, host: str, path: str = "") -> str:
    parts = urlsplit(server.url)
    return parts._replace(netloc=f"{host}:{parts.port}", path=f"/{path}").geturl()


def client(server: HttpServer, names: Names, *, public: bool = False) -> Registry:
    made = registry(at(server, "registry.test"), insecure=True, resolve=names)
    if public:
        made.transport.gate.neighbourhood.reached(made.address.origin, PUBLIC)
    return made


def get(made: Registry) -> bytes:
    return made.transport.exchange("GET", made.address.api, limit=100).body


def test_s5_a_near_registry_may_lead_to_its_own_kind(trap: HttpServer) -> None:
    names = Names(registry_test=HERE, cdn_test=HERE)
    with leading_to(at(trap, "cdn.test")) as server:
        assert get(client(server, names)) == b"caught"
    assert trap.asked[0].headers["Host"] == urlsplit(at(trap, "cdn.test")).netloc


@pytest.mark.parametrize("meaning", [HERE, f"{PUBLIC} {HERE}", f"::ffff:{HERE}"])
def test_s5_a_public_registry_may_not_lead_to_a_name_of_this_machine(
    trap: HttpServer, meaning: str
) -> None:
    names = Names(registry_test=HERE, cdn_test=meaning)
    with (
        leading_to(at(trap, "cdn.test", "blob?X-Sig=secret")) as server,
        pytest.raises(UnsafeRedirectError, match="on this machine") as caught,
    ):
        get(client(server, names, public=True))
    assert trap.connections == 0
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "meaning", ["169.254.169.254", "10.0.0.1", "fd00:ec2::254", "100.64.0.1", "0.0.0.0", "fe80::1"]
)
def test_s5_no_registry_on_this_machine_leads_into_another_network(meaning: str) -> None:
    names = Names(registry_test=HERE, cdn_test=meaning)
    with leading_to("http://cdn.test/latest/meta-data/") as server:
        with pytest.raises(UnsafeRedirectError, match="not sent there"):
            get(client(server, names))
        assert len(server.asked) == 1


def test_s5_what_was_judged_is_what_is_connected_to(trap: HttpServer) -> None:
    # A name that means another address at every look-up: there is only one look-up.
    names = Names(registry_test=HERE, cdn_test=HERE).then(cdn_test="169.254.169.254")
    with leading_to(at(trap, "cdn.test")) as server:
        made = client(server, names)
        assert get(made) == b"caught"
        assert names.asked["cdn.test"] == 1
        with pytest.raises(UnsafeRedirectError):
            get(made)


def test_s5_a_name_that_turns_inwards_is_not_connected_to(trap: HttpServer) -> None:
    names = Names(registry_test=HERE, cdn_test=PUBLIC).then(cdn_test=HERE)
    with leading_to(at(trap, "cdn.test")) as server:
        made = client(server, names, public=True)
        names("cdn.test", 0)  # whoever looks before it leaps
        with pytest.raises(UnsafeRedirectError):
            get(made)
    assert trap.connections == 0


def test_s5_the_registry_at_another_port_of_its_host_is_no_exception(trap: HttpServer) -> None:
    names = Names(registry_test=HERE)
    with leading_to(at(trap, "registry.test")) as server:
        assert get(client(server, names)) == b"caught"
        with pytest.raises(UnsafeRedirectError):
            get(client(server, names, public=True))
    assert trap.connections == 1


def test_s5_the_certificate_must_still_be_that_of_the_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    names = Names(registry_test=HERE, cdn_test=HERE, other_test=HERE)
    storage = HttpServer(lambda asked: Answer(body=b"bytes"), tls=authority.server("cdn.test"))
    with storage, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.bundle))
        with leading_to(at(storage, "cdn.test")) as server:
            assert get(client(server, names)) == b"bytes"
        assert storage.asked[0].headers["Host"] == urlsplit(at(storage, "cdn.test")).netloc
        with (
            leading_to(at(storage, "other.test")) as server,
            pytest.raises(UnreachableError, match="certificate"),
        ):
            get(client(server, names))
        assert len(storage.asked) == 1


def uploading(made: Registry, location: str, pieces: list[bytes]) -> None:
    """What an upload does with the Location that it is given."""
    api = made.address.api
    target = made.transport.gate.upload(f"{api}a/blobs/uploads/", location)
    length = {"Content-Length": str(sum(map(len, pieces)))}
    request = made.transport.request(
        "PUT", target, headers=length, body=iter(pieces), purpose=Purpose.UPLOAD
    )
    made.transport.attempt(request, limit=100, scopes=())


def storing(authority: Authority) -> HttpServer:
    return HttpServer(lambda asked: Answer(201), tls=authority.server("storage.test"))


def test_s6_a_body_goes_to_another_origin_only_over_tls(tmp_path: Path, trap: HttpServer) -> None:
    authority = Authority(tmp_path)
    names = Names(registry_test=HERE, storage_test=HERE)
    with HttpServer() as home, storing(authority) as storage, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.bundle))
        uploading(client(home, names), at(storage, "storage.test"), [b"some ", b"bytes"])
        assert storage.asked[0].body == b"some bytes"
        with pytest.raises(UnsafeRedirectError, match="without https"):
            uploading(client(home, names), at(trap, "storage.test"), [b"bytes"])
    assert trap.connections == 0


@pytest.mark.parametrize("meaning", [HERE, "10.0.0.1", "169.254.169.254"])
def test_s6_no_byte_of_a_body_goes_where_a_public_registry_must_not_lead(
    tmp_path: Path, meaning: str
) -> None:
    authority = Authority(tmp_path)
    names = Names(registry_test=HERE, storage_test=meaning)
    read: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        read.append(b"x")
        yield b"x"

    with HttpServer() as home, storing(authority) as storage, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.bundle))
        made = client(home, names, public=True)
        request = made.transport.request(
            "PUT",
            at(storage, "storage.test"),
            headers={"Content-Length": "1"},
            body=pieces(),
            purpose=Purpose.UPLOAD,
        )
        with pytest.raises(UnsafeRedirectError, match="PUT was not sent"):
            made.transport.attempt(request, limit=100, scopes=())
        assert (storage.connections, read) == (0, [])


def put(made: Registry, body: bytes) -> None:
    length = {"Content-Length": str(len(body))}
    made.transport.exchange("PUT", f"{made.address.api}x", limit=100, headers=length, body=body)


def test_h8_a_body_is_not_redirected_to_another_origin(trap: HttpServer) -> None:
    names = Names(registry_test=HERE, cdn_test=HERE)
    with leading_to(at(trap, "cdn.test")) as server:
        made = client(server, names)
        with pytest.raises(UnsafeRedirectError, match="is not the registry"):
            put(made, b"secret")
        assert server.asked[0].body == b"secret"
    assert trap.connections == 0


def test_h8_a_body_is_redirected_at_home() -> None:
    def answer(asked: Asked) -> Answer:
        moved = asked.path.endswith("/new")
        return Answer(201) if moved else Answer(307, {"Location": f"{asked.path}/new"})

    with HttpServer(answer) as server:
        made = registry(server.url)
        put(made, b"manifest")
    assert [(one.path, one.body) for one in server.asked] == [
        ("/v2/x", b"manifest"),
        ("/v2/x/new", b"manifest"),
    ]


def test_s2_a_trusted_realm_may_be_nearer_than_the_registry(trap: HttpServer) -> None:
    names = Names(registry_test=HERE, auth_test=HERE)
    realm = at(trap, "auth.test", "token")
    with HttpServer() as server:
        trusting = registry(
            at(server, "registry.test"), insecure=True, resolve=names, trust_realm=[realm]
        )
        wary = client(server, names, public=True)
        for made in (trusting, wary):
            made.transport.gate.neighbourhood.reached(made.address.origin, PUBLIC)
            request = made.transport.request("GET", realm, purpose=Purpose.REALM)
            if made is trusting:
                assert made.transport.attempt(request, limit=9, scopes=()).body == b"caught"
            else:
                with pytest.raises(UnsafeRedirectError):
                    made.transport.attempt(request, limit=9, scopes=())
    assert trap.connections == 1
