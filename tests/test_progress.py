from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
import tqdm.notebook

from notebooks.demo import execute
from regnb import progress
from regnb.options import option_context, progress_wanted


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGNB_PROGRESS", raising=False)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is a second later."""
    ticks = itertools.count()
    monkeypatch.setattr("regnb.progress.time.monotonic", lambda: float(next(ticks)))


@pytest.mark.parametrize(
    ("explicit", "option", "environment", "wanted"),
    [
        (None, None, {}, True),
        (False, True, {"REGNB_PROGRESS": "1"}, False),
        (True, False, {"REGNB_PROGRESS": "0"}, True),
        (None, False, {"REGNB_PROGRESS": "1"}, False),
        (None, True, {"REGNB_PROGRESS": "0"}, True),
        (None, None, {"REGNB_PROGRESS": "0"}, False),
        (None, None, {"REGNB_PROGRESS": "off"}, False),
        (None, None, {"TQDM_DISABLE": "1"}, False),
        (None, None, {"TQDM_DISABLE": "0"}, True),
        (None, None, {"REGNB_PROGRESS": "1", "TQDM_DISABLE": "1"}, True),
    ],
)
def test_the_argument_wins_then_the_option_then_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    explicit: bool | None,
    option: bool | None,
    environment: dict[str, str],
    wanted: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with option_context(progress=option):
        assert progress_wanted(explicit) is wanted


@pytest.mark.usefixtures("slow")
def test_a_log_gets_one_true_line(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.bar("reading", total=3, unit="tag", show=True) as bar:
        for _ in range(3):
            bar.advance()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("reading: 3 tags in ")


@pytest.mark.usefixtures("slow")
def test_an_interrupted_bar_says_how_far_it_came(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with progress.bar("reading", unit="tag", show=True) as bar:
            bar.total(1000)
            bar.advance(2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capfd.readouterr().err.startswith("reading: interrupted after 2 tags of 1,000, ")


@pytest.mark.usefixtures("slow")
def test_a_hidden_bar_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.bar("reading", show=False) as bar:
        bar.advance(5)
        bar.note("x")
    assert capfd.readouterr() == ("", "")


def test_short_work_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("regnb.progress.time.monotonic", lambda: 0.0)
    with progress.bar("reading", show=True) as bar:
        bar.advance(5)
    assert capfd.readouterr() == ("", "")


@dataclass
class Place:
    """A place in a notebook, and what stands there in the end."""

    shown: list[Any] = field(default_factory=list)

    def display(self, container: Any, *, display_id: bool) -> Place:
        assert display_id
        self.shown.append(container)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """A notebook with ipywidgets, as far as a bar can tell."""

    class Widget(tqdm.notebook.tqdm):  # type: ignore[type-arg] # a plain class when it runs
        def __init__(self, **options: Any) -> None:
            assert "desc" not in options  # it would be taken for markup
            assert options["disable"] is False  # the notebook bar ignores TQDM_DISABLE
            super().__init__(**options)

    place = Place()
    monkeypatch.setattr(progress, "_tqdm", lambda: Widget)
    monkeypatch.setattr("IPython.display.display", place.display)
    return place


@pytest.mark.usefixtures("slow")
def test_a_notebook_bar_knows_a_total_that_comes_later_and_grows(place: Place) -> None:
    with progress.bar("<img src=x>", unit="tag", show=True) as bar:
        bar.advance(3)
        left, box, _ = place.shown[0].children
        assert (box.max, box.layout.width) == (1, "20px")  # tqdm's picture of "unknown"
        for total in (10, 20):
            bar.total(total)
            bar.advance(1)
            assert (box.max, box.bar_style, box.layout.width) == (total, "", None)
        assert "<img" not in left.value
    assert place.shown[1]["text/plain"].startswith("<img src=x>: 5 tags in ")
    assert len(place.shown) == 2


@pytest.mark.usefixtures("slow")
def test_an_interrupted_notebook_bar_leaves_its_line_too(place: Place) -> None:
    def work() -> None:
        with progress.bar("reading", total=9, unit="tag", show=True) as bar:
            bar.advance(2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert place.shown[-1]["text/plain"].startswith("reading: interrupted after 2 tags of 9, ")


@pytest.mark.usefixtures("slow")
def test_a_terminal_sees_a_bar_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.bar("reading\x1b[31m", total=4, unit="tag", show=True) as bar:
        bar.advance(2)
        bar.note("half \x1b way")
        bar.advance(2)
    shown = capfd.readouterr().err
    assert "4/4" in shown
    assert "half" in shown
    assert "\x1b[31m" not in shown
    assert shown.splitlines()[-1].startswith("reading [31m: 4 tags in ")


def run(path: Path, source: str) -> Any:
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)], metadata={"kernelspec": kernel}
    )
    nbformat.write(notebook, path)
    return execute(path).cells[0].outputs


WORK = """
from regnb import progress
progress.DELAY = 0
text = "reading <img src=x onerror=alert(1)>"
with progress.bar(text, total=4, unit="tag", show=True) as shown:
    for _ in range(4):
        shown.advance()
"""


def test_a_notebook_keeps_one_true_line_and_no_widget(tmp_path: Path) -> None:
    outputs = run(tmp_path / "bar.ipynb", WORK)
    assert [output.output_type for output in outputs] == ["display_data"]
    assert set(outputs[0].data) == {"text/plain"}
    text = outputs[0].data["text/plain"]
    assert text.startswith("reading <img src=x onerror=alert(1)>: 4 tags in ")
    assert "%" not in text


def test_a_notebook_without_widgets_keeps_one_true_line(tmp_path: Path) -> None:
    hide = "import sys\nsys.modules['ipywidgets'] = None\n"
    outputs = run(tmp_path / "bar.ipynb", hide + WORK)
    text = "".join(output.text for output in outputs)
    assert "IProgress" not in text
    assert text.rpartition("\r")[2].startswith("reading <img")
    assert "4 tags in" in text.rpartition("\r")[2]
