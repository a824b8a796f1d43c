"""F9: whoever walks through a registry that wants tokens sees the registry and no tokens."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest

import regnb
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.outgoing import Outgoing, Purpose
from regnb.errors import AuthenticationRequiredError
from regnb.sample import SampleClient, serve

USERS = {"robot": "hunter2"}
HALFWAY = 60  # requests: the listings are read, and some of the manifests


@pytest.mark.parametrize("lifetime", [None, 300])
def test_f9_an_audit_is_the_same_whoever_is_asked_who_he_is(
    reg: SampleClient, monkeypatch: pytest.MonkeyPatch, lifetime: int | None
) -> None:
    send, sent, numbers = Connections.send, list[Purpose](), itertools.count(1)

    def counted(connections: Connections, request: Outgoing, **more: Any) -> Incoming:
        sent.append(request.purpose)
        if next(numbers) == HALFWAY:
            served.expire_tokens()
        return send(connections, request, **more)

    expected = reg.audit()
    monkeypatch.setattr(Connections, "send", counted)
    with (
        serve(users=USERS, token_lifetime=lifetime) as served,
        regnb.connect(served.url, username="robot", password=USERS["robot"]) as client,
    ):
        audit = client.audit()
    assert len(audit.errors) == len(expected.errors)
    for by in ("repository", "tag"):
        found, wanted = (one.usage(by).drop(columns="registry") for one in (audit, expected))
        pd.testing.assert_frame_equal(found, wanted)
    # One token for the catalog and each repository, and one more for those asked after the end.
    exchanges, fewest = sent.count(Purpose.REALM), 1 + len(audit.repositories)
    assert fewest < exchanges <= 2 * fewest if lifetime else exchanges == 0


def test_a14_nobody_is_told_anything_without_a_password() -> None:
    with (
        serve(users=USERS, token_lifetime=300) as served,
        regnb.connect(served.url) as client,
        pytest.raises(AuthenticationRequiredError, match="docker login"),
    ):
        client.catalog()
