from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.wire.address import origin, parse_address
from regnb.core.wire.gate import Gate
from regnb.core.wire.outgoing import Outgoing, Purpose
from regnb.core.wire.secret import Secret
from regnb.errors import ProtocolError, UnsafeRedirectError

HERE = parse_address("https://registry.example/prefix/")
GATE = Gate(HERE)
PAGE = "https://registry.example/prefix/v2/team/app/tags/list?n=2"
PATH = "/prefix/v2/team/app/tags/list"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (f"{PATH}?n=2&last=a%2Fb==", f"https://registry.example{PATH}?n=2&last=a%2Fb=="),
        ("?last=%7Eopaque+x", f"https://registry.example{PATH}?last=%7Eopaque+x"),
        (f"https://registry.example:443{PATH}?a", f"https://registry.example:443{PATH}?a"),
        ("/prefix/v2/other?cursor=1", "https://registry.example/prefix/v2/other?cursor=1"),
        # A proxy changed what the registry believes its address to be.
        (f"http://registry.example{PATH}?a", f"https://registry.example{PATH}?a"),
        (f"http://10.0.0.8:5000{PATH}?a=b", f"https://registry.example{PATH}?a=b"),
        # Another prefix for the same listing, as Nexus sends it.
        (
            "https://registry.example/repository/x/v2/team/app/tags/list?last=b",
            f"https://registry.example{PATH}?last=b",
        ),
        ("/v2/team/app/tags/list?last=b", f"https://registry.example{PATH}?last=b"),
    ],
)
def test_w_c2_a_link_is_followed_verbatim_or_re_rooted_here(target: str, url: str) -> None:
    assert GATE.next_page(PAGE, target) == url


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://registry.example:8443/other",
        "https://robot:x@registry.example/prefix/v2/team/app/tags/list",
        "/prefix/v2/../../admin",
        "/prefix/v2/%2e%2e/admin",
        "/prefix/v2/..%5cadmin",
        "file:///etc/passwd",
        "//evil.example/",
        "https://[bad",
        "/elsewhere",
    ],
)
def test_s7_a_link_that_leads_away_is_refused(target: str) -> None:
    assert GATE.next_page(PAGE, target) is None


@given(st.text(max_size=60))
def test_s7_no_link_leaves_the_registry(target: str) -> None:
    url = GATE.next_page(PAGE, target)
    assert url is None or origin(url) == HERE.origin


UPLOADS = "https://registry.example/prefix/v2/team/app/blobs/uploads/"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/x?_state=a%7Eb", "https://registry.example/v2/x?_state=a%7Eb"),
        ("1?_state=a", f"{UPLOADS}1?_state=a"),
        ("?_state=a", f"{UPLOADS}?_state=a"),
        (f"{UPLOADS}1?a=%2f#part", f"{UPLOADS}1?a=%2f"),
        ("registry.example/v2/x?a", "https://registry.example/v2/x?a"),
        ("//registry.example/v2/x?a", "https://registry.example/v2/x?a"),
        ("HTTPS://Registry.Example:443/v2/x", "https://Registry.Example:443/v2/x"),
        # What ends TLS before the registry does not tell it so.
        ("http://registry.example/v2/x?a=%2F", "https://registry.example/v2/x?a=%2F"),
        ("http://registry.example:80/v2/x", "https://registry.example/v2/x"),
        ("http://registry.example:443/v2/x", "https://registry.example/v2/x"),
        ("https://storage.example/x?X-Sig=a%2Fb==", "https://storage.example/x?X-Sig=a%2Fb=="),
        ("//storage.example/x", "https://storage.example/x"),
        ("https://registry.example:8443/x", "https://registry.example:8443/x"),
    ],
)
def test_s6_a_location_has_many_forms(location: str, url: str) -> None:
    assert GATE.upload(UPLOADS, location) == url


@pytest.mark.parametrize(
    "location",
    [
        "http://storage.example/x",
        "http://registry.example:8080/x",
        "http://registry.example.evil.example/x",
        "https://robot:x@registry.example/v2/x",
        "https://registry.example@evil.example/v2/x",
        "//robot@storage.example/x",
        "ftp://registry.example/x",
        "file:///etc/passwd",
        "https://169.254.169.254/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://10.0.0.1/x",
        "https://localhost/x",
        "https://127.0.0.1:443/x",
        "https://[bad/x",
        "https://storage.example:port/x",
    ],
)
def test_s6_no_body_goes_to_such_a_location(location: str) -> None:
    with pytest.raises(UnsafeRedirectError, match="not followed"):
        GATE.upload(UPLOADS, location)


def test_s6_a_registry_at_a_port_of_its_own_is_found_behind_its_proxy() -> None:
    gate = Gate(parse_address("https://registry.example:8443"))
    for location in ("http://registry.example:8443/v2/x", "http://registry.example/v2/x"):
        url = gate.upload("https://registry.example:8443/v2/", location)
        assert url == "https://registry.example:8443/v2/x"
    plain = Gate(parse_address("http://registry.example", insecure=True))
    assert plain.upload("http://registry.example/v2/", "/v2/x") == "http://registry.example/v2/x"
    with pytest.raises(UnsafeRedirectError, match="without https"):
        plain.upload("http://registry.example/v2/", "http://registry.example:81/v2/x")


def test_s3_another_origin_does_not_lead_an_upload_back_to_where_credentials_are() -> None:
    with pytest.raises(UnsafeRedirectError, match="coming from elsewhere"):
        GATE.upload("https://storage.example/x", "https://registry.example/v2/a/manifests/latest")
    assert GATE.upload("https://storage.example/x", "/y") == "https://storage.example/y"


def test_s6_another_origin_does_not_lead_an_upload_out_of_tls() -> None:
    with pytest.raises(UnsafeRedirectError, match="plain http"):
        GATE.upload("https://storage.example/x", "http://storage.example/y")


@given(st.text(max_size=60))
def test_s6_any_location_is_home_or_https_or_a_typed_error(location: str) -> None:
    try:
        url = GATE.upload(UPLOADS, location)
    except UnsafeRedirectError:
        return
    assert origin(url)[0] == "https"


@given(st.text(max_size=60))
def test_s3_any_redirect_is_https_or_a_typed_error(location: str) -> None:
    try:
        url = GATE.redirect(PAGE, location, method="GET")
    except UnsafeRedirectError:
        return
    assert origin(url)[0] == "https"


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\r\n b", "a\rb", "a\0b", "\x7f"])
@pytest.mark.parametrize("url", [PAGE, "https://cdn.example/blob"])
def test_s20_no_header_begins_another(url: str, value: str) -> None:
    with pytest.raises(ProtocolError, match="line break") as caught:
        GATE.headers(Outgoing("GET", url, {"Accept": value}))
    assert value not in str(caught.value)
    if url == PAGE:
        with pytest.raises(ProtocolError, match="line break"):
            GATE.headers(Outgoing("GET", url, {}, authorization=Secret(value)))


def test_s3_what_another_origin_learns() -> None:
    headers = {
        "Accept": "a",
        "range": "bytes=0-1",
        "User-Agent": "u",
        "Accept-Encoding": "identity",
        "Cookie": "c",
        "X-Key": "k",
        "Content-Type": "t",
        "Content-Range": "0-1",
        "Content-Length": "2",
    }
    abroad = "https://storage.example/x"
    read = GATE.headers(Outgoing("GET", abroad, headers, authorization=Secret("Basic x")))
    assert set(read) == {"Accept", "range", "User-Agent", "Accept-Encoding"}
    written = GATE.headers(
        Outgoing(
            "PUT",
            abroad,
            headers,
            authorization=Secret("Basic x"),
            body=b"ab",
            purpose=Purpose.UPLOAD,
        )
    )
    assert set(written) - set(read) == {"Content-Type", "Content-Range", "Content-Length"}
    with pytest.raises(UnsafeRedirectError):
        GATE.headers(Outgoing("PUT", abroad, headers, body=b"ab"))
    with pytest.raises(UnsafeRedirectError):
        GATE.headers(Outgoing("DELETE", abroad, headers))
