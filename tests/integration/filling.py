"""Real images for a real registry: layouts made with umoci, copied in with skopeo."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import need


def run(*arguments: str | Path) -> str:
    """Run a program to its end and give back what it printed."""
    done = subprocess.run(
        [str(a) for a in arguments], check=True, capture_output=True, text=True, timeout=120
    )
    return done.stdout


@dataclass(frozen=True)
class Filled:
    """A registry that has been filled: where it is, on the wire and on disk, and with what."""

    url: str
    root: Path
    pushed: dict[str, list[str]]

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").rstrip("/")

    def raw(self, reference: str) -> dict[str, Any]:
        """A manifest as another client reads it."""
        text = run(
            "skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{self.host}/{reference}"
        )
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    def blob_sizes(self) -> dict[str, int]:
        """The size of every blob file on disk, by digest."""
        blobs = self.root / "docker/registry/v2/blobs"
        return {
            f"{data.parents[2].name}:{data.parent.name}": data.stat().st_size
            for data in blobs.glob("*/*/*/data")
        }


def layout(folder: Path, images: dict[str, list[dict[str, bytes]]]) -> Path:
    """An OCI layout with an image for each tag, one layer for each dictionary of files.

    Tags whose lists begin alike share those layers.
    """
    need("umoci", "umoci")
    umoci = ["umoci"]
    run(*umoci, "init", "--layout", folder)
    for tag, layers in images.items():
        image = f"{folder}:{tag}"
        run(*umoci, "new", "--image", image)
        run(*umoci, "config", "--image", image, "--architecture", "amd64", "--os", "linux")
        for number, files in enumerate(layers):
            add_layer(folder, tag, number, files)
    return folder


def add_layer(folder: Path, tag: str, number: int, files: dict[str, bytes]) -> None:
    """Add one layer that holds `files` to a tag of a layout."""
    tree = folder.parent / f"{folder.name}-{tag}-{number}"
    tree.mkdir(parents=True)
    for name, content in files.items():
        (tree / name).write_bytes(content)
        # The same times make the same layer, so that tags share it.
        subprocess.run(["touch", "-d", "2024-01-01T00:00:00Z", tree / name, tree], check=True)
    run("umoci", "insert", "--rootless", "--image", f"{folder}:{tag}", tree, f"/opt/{number}")
    shutil.rmtree(tree)


def push(source: Path, tag: str, host: str, reference: str) -> None:
    """Copy one image of a layout into a registry."""
    need("skopeo", "skopeo")
    target = f"docker://{host}/{reference}"
    run("skopeo", "copy", "--dest-tls-verify=false", f"oci:{source}:{tag}", target)
