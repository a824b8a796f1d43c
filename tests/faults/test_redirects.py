"""Redirects and Locations lead where their faults say, and presigned URLs expire."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from tests.faults import wire
from tests.faults.conftest import BLOB
from tests.faults.endings import Break
from tests.faults.proxy import Proxy
from tests.faults.redirects import Form, LocationForm, Presigned, RedirectLoop
from tests.faults.scenario import ALWAYS, ELSEWHERE, Rule, Scenario
from tests.faults.upstream import Upstream

UPLOADS = "/v2/team/app/blobs/uploads/"


def _target(location: str) -> str:
    return urlsplit(location)._replace(scheme="", netloc="").geturl()


@pytest.mark.parametrize("uses", [0, 1, 3])
def test_a_presigned_url_expires_and_a_fresh_redirect_helps(upstream: Upstream, uses: int) -> None:
    with Proxy(upstream.url, Scenario(Rule(Presigned(uses), "GET", times=ALWAYS))) as proxy:
        first, second = (wire.ask(proxy.url, "GET", BLOB).header("Location") for _ in range(2))
        heard = [wire.ask(proxy.elsewhere, "GET", _target(first)) for _ in range(uses + 2)]
        again = wire.ask(proxy.elsewhere, "GET", _target(second))
        assert {entry.path for entry in proxy.seen(origin=ELSEWHERE)} == {BLOB}
    assert first.startswith(f"{proxy.elsewhere}{BLOB[1:]}?")
    assert [one.status for one in heard] == [200] * uses + [403, 403]
    assert b"expired" in heard[-1].body
    assert again.status == (200 if uses else 403)


def test_a_presigned_url_wants_no_authorization(upstream: Upstream) -> None:
    with Proxy(upstream.url, Scenario(Rule(Presigned()))) as proxy:
        target = _target(wire.ask(proxy.url, "GET", BLOB).header("Location"))
        assert wire.ask(proxy.elsewhere, "GET", target, "Authorization: Bearer x").status == 400
        assert wire.ask(proxy.elsewhere, "GET", target).body == upstream.files[BLOB]


def test_a_transfer_from_elsewhere_can_break_too(upstream: Upstream) -> None:
    rules = (Rule(Presigned()), Rule(Break(5), origin=ELSEWHERE))
    with Proxy(upstream.url, Scenario(*rules)) as proxy:
        target = _target(wire.ask(proxy.url, "GET", BLOB).header("Location"))
        heard = wire.ask(proxy.elsewhere, "GET", target)
        assert wire.ask(proxy.elsewhere, "GET", target).status == 403
    assert (heard.body, heard.reset) == (upstream.files[BLOB][:5], True)


def test_a_redirect_to_oneself_passes(upstream: Upstream) -> None:
    presigned = Presigned(form=Form.PATH, status=302)
    with Proxy(upstream.url, Scenario(Rule(presigned, times=ALWAYS))) as proxy:
        redirect = wire.ask(proxy.url, "GET", BLOB)
        assert redirect.status == 302
        heard = wire.ask(proxy.url, "GET", redirect.header("Location"))
    assert heard.body == upstream.files[BLOB]


@pytest.mark.parametrize("hops", [2, 11])
def test_a_redirect_loop_has_so_many_hops(upstream: Upstream, hops: int) -> None:
    target, seen = BLOB, []
    with Proxy(upstream.url, Scenario(Rule(RedirectLoop(hops), times=ALWAYS))) as proxy:
        while (heard := wire.ask(proxy.url, "GET", target)).status == 307:
            seen.append(target)
            target = _target(heard.header("Location"))
    assert len(seen) == len(set(seen)) == hops
    assert heard.body == upstream.files[BLOB]


def _location(upstream: Upstream, form: Form) -> tuple[str, Proxy]:
    with Proxy(upstream.url, Scenario(Rule(LocationForm(form)))) as proxy:
        return wire.ask(proxy.url, "POST", f"{UPLOADS}?_state=a/..%2F").header("Location"), proxy


@pytest.mark.parametrize("form", Form)
def test_locations_are_written_in_every_form(upstream: Upstream, form: Form) -> None:
    location, proxy = _location(upstream, form)
    host, path = proxy.url.removesuffix("/"), f"{UPLOADS}?_state=a/..%2F"
    expected = {
        Form.ABSOLUTE: f"{host}{path}",
        Form.PATH: path,
        Form.RELATIVE: ".?_state=a/..%2F",
        Form.NO_SCHEME: host.removeprefix("http:") + path,
        Form.HOST_ONLY: host.removeprefix("http://") + path,
        Form.PLAIN_HTTP: f"{host}{path}",
        Form.OTHER_PORT: f"{proxy.elsewhere.removesuffix('/')}{path}",
        Form.OTHER_HOST: f"{host}{path}".replace("127.0.0.1", "localhost"),
    }
    assert location == expected[form]


@pytest.mark.parametrize("form", [Form.ABSOLUTE, Form.PATH, Form.RELATIVE, Form.NO_SCHEME])
def test_ordinary_forms_resolve_to_the_same(upstream: Upstream, form: Form) -> None:
    location, proxy = _location(upstream, form)
    request = f"{proxy.url}{UPLOADS[1:]}"
    assert urljoin(request, location) == f"{request}?_state=a/..%2F"


def test_a_response_without_location_stays_as_it_is(upstream: Upstream) -> None:
    with Proxy(upstream.url, Scenario(Rule(LocationForm(Form.PATH)))) as proxy:
        assert wire.ask(proxy.url, "GET", BLOB).every("Location") == []
