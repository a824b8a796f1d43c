from __future__ import annotations

import logging
import pickle

import pytest
import responses
from responses.matchers import query_string_matcher

from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.errors import (
    AuthenticationRequiredError,
    CatalogUnsupportedError,
    NotARegistryError,
    RegistryUnavailableError,
    TooManyPagesError,
)
from tests.core.fakes import API, registry

CATALOG = f"{API}_catalog"


def test_c1_the_catalog_is_asked_for_a_thousand_names_a_page(web: responses.RequestsMock) -> None:
    link = {"Link": '</v2/_catalog?n=1000&last=team%2Fapp>; rel="next"'}
    web.get(f"{CATALOG}?n=1000", json={"repositories": ["alpine", "team/app"]}, headers=link)
    web.get(f"{CATALOG}?n=1000&last=team%2Fapp", json={"repositories": ["zoo"]})
    names = registry().repositories()
    assert len(web.calls) == 0
    assert next(names) == "alpine"
    assert len(web.calls) == 1
    assert list(names) == ["team/app", "zoo"]


def test_c2_the_catalog_ends_where_no_page_is_named(web: responses.RequestsMock) -> None:
    web.get(CATALOG, json={"repositories": ["a"]})
    assert list(registry().repositories()) == ["a"]
    assert len(web.calls) == 1


def test_c4_an_error_of_the_catalog_keeps_what_the_registry_said(
    web: responses.RequestsMock,
) -> None:
    said = {"errors": [{"code": "UNAVAILABLE", "message": "nightly", "detail": {"until": 6}}]}
    web.get(CATALOG, status=503, json=said)
    with pytest.raises(RegistryUnavailableError, match="UNAVAILABLE: nightly") as caught:
        list(registry().repositories())
    assert (caught.value.code, caught.value.detail) == ("UNAVAILABLE", {"until": 6})


def test_w_c1_all_that_the_registry_sends_is_given(web: responses.RequestsMock) -> None:
    names = [f"r{number}" for number in range(1500)]
    web.get(f"{CATALOG}?n=1000", json={"repositories": names})
    assert list(registry().repositories()) == names


def test_s8_a_catalog_that_does_not_end_gives_what_came(web: responses.RequestsMock) -> None:
    names: list[str] = []
    web.get(CATALOG, json={"repositories": ["a"]}, headers={"Link": "<_catalog?x>; rel=next"})

    def read() -> None:
        names.extend(registry().repositories())

    with pytest.raises(TooManyPagesError):
        read()
    assert names == ["a"]


@pytest.mark.parametrize("status", [400, 405])
def test_w_c4_a_refused_page_size_is_lowered_and_then_dropped(
    web: responses.RequestsMock, status: int
) -> None:
    web.get(f"{CATALOG}?n=1000", status=status)
    web.get(f"{CATALOG}?n=100", status=status)
    web.get(CATALOG, json={"repositories": ["a"]}, match=[query_string_matcher("")])
    assert list(registry().repositories()) == ["a"]
    assert len(web.calls) == 3


def test_w_c4_unsupported_lowers_the_page_size_too(web: responses.RequestsMock) -> None:
    refusal = {"errors": [{"code": "UNSUPPORTED"}]}
    web.get(f"{CATALOG}?n=1000", status=422, json=refusal)
    web.get(f"{CATALOG}?n=100", json={"repositories": ["a"]})
    assert list(registry().repositories()) == ["a"]


@pytest.mark.parametrize("status", [403, 404])
def test_w_c4_a_registry_without_catalog_is_told(web: responses.RequestsMock, status: int) -> None:
    web.get(CATALOG, status=status, json={"errors": [{"code": "X", "message": "no"}]})
    with pytest.raises(CatalogUnsupportedError, match="name them instead") as caught:
        list(registry().repositories())
    assert (caught.value.status, caught.value.code) == (status, "X")


def test_b_a12_a_token_without_the_catalog_means_that_there_is_none(
    web: responses.RequestsMock,
) -> None:
    challenge = 'Bearer realm="https://a.example/t",scope="registry:catalog:*"'
    web.get(CATALOG, status=401, headers={"WWW-Authenticate": challenge})
    web.get("https://a.example/t", json={"token": "t"})
    refusal = f'{challenge},error="insufficient_scope"'
    web.get(CATALOG, status=401, headers={"WWW-Authenticate": refusal})
    with pytest.raises(CatalogUnsupportedError, match=r"name them instead.*docker login"):
        list(registry().repositories())
    assert len(web.calls) == 3


def test_w_c4_other_trouble_is_not_a_missing_catalog(web: responses.RequestsMock) -> None:
    web.get(CATALOG, status=503)
    with pytest.raises(RegistryUnavailableError):
        list(registry().repositories())


def test_s15_names_that_are_no_paths_are_left_out_and_logged(
    web: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["good", "../../etc", "UPPER", None, "a/../b", 7, "x\x1b[31m", "fine/too"]
    web.get(CATALOG, json={"repositories": names})
    with caplog.at_level(logging.WARNING, logger="regnb"):
        assert list(registry().repositories()) == ["good", "fine/too"]
    assert len(caplog.records) == 6
    assert "../../etc" in caplog.text
    assert "\x1b" not in caplog.text
    refused: list[str] = []
    assert list(registry().repositories(on_refused=refused.append)) == ["good", "fine/too"]
    assert refused[:4] == ['"../../etc"', '"UPPER"', "null", '"a/../b"']


def test_a_catalog_that_wants_credentials_says_so(web: responses.RequestsMock) -> None:
    web.get(CATALOG, status=401, headers={"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(AuthenticationRequiredError, match="docker login"):
        list(registry().repositories())


@pytest.mark.parametrize("body", ["", "{}"])
def test_ping_is_content_with_a_registry(web: responses.RequestsMock, body: str) -> None:
    web.get(API, body=body)
    registry().ping()
    assert web.calls[0].request.url == API


def test_ping_takes_any_body_from_what_calls_itself_a_registry(
    web: responses.RequestsMock,
) -> None:
    version = {"Docker-Distribution-Api-Version": "registry/2.0"}
    web.get(API, body="true enough", headers=version)
    registry().ping()
    assert len(web.calls) == 1


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (404, "404 page not found")])
def test_ping_tells_a_web_server_from_a_registry(
    web: responses.RequestsMock, status: int, body: str
) -> None:
    web.get(API, status=status, body=body)
    with pytest.raises(NotARegistryError, match="Check the address"):
        registry().ping()


def test_ping_tells_that_credentials_are_wanted(web: responses.RequestsMock) -> None:
    web.get(API, status=401, headers={"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(AuthenticationRequiredError, match="pass username="):
        registry().ping()


def test_s16_a_pickled_registry_is_the_same_without_credentials() -> None:
    client = Registry(
        "https://h.example/p",
        name="mine",
        username="robot",
        password="hunter2",
        limits=Limits(attempts=3),
    )
    stored = pickle.dumps(client.repository("team/app"))
    assert b"hunter2" not in stored
    assert b"robot" not in stored
    again = pickle.loads(stored)
    assert (again.name, again.registry.name, again.registry.url) == ("team/app", "mine", client.url)
    assert again.registry.transport.limits == Limits(attempts=3)


def test_handles_say_what_they_are() -> None:
    client = registry("localhost:5000")
    assert repr(client) == "<Registry 'localhost:5000' at 'http://localhost:5000'>"
    assert repr(client.repository("a/b")) == "<Repository 'a/b' of 'localhost:5000'>"


@pytest.mark.parametrize(
    ("status", "answers"), [(200, True), (401, True), (404, True), (429, True), (503, False)]
)
def test_one_request_tells_whether_a_registry_answers_at_all(
    web: responses.RequestsMock, status: int, answers: bool
) -> None:
    web.get(API, status=status, headers={"WWW-Authenticate": "Basic realm=x"})
    assert registry().answers() is answers
    assert len(web.calls) == 1


@pytest.mark.parametrize("trouble", [ConnectionError(), TimeoutError()])
def test_a_registry_that_is_gone_does_not_answer(
    web: responses.RequestsMock, trouble: Exception
) -> None:
    web.get(API, body=trouble)
    assert not registry().answers()
    assert len(web.calls) == 1


def test_a_client_is_frugal_with_what_fails_only_while_that_is_wanted(
    web: responses.RequestsMock,
) -> None:
    web.get(API, status=503)
    one, asked = registry(), []
    with one.frugal():
        for _ in range(40):
            before = one.requests
            with pytest.raises(RegistryUnavailableError):
                one.ping()
            asked.append(one.requests - before)
    assert asked == [6] * 7 + [1] * 33
    with pytest.raises(RegistryUnavailableError):
        one.ping()
    assert one.requests == sum(asked) + 6
