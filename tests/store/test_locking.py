"""What the system has to offer for images on disk, and what works without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from regnb.store.locking import lock, unlock

WITHOUT = """
import os, sys, warnings

sys.modules["fcntl"] = None
for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "readv", "pread", "pwrite", "fchmod"):
    if hasattr(os, name):
        delattr(os, name)
import regnb

with regnb.sample.connect() as reg:
    print(len(reg.catalog()) > 0)
    table = reg["library/alpine:latest"].copy_to(reg["new/alpine"], progress=False)
    print(set(table["action"]) <= {"mount", "transfer"})
    digest = reg["library/alpine:latest"].layers()["digest"][0]
    for attempt in (
        lambda: reg["library/alpine:latest"].pull(sys.argv[1], progress=False),
        lambda: reg["library/alpine"].download(digest, sys.argv[1], progress=False),
        lambda: regnb.connect(f"oci:{sys.argv[1]}"),
    ):
        try:
            attempt()
        except regnb.errors.StorageError as error:
            print("POSIX" in str(error))
"""


def test_without_posix_everything_works_but_images_on_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "images")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True"] * 5
    assert not list(tmp_path.iterdir())


def test_a_lock_is_had_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as one, path.open("wb") as other:
        assert lock(one.fileno())
        assert not lock(other.fileno())
        unlock(one.fileno())
        assert lock(other.fileno(), wait=True)
