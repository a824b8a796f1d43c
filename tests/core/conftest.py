from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    """Answers instead of a network; every registered answer must be used."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies and authorities do not count in tests."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
