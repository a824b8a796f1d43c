from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

LOGINS = (
    *("REGNB_REGISTRY", "REGNB_USERNAME", "REGNB_PASSWORD", "DOCKER_AUTH_CONFIG"),
    *("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"),
)


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    """Answers instead of a network; every registered answer must be used."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture(autouse=True)
def _no_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The machine's own proxies, authorities and logins do not count in tests."""
    for variable in ("HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path_factory.getbasetemp() / "nobody"))
    for variable in LOGINS:
        monkeypatch.delenv(variable, raising=False)
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
