from __future__ import annotations

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.rate_limit import RateLimit, read_rate_limit
from regnb.core.wire.headers import Headers
from regnb.errors import RateLimitedError
from tests.core.fakes import API, registry

HUB = {
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": "76;w=21600",
    "docker-ratelimit-source": "192.0.2.7",
}


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        (
            {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"},
            RateLimit(100, 76, 21600),
        ),
        ({"RateLimit-Limit": "10, 10;w=1"}, RateLimit(10, None, None)),
        ({"RateLimit-Limit": " 10 ; burst=5 ; w=60"}, RateLimit(10, None, 60)),
        ({"RateLimit-Remaining": "0"}, RateLimit(None, 0, None)),
        ({"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999"}, RateLimit(5000, 4999)),
        (
            {"RateLimit-Remaining": "3", "Docker-RateLimit-Source": "a\x1bb"},
            RateLimit(None, 3, None, "a b"),
        ),
        ({"RateLimit-Limit": "10;w=many"}, RateLimit(10)),
        ({"RateLimit-Limit": "10;w=5.5"}, RateLimit(10)),
        ({"RateLimit-Limit": "many"}, None),
        ({"RateLimit-Limit": "-1"}, None),
        ({"RateLimit-Limit": "1.5"}, None),
        ({"RateLimit-Limit": "9" * 5000}, None),
        ({"RateLimit-Limit": "\u0661"}, None),
        ({"Docker-RateLimit-Source": "192.0.2.7"}, None),
        ({}, None),
    ],
)
def test_f4_the_headers_of_a_limit_are_read(
    headers: dict[str, str], read: RateLimit | None
) -> None:
    assert read_rate_limit(Headers(headers.items())) == read


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (RateLimit(100, 76, 21600, "192.0.2.7"), "76 of 100 requests left in 6 h 00 min"),
        (RateLimit(None, 1200), "1,200 requests left"),
        (RateLimit(100), "? of 100 requests left"),
    ],
)
def test_f4_a_limit_is_shown_without_the_address_of_the_caller(
    limit: RateLimit, words: str
) -> None:
    assert str(limit) == words


def test_f4_the_last_limit_seen_is_kept(web: responses.RequestsMock) -> None:
    client = registry()
    assert client.rate_limit is None
    web.get(API, headers=HUB)
    web.get(API, headers={**HUB, "ratelimit-remaining": "75;w=21600"})
    web.get(API)
    client.ping()
    assert client.rate_limit == RateLimit(100, 76, 21600, "192.0.2.7")
    client.ping()
    client.ping()
    assert client.rate_limit == RateLimit(100, 75, 21600, "192.0.2.7")


def test_f4_a_429_tells_the_limit_and_the_wait(web: responses.RequestsMock) -> None:
    headers = {**HUB, "ratelimit-remaining": "0;w=21600", "Retry-After": "1000"}
    web.get(API, status=429, body="Too Many Requests", headers=headers)
    with pytest.raises(RateLimitedError) as caught:
        registry().ping()
    said = str(caught.value)
    assert "It counts 0 of 100 requests left in 6 h 00 min. Wait 1,000 seconds before" in said
    assert caught.value.retry_after == 1000


@given(st.dictionaries(st.sampled_from(list(HUB)), st.text("0129;w= ,.-\x00٣x", max_size=30)))
def test_f4_no_header_breaks_the_reader(headers: dict[str, str]) -> None:
    names = ("RateLimit-Limit", "RateLimit-Remaining", "Docker-RateLimit-Source")
    read = read_rate_limit(Headers((n, headers[n.lower()]) for n in names if n.lower() in headers))
    assert read is None or str(read).isprintable()
