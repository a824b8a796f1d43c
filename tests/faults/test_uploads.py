"""Upload sessions are cut, refused, lost and led astray, in front of a real registry too."""

from __future__ import annotations

import hashlib
import http.client
import time

import pytest

from tests.faults import wire
from tests.faults.client import GLANCE
from tests.faults.proxy import Proxy
from tests.faults.scenario import Rule, Scenario
from tests.faults.uploads import BreakUpload
from tests.faults.upstream import Upstream

RAW = bytes(range(250)) * 4
DIGEST = "sha256:" + hashlib.sha256(RAW).hexdigest()
MIB = 1 << 20


@pytest.mark.parametrize("after", [0, 1, 400, 999, 8192, MIB - 1])
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_the_upstream_gets_exactly_so_many_bytes(
    upstream: Upstream, after: int, reset: bool
) -> None:
    body = RAW * 2000
    with Proxy(upstream.url, Scenario(Rule(BreakUpload(after, reset)))) as proxy:
        heard = wire.ask(proxy.url, "PATCH", "/up", body=body)
        (entry,) = proxy.seen()
    assert heard.data == b""
    assert upstream.received["/up"] == body[:after]
    assert (entry.status, entry.received >= after) == (None, True)


def test_a_chunked_upload_is_cut_at_the_same_byte(upstream: Upstream) -> None:
    with Proxy(upstream.url, Scenario(Rule(BreakUpload(400)))) as proxy:
        connection = http.client.HTTPConnection(proxy.url.split("/")[2], timeout=wire.PATIENCE)
        connection.request("PATCH", "/up", body=iter([RAW] * 3), encode_chunked=True)
        with pytest.raises(ConnectionError):
            connection.getresponse()
        connection.close()
        proxy.seen()
    assert upstream.received["/up"] == RAW[:400]


def test_a_client_that_breaks_off_is_passed_on_as_such(upstream: Upstream) -> None:
    with Proxy(upstream.url) as proxy:
        with wire.connect(proxy.url) as connection:
            connection.sendall(wire.head(proxy.url, "PATCH", "/up", "Content-Length: 1000"))
            connection.sendall(RAW[:300])
            while not upstream.received["/up"]:
                time.sleep(GLANCE)
        (entry,) = proxy.seen()
    assert upstream.received["/up"] == RAW[:300]
    assert (entry.received, entry.status) == (300, None)
