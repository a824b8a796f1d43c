"""The committed notebooks: they run, and what is saved in them is what they give."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from notebooks.demo import QUICKSTART, execute, shown

NOTEBOOKS = sorted(QUICKSTART.parent.glob("*.ipynb"))


def by_name(path: Path) -> str:
    return path.stem


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGNB_PROGRESS", "0")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_runs_without_error_and_without_script(path: Path) -> None:
    notebook = execute(path)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"] == []
    assert not any("<script" in str(o.get("data", {}).get("text/html", "")) for o in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_is_committed_with_outputs_and_without_widget_state(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code)
    assert "widget-view" not in path.read_text("utf-8")


def test_the_quick_start_is_short_and_shows_the_audit() -> None:
    notebook = nbformat.read(QUICKSTART, as_version=4)
    assert len(notebook.cells) < 20
    assert "stored" in shown(notebook, "audit-summary")


def test_a_notebook_that_raises_is_seen_to_raise(tmp_path: Path) -> None:
    path = tmp_path / "raises.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), path)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute(path)
