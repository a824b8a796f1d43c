"""What `make demo` runs: the quick start, executed, its audit printed, the page written.

    python -m notebooks.demo [--save]

`--save` runs every notebook, and writes the outputs back into them: so they are committed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

FOLDER = Path(__file__).parent
QUICKSTART = FOLDER / "01_quickstart.ipynb"
PAGE = FOLDER.parent / "build" / "quickstart.html"


def execute(path: Path) -> nbformat.NotebookNode:
    """Run a copy of a notebook from top to bottom in a fresh kernel; raises if a cell raises."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(notebook, timeout=120, resources=resources)
        client.store_widget_state = False
        # Over Unix sockets: nothing listens on the network, and the kernel warns of nothing.
        manager = client.create_kernel_manager()
        manager.transport, manager.ip = "ipc", f"{folder}/kernel"
        client.execute()
    return notebook


def shown(notebook: nbformat.NotebookNode, tag: str) -> str:
    """The text output of the cell that carries `tag`."""
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            return "\n".join(
                output.get("data", {}).get("text/plain", output.get("text", ""))
                for output in cell.outputs
            ).rstrip()
    raise LookupError(f"no cell of the notebook is tagged {tag!r}")


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write outputs back without what changes at every run: times and the Python version."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description="Run the quick start on the sample registry.")
    parser.add_argument("--save", action="store_true", help="write outputs into all notebooks")
    arguments = parser.parse_args()
    notebook = execute(QUICKSTART)
    print(shown(notebook, "audit-summary"))
    body, _ = HTMLExporter().from_notebook_node(notebook)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(body, encoding="utf-8")
    print(f"\nThe whole notebook, executed: {PAGE.relative_to(FOLDER.parent)}")
    if arguments.save:
        for path in sorted(FOLDER.glob("*.ipynb")):
            save(execute(path), path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
