from __future__ import annotations

import logging
import threading
import warnings

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.notices import MOST_BYTES, Notices
from regnb.errors import RegistryWarning
from tests.core.fakes import API, raw_server, registry, reply


def said(*values: str) -> tuple[str, ...]:
    """The notices that come of the values of a header."""
    notices = Notices("registry.example")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        notices.read(values)
    return notices.texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (['299 - "moved"'], ("moved",)),
        (['299 - "a, b"', '299 - "c"'], ("a, b", "c")),
        (['299 - "a", 299 - "b"'], ("a", "b")),
        ([r'299 - "say \"hi\" \\ now"'], (r'say "hi" \ now',)),
        (['110 - "stale", 299 - "mine"'], ("mine",)),
        (['299 - "Gr\xc3\xbc\xc3\x9fe"'], ("Grüße",)),
        (['299 - "Gr\xfc\xdfe"'], ("Grüße",)),
        (['299 - ""'], ("",)),
        (['299 proxy "x"'], ()),
        (['199 - "x"'], ()),
        (['299 - "x" "Wed, 21 Oct 2015 07:28:00 GMT"'], ()),
        (['299  - "x"'], ()),
        (["299 - x"], ()),
        (['299 - "x'], ()),
        (['299 - "x" y'], ()),
        (['299 - "x\x1b[31m"'], ()),
        (['299 - "x\\\ny"'], ()),
        (['299 - "x\xc2\x9by"'], ()),
        (['\u0662\u0669\u0669 - "x"'], ()),
        ([], ()),
    ],
)
def test_b_e6_only_what_the_specification_allows_is_a_notice(
    values: list[str], texts: tuple[str, ...]
) -> None:
    assert said(*values) == texts


def test_b_e6_each_text_is_told_once_and_in_order() -> None:
    assert said('299 - "b"', '299 - "a"', '299 - "b"') == ("b", "a")


def test_b_e6_no_more_than_4096_bytes_are_taken_in_all() -> None:
    texts = said(*(f'299 - "{number:0100d}"' for number in range(100)))
    assert len(texts) == MOST_BYTES // 100
    assert said(f'299 - "{"x" * (MOST_BYTES + 1)}"', '299 - "short"') == ("short",)


def test_b_e6_a_notice_is_a_warning_at_the_caller(web: responses.RequestsMock) -> None:
    web.get(API, headers={"Warning": '299 - "brown-out on Friday"'})
    client = registry()
    with pytest.warns(RegistryWarning, match=r"registry\.example says: brown-out") as caught:
        client.ping()
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings(record=True) as more:
        warnings.simplefilter("always")
        client.ping()
    assert more == []
    assert client.notices == ("brown-out on Friday",)


def test_b_e6_several_headers_of_one_answer_are_all_read() -> None:
    headers = ('Warning: 299 - "one"', 'Warning: 299 - "two"')
    with raw_server(reply(b"{}", *headers)) as server:
        client = registry(server.url)
        with pytest.warns(RegistryWarning) as caught:
            client.ping()
    assert client.notices == ("one", "two")
    assert len(caught) == 2


def test_b_e6_where_warnings_are_errors_a_notice_still_ends_no_request(
    web: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    web.get(API, headers={"Warning": '299 - "moved"'})
    client = registry()
    broken: list[BaseException] = []

    def ping() -> None:
        try:
            client.ping()
        except BaseException as error:
            broken.append(error)

    thread = threading.Thread(target=ping)
    with caplog.at_level(logging.WARNING, logger="regnb"):
        thread.start()
        thread.join()
    assert broken == []
    assert client.notices == ("moved",)
    assert caplog.messages == ["registry.example says: moved"]


def test_b_e6_only_the_registry_itself_is_listened_to(web: responses.RequestsMock) -> None:
    blob = f"{API}team/app/blobs/sha256:{'a' * 64}"
    web.head(blob, status=307, headers={"Location": "https://cdn.example/x"})
    noise = {"Warning": '299 - "buy"', "RateLimit-Limit": "7", "Content-Length": "3"}
    web.head("https://cdn.example/x", headers=noise)
    client = registry()
    answer = client.transport.exchange("HEAD", blob, limit=0)
    assert answer.ok
    assert (client.notices, client.rate_limit) == ((), None)


@given(st.lists(st.text('29 -"\\,x\x00\x1bé', max_size=60) | st.text(max_size=20), max_size=4))
def test_b_e6_no_header_breaks_the_reader(values: list[str]) -> None:
    texts = said(*values)
    assert all(text.isprintable() for text in texts)
    assert sum(len(text.encode()) for text in texts) <= MOST_BYTES
