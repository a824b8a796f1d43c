from __future__ import annotations

import pytest
import responses

from regnb.errors import AuthenticationRequiredError
from tests.core.fakes import API, registry


def test_b_a10_credentials_wait_until_they_are_asked_for(web: responses.RequestsMock) -> None:
    web.get(API, json={})
    web.get(API, status=401, headers={"WWW-Authenticate": "Basic realm=x"})
    web.get(API, json={})
    client = registry(password="hunter2")
    client.ping()
    client.ping()
    sent = ["Authorization" in call.request.headers for call in web.calls]
    assert sent == [False, False, True]


def test_b_a13_without_credentials_there_is_no_answer_to_a_challenge(
    web: responses.RequestsMock,
) -> None:
    web.get(API, status=401, headers={"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(AuthenticationRequiredError, match="who asks"):
        registry().ping()
    assert len(web.calls) == 1
