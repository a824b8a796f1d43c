"""The transcript in the documentation is what happens."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from tests.servers import docker_registry

PAGE = Path(__file__).parents[1] / "docs/transcript.md"
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_ONLY_FIRST_FAILURE


@pytest.mark.registry
def test_the_transcript_is_what_happens(tmp_path: Path) -> None:
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    printed: list[str] = []
    with docker_registry(tmp_path / "registry") as url:
        names = {"host": url.removeprefix("http://").rstrip("/"), "folder": tmp_path}
        test = doctest.DocTestParser().get_doctest(examples, names, PAGE.name, str(PAGE), 0)
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=printed.append)
    assert result.failed == 0, "".join(printed)
    assert result.attempted > 40
