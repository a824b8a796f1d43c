"""Tar files in memory, as programs or strangers may write them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regnb.model.digest import Digest
from tests.store.building import layer_tar


def tar_of(members: Mapping[str, bytes | str]) -> bytes:
    """A tar file; a member of text is a symbolic link, one that begins with ``=`` a hard link."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            if isinstance(content, str):
                hard = content.startswith("=")
                header.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
                header.linkname = content.removeprefix("=")
                archive.addfile(header)
            else:
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
    return held.getvalue()


class Saved:
    """What an older ``docker save`` writes of one image."""

    def __init__(self, *layers: str, tags: tuple[str, ...] = ("team/app:1.2",)) -> None:
        self.tars = [layer_tar(name) for name in layers]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(tar) for tar in self.tars]},
        }
        self.config = json.dumps(config).encode()
        name = f"{Digest.of(self.config).encoded}.json"
        self.members: dict[str, bytes | str] = {name: self.config}
        paths = []
        for number, tar in enumerate(self.tars):
            paths.append(f"{number}/layer.tar")
            self.members[paths[-1]] = tar
        self.listed: list[dict[str, Any]] = [
            {"Config": name, "RepoTags": list(tags) or None, "Layers": paths}
        ]

    def into(self, path: Path) -> Path:
        manifest = {"manifest.json": json.dumps(self.listed).encode()}
        path.write_bytes(tar_of({**self.members, **manifest}))
        return path


def archived(folder: Path, prefix: str = "") -> bytes:
    """A layout as a tar file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tar_of({prefix + str(path.relative_to(folder)): path.read_bytes() for path in files})
