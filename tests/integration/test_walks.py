"""What audits ask a real docker-registry: the first, the second, and one that was stopped."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

import regnb
from regnb.client.client import Client
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.outgoing import Outgoing
from tests.integration.filling import Filled

pytestmark = pytest.mark.registry

Sent = Counter[tuple[str, str, int]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    send, counted = Connections.send, Sent()

    def count(connections: Connections, request: Outgoing, **more: Any) -> Incoming:
        incoming = send(connections, request, **more)
        kinds = re.findall(r"_catalog|tags/list|referrers|manifests|blobs", request.url)
        counted[request.method, kinds[0] if kinds else "ping", incoming.status] += 1
        return incoming

    monkeypatch.setattr(Connections, "send", count)
    return counted


LISTINGS = {("GET", "ping", 200): 1, ("GET", "_catalog", 200): 1, ("GET", "referrers", 404): 1}


def test_each_is_asked_for_once_and_the_second_time_nothing_is_sent(
    client: Client, filled: Filled, sent: Sent
) -> None:
    tags = sum(map(len, filled.pushed.values()))
    listings = LISTINGS | {("GET", "tags/list", 200): len(filled.pushed)}
    first = client.audit(progress=False)
    configs = first.manifests["config_digest"].nunique()
    assert configs > 1
    assert sent == listings | {("GET", "manifests", 200): tags, ("GET", "blobs", 200): configs}
    sent.clear()
    second = client.audit(progress=False)
    assert sent == listings | {("GET", "manifests", 304): tags}
    for by in ("repository", "tag"):
        assert second.usage(by).equals(first.usage(by))


@pytest.mark.parametrize("most", [1, 5, 11])
def test_an_audit_that_is_stopped_again_and_again_asks_for_nothing_twice(
    client: Client, sent: Sent, most: int
) -> None:
    whole = client.audit(progress=False)
    alone = sum(sent.values()) - 1  # but for the request that each begins with
    regnb.cache.clear()
    sent.clear()
    audit, calls = client.audit(max_requests=most, progress=False), 1
    while not audit.complete:
        audit, calls = client.audit(max_requests=most, progress=False), calls + 1
    assert sum(sent.values()) == alone + calls
    assert calls == -(-alone // most)
    assert audit.usage("tag").equals(whole.usage("tag"))
