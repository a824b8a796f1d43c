"""The sessions in the documentation are what happens."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

import regnb
from tests.servers import docker_registry

DOCS = Path(__file__).parents[1] / "docs"
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_ONLY_FIRST_FAILURE


def run(page: Path, names: dict[str, Any]) -> int:
    """Run the sessions of a page, one after the other; how many lines there were to try."""
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
    printed: list[str] = []
    test = doctest.DocTestParser().get_doctest(examples, names, page.name, str(page), 0)
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=printed.append)
    assert result.failed == 0, "".join(printed)
    return result.attempted


@pytest.mark.registry
def test_the_transcript_is_what_happens(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry") as url:
        names = {"host": url.removeprefix("http://").rstrip("/"), "folder": tmp_path}
        assert run(DOCS / "transcript.md", names) > 40


def test_the_guide_to_moving_images_is_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGNB_PROGRESS", "0")
    with (
        regnb.sample.connect() as reg,
        regnb.sample.serve() as served,
        regnb.connect(served.url) as other,
    ):
        assert run(DOCS / "guide.md", {"regnb": regnb, "reg": reg, "other": other}) > 15


# dask 2026.8 calls what pandas 3.1 says that a later version will not have.
@pytest.mark.filterwarnings("ignore:The inplace keyword:pandas.errors.Pandas4Warning")
def test_the_page_on_large_registries_is_what_happens(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGNB_PROGRESS", "0")
    with regnb.sample.connect() as reg:
        assert run(DOCS / "scale.md", {"regnb": regnb, "reg": reg}) > 15
