"""The committed notebooks: they run, and what is saved in them is what they give."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from notebooks.demo import FOLDER, QUICKSTART, execute, shown

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def by_name(path: Path) -> str:
    return path.stem


@cache
def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook as it has run: once for all tests."""
    return execute(path)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGNB_PROGRESS", "0")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_runs_without_error_and_without_script(path: Path) -> None:
    notebook = executed(path)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"] == []
    assert not any("<script" in str(o.get("data", {}).get("text/html", "")) for o in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_is_committed_with_outputs_and_without_widget_state(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code)
    saved = path.read_text("utf-8")
    assert "widget-view" not in saved
    # Whose machine it was made on is nobody's business.
    assert str(FOLDER.parent) not in saved
    assert not re.search(r"/(home|root|Users)/|/tmp/tmp|/var/folders/", saved)


def test_the_quick_start_is_short_and_shows_the_audit() -> None:
    notebook = nbformat.read(QUICKSTART, as_version=4)
    assert len(notebook.cells) < 20
    assert "stored" in shown(notebook, "audit-summary")


def test_the_notebook_of_transfers_keeps_the_true_lines_of_its_bars() -> None:
    notebook = nbformat.read(FOLDER / "04_transfer.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    lines = [one.data["text/plain"] for one in outputs if one.output_type == "display_data"]
    pulled, interrupted, resumed = lines
    assert re.fullmatch(r"pull team/api:latest: 20\.2 MB in .+ s, 7/7 blobs", pulled)
    assert " interrupted after " in interrupted
    assert " of 300.0 MB, 1/2 blobs, " in interrupted
    assert re.search(r" 300\.0 MB in .*1/1 blob, 1 skipped, .* MB from before$", resumed)


def test_the_notebook_of_the_audit_frees_what_its_plan_said() -> None:
    notebook = executed(FOLDER / "03_storage_audit.ipynb")
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    found = re.search(r"the plan said ([\d,]+) bytes; ([\d,]+) are needed no more", printed)
    assert found is not None
    assert found[1] == found[2] != "0"
    alone = re.search(r"one by one ([\d,]+) bytes, together ([\d,]+), already", printed)
    assert alone is not None
    assert alone[2] == found[1]


def test_a_notebook_that_raises_is_seen_to_raise(tmp_path: Path) -> None:
    path = tmp_path / "raises.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), path)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute(path)
