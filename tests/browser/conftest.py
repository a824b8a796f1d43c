from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import Window, chromium, jupyterlab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    root = tmp_path_factory.mktemp("lab")
    with jupyterlab(root) as (address, token):
        yield root, address, token


@pytest.fixture
def window() -> Iterator[Window]:
    with chromium() as opened:
        yield opened
    assert opened.dialogs == []
    assert opened.blocked == []
