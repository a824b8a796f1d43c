"""Saving: images as one file, by way of a layout beside it that outlives an interrupted call."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from regnb.client.transfers import Options
from regnb.progress import BYTES, bar
from regnb.store.archive_writer import write_archive
from regnb.store.folder import INDEX
from regnb.store.layout import Layout
from regnb.store.trouble import explained


def save(path: Path, pull: Callable[[Layout], pd.DataFrame], *, options: Options) -> pd.DataFrame:
    """Write what `pull` puts into a layout as one tar file, and remove the layout."""
    folder = path.with_name(f"{path.name}.regnb")
    with explained(folder, "emptied"):
        # An interrupted call for another image may have left it: only the blobs are of use.
        (folder / INDEX).unlink(missing_ok=True)
    layout = Layout(folder)
    table = pull(layout)
    with bar(f"write {path.name}", unit=BYTES, show=options.progress) as shown:
        done = 0

        def advance(position: int) -> None:
            nonlocal done
            shown.advance(position - done)
            done = position

        write_archive(layout, path, on_position=advance)
    with explained(folder, "removed", kept=f"The archive is there: {path.name}."):
        shutil.rmtree(folder)
    return table
