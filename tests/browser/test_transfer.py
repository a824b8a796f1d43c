"""Images on the move, as a person sees them in JupyterLab: the bar, the stop button, the line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from regnb.sample import serve
from tests.browser.lab import (
    Window,
    end_all,
    errors,
    interrupt,
    open_notebook,
    run_all,
    saved,
    start_all,
    write,
)
from tests.browser.valve import Valve

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

PULL = """
import regnb
reg = regnb.connect({url!r})
table = reg["team/api:latest"].pull({folder!r})
print(table["size"].sum(), "bytes in all")
""".strip()

LIVE = re.compile(r"[1-9]\.\d+M/20\.2M\s\[.*,\s.*B/s,\s[0-6]/7\sblobs\]")
"""A bar that is not at its end: bytes of bytes, rate, blobs of blobs."""


@pytest.fixture
def valve() -> Iterator[Valve]:
    """The sample registry behind a valve that is shut in the middle of the image."""
    with serve() as served, Valve(served.url, limit=8_000_000) as valve:
        yield valve


def live(page: Page) -> Locator:
    return page.locator(".jp-OutputArea-output .widget-hbox")


def lines(page: Page) -> Locator:
    return page.locator(".jp-OutputArea-output", has_text="pull team/api:latest: ")


def assert_no_bar_is_left(page: Page, file: str) -> None:
    expect(live(page)).to_have_count(0)
    assert "widgets" not in json.loads(file)["metadata"]
    assert "widget-view" not in file
    assert "0%" not in file


def test_a_pull_shows_bytes_and_blobs_and_leaves_one_true_line(
    lab: tuple[Path, str, str], window: Window, valve: Valve
) -> None:
    root, address, token = lab
    page = window.page
    write(root / "pull.ipynb", PULL.format(url=valve.url, folder="pulled"))
    open_notebook(page, address, token, "pull.ipynb")
    start_all(page)
    expect(live(page)).to_contain_text(LIVE)
    expect(live(page)).to_contain_text("api:latest:")
    valve.open()
    assert end_all(page), errors(page)
    expect(lines(page)).to_have_text(
        re.compile(r"^pull team/api:latest: 20\.2 MB in \d+\.\d s, 7/7 blobs$")
    )
    file = saved(page, root / "pull.ipynb")
    assert ": 20.2 MB in " in file
    assert_no_bar_is_left(page, file)


def test_a_pull_that_is_stopped_says_how_far_it_came_and_is_gone_on_with(
    lab: tuple[Path, str, str], window: Window, valve: Valve
) -> None:
    root, address, token = lab
    page = window.page
    write(root / "stop.ipynb", PULL.format(url=valve.url, folder="stopped"))
    open_notebook(page, address, token, "stop.ipynb")
    start_all(page)
    expect(live(page)).to_contain_text(LIVE)
    interrupt(page)
    assert not end_all(page)
    assert errors(page)[0].startswith("KeyboardInterrupt")
    expect(lines(page)).to_have_text(
        re.compile(
            r"^pull team/api:latest: interrupted after [1-9]\.\d MB of 20\.2 MB, \d/7 blobs, .* s$"
        )
    )
    assert_no_bar_is_left(page, saved(page, root / "stop.ipynb"))
    stopped = root / "stopped"  # in which blobs it came, and how whole, is the scheduler's choice
    kept = [*stopped.glob(".regnb/*.part"), *stopped.glob("blobs/*/*")]
    assert sum(path.stat().st_size for path in kept) > 1_000_000
    valve.open()
    assert run_all(page), errors(page)
    expect(page.locator(".jp-OutputArea-output", has_text="bytes in all")).to_be_visible()
    assert not (root / "stopped" / ".regnb").exists()


def test_the_notebook_of_transfers_runs(lab: tuple[Path, str, str], window: Window) -> None:
    root, address, token = lab
    shutil.copy(NOTEBOOKS / "04_transfer.ipynb", root)
    page = window.page
    open_notebook(page, address, token, "04_transfer.ipynb")
    assert run_all(page), errors(page)
    file = saved(page, root / "04_transfer.ipynb")
    assert " interrupted after " in file
    assert " from before" in file
    assert_no_bar_is_left(page, file)
