from __future__ import annotations

import html
import itertools
import re
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


def transfer(bar: progress.Bar, *steps: int, note: str = "") -> None:
    """Bytes come and go, as in a transfer: what is negative was lost."""
    for step in steps:
        bar.note(note)
        bar.advance(step)


@pytest.mark.usefixtures("slow")
def test_a_log_is_told_of_bytes_in_decimal_units(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.bar("pull app", total=9_000_000, unit=progress.BYTES, show=True) as bar:
        transfer(bar, 4_000_000, 5_000_000, note="7/7 blobs, 2 skipped")
    (line,) = capfd.readouterr().err.splitlines()
    assert re.fullmatch(r"pull app: 9\.0 MB in \d+\.0 s, 7/7 blobs, 2 skipped", line)


@pytest.mark.usefixtures("slow")
def test_interrupted_bytes_say_how_far_they_came(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with progress.bar("pull app", total=9_000_000, unit=progress.BYTES, show=True) as bar:
            transfer(bar, 2_000_000, note="3/7 blobs")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    (line,) = capfd.readouterr().err.splitlines()
    expected = r"pull app: interrupted after 2\.0 MB of 9\.0 MB, 3/7 blobs, \d+\.0 s"
    assert re.fullmatch(expected, line)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(
    ("total", "note", "line"),
    [
        (0, "7 blobs skipped", r"pull app: 0 B in \d+\.0 s, 7 blobs skipped"),
        (0, "", r"pull app: 0 B in \d+\.0 s"),
        (2_500, "0/1 blob", r"pull app: 0 B of 2\.5 kB in \d+\.0 s, 0/1 blob"),
    ],
)
def test_no_bytes_at_all_make_a_true_line(
    capfd: pytest.CaptureFixture[str], total: int, note: str, line: str
) -> None:
    with progress.bar("pull app", total=total, unit=progress.BYTES, show=True) as bar:
        transfer(bar, 0, 0, note=note)
    assert re.fullmatch(line, capfd.readouterr().err.strip())


def live(place: Place) -> str:
    """What stands to the right of the bar in a notebook."""
    return html.unescape(place.shown[0].children[2].value).replace("\u2007", " ").strip()


@pytest.mark.usefixtures("slow")
def test_bytes_that_begin_anew_and_a_total_that_grows_are_shown(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(seconds)))
    with progress.bar("pull app", unit=progress.BYTES, show=True) as bar:
        transfer(bar, 0)
        _, box, _ = place.shown[0].children
        for total, step, done in (
            (8_000, 6_000, "6.00"),
            (8_000, -5_000, "1.00"),
            (9_000, 0, "1.00"),
        ):
            bar.total(total)
            transfer(bar, step, note="1/2 blobs")
            assert (box.max, box.value) == (total, float(done) * 1000)
            assert live(place).startswith(f"{done}k/{total // 1000}.00k [")
            assert live(place).endswith("B/s, 1/2 blobs]")
        transfer(bar, 8_000, note="2/2 blobs")
        assert live(place).startswith("9.00k/9.00k [")
    line = place.shown[-1]["text/plain"]
    assert re.fullmatch(r"pull app: 9\.0 kB in \d+\.0 s, 2/2 blobs", line)


def test_bytes_of_an_earlier_try_are_done_but_make_no_rate(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    monkeypatch.setattr("regnb.progress.time.monotonic", lambda: now)
    with progress.bar("pull app", total=10_000_000, unit=progress.BYTES, show=True) as bar:
        now += 1
        bar.advance(1_000_000)  # the bar opens only here
        assert live(place) == "1.00M/10.0M [00:01<00:09, 1.00MB/s]"
        bar.resume(5_000_000)
        now += 1
        bar.advance(1_000_000)
        assert live(place) == "7.00M/10.0M [00:02<00:03, 1.00MB/s]"
        now += 2
        bar.advance(0)  # a stall counts
        assert live(place) == "7.00M/10.0M [00:04<00:06, 500kB/s]"
    assert place.shown[-1]["text/plain"].startswith("pull app: 7.0 MB of 10.0 MB in ")


@pytest.mark.usefixtures("slow")
def test_a_terminal_sees_bytes_and_then_the_line_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.bar("pull \x1b[31mapp", total=4_000, unit=progress.BYTES, show=True) as bar:
        transfer(bar, 2_000, 2_000, note="1/2 \x1b[2Jblobs")
    shown = capfd.readouterr().err
    *_, last, blank, line = shown.rstrip("\n").split("\r")
    assert "4.00k/4.00k [" in last
    assert blank.strip() == ""
    assert line.startswith("pull  [31mapp: 4.0 kB in ")
    assert "\x1b[31m" not in shown
    assert "\x1b[2J" not in shown


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
