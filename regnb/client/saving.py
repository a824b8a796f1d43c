"""Saving: images as one file, by way of a layout beside it that outlives an interrupted call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from regnb.client.transfers import Options
from regnb.errors import StorageError, printable
from regnb.progress import BYTES, bar
from regnb.store.archive_writer import write_archive
from regnb.store.atomic import is_at, remove_temporary_files
from regnb.store.folder import BLOBS, INDEX, MARK
from regnb.store.layout import Layout
from regnb.store.locking import take, unlock
from regnb.store.trouble import explained

_CLAIM = "save"
"""A file in the state folder of the layout: that it was made here, and who is at it."""

_CLAIMED = b"Image.save has made this layout, and removes it.\n"


def save(path: Path, pull: Callable[[Layout], pd.DataFrame], *, options: Options) -> pd.DataFrame:
    """Write what `pull` puts into a layout as one tar file, and remove the layout."""
    if path.is_dir():
        raise StorageError(f"{printable(path)} is a folder. Name the file that the image shall be.")
    layout = Layout(path.with_name(f"{path.name}.regnb"))
    with _claimed(layout, path):
        with explained(layout.path, "emptied"):
            # An interrupted call for another image may have left it: only the blobs are of use.
            (layout.path / INDEX).unlink(missing_ok=True)
        table = pull(layout)
        _write(layout, path, options)
        with explained(layout.path, "removed", kept=f"The archive is there: {path.name}."):
            _remove(layout)
    return table


def _write(layout: Layout, path: Path, options: Options) -> None:
    with bar(f"write {path.name}", unit=BYTES, show=options.progress) as shown:
        done = 0

        def advance(position: int) -> None:
            nonlocal done
            shown.advance(position - done)
            done = position

        write_archive(layout, path, on_position=advance)


@contextmanager
def _claimed(layout: Layout, path: Path) -> Iterator[None]:
    """Hold the layout against other calls; none that somebody else has made is touched."""
    claim = layout.state_folder / _CLAIM
    with explained(claim, "opened"):
        file = take(claim)
    if file is None:
        raise StorageError(
            f"Another call is saving to {printable(path)}. Wait for it, or choose another name."
        )
    try:
        with explained(claim, "written"):
            _check(layout, file, path)
        yield
    finally:
        with suppress(OSError):  # only tidiness
            if is_at(claim, file) and (not os.fstat(file).st_size or _is_empty(layout)):
                _give_up(layout)
        unlock(file)  # not left to closing: a forked child has the file open too
        os.close(file)


def _check(layout: Layout, file: int, path: Path) -> None:
    """Raise where the folder has been there before, and no claim in it."""
    if os.fstat(file).st_size:
        return
    if not _is_empty(layout):
        raise StorageError(
            f"{layout.shown} is in the way: save makes a folder of that name, and this one was "
            f"there before. Nothing was changed. Rename it, or save {printable(path.name)} by "
            "another name."
        )
    os.write(file, _CLAIMED)


def _is_empty(layout: Layout) -> bool:
    """Whether nothing is there but the claim."""
    state = layout.state_folder
    return os.listdir(layout.path) == [state.name] and os.listdir(state) == [_CLAIM]


def _remove(layout: Layout) -> None:
    """Remove what was made, the claim last: whatever breaks, the next call goes on with it."""
    folder, state = layout.path, layout.state_folder
    (folder / INDEX).unlink()
    remove_temporary_files(folder)
    shutil.rmtree(folder / BLOBS)
    (folder / MARK).unlink()  # after the others: it tells that they are of a layout
    for one in state.iterdir():
        if one.name != _CLAIM:
            one.unlink()
    _give_up(layout)


def _give_up(layout: Layout) -> None:
    (layout.state_folder / _CLAIM).unlink()
    for folder in (layout.state_folder, layout.path):
        with suppress(OSError):  # something else is in it, or somebody
            folder.rmdir()
