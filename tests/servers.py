"""A real registry server for tests: the distribution registry 2.8.2 that Debian packages.

What it does that one would not expect, each seen in a run:

* A foreign layer is refused with 500 unless the configuration allows its URLs, as here.
* An index with a missing child is refused: push it whole, then delete the child.
* It must not run while its garbage is collected: afterwards it says 200 to HEAD of a blob that is
  gone, and breaks off the GET.
* It ignores ``n`` on tags/list, and lists tags in no order.
* It answers 400 to the deletion of a tag, and 404 to everything under ``/referrers/``.
* It answers 404 for an OCI index to a request without the index's media type in Accept.
* skopeo 1.9.3 copies artifacts with a subject, but fails on nested indexes: push those by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

PROGRAM = "docker-registry"
PATIENCE = 20.0  # seconds to start or to stop
GLANCE = 0.02

# No proxy of the environment may stand between a test and a loopback port.
_open = build_opener(ProxyHandler({})).open


def need(program: str, package: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI is "true"."""
    path = shutil.which(program)
    if path is None:
        reason = f"needs {program}: install Debian's package {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@contextmanager
def docker_registry(root: Path, *, delete: bool = True) -> Iterator[str]:
    """Run the registry on a free loopback port, storing below `root`; yields its URL.

    Args:
        root: holds ``docker/registry/v2`` of the server, its configuration and its log.
        delete: whether manifests and blobs may be deleted.
    """
    program = need(PROGRAM, PROGRAM)
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration = root / "config.yml"
    # JSON is YAML as well.
    configuration.write_text(json.dumps(_configuration(root, port, delete=delete)))
    log = root / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve", str(configuration)], stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait(process, url, log)
        yield url
    finally:
        _stop(process)


def _configuration(root: Path, port: int, *, delete: bool) -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}, "level": "error"},
        "storage": {
            "filesystem": {"rootdirectory": str(root)},
            "delete": {"enabled": delete},
            "cache": {"blobdescriptor": "inmemory"},
            # Else it looks for old uploads while a test runs.
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{port}", "secret": "only for tests"},
        "validation": {"manifests": {"urls": {"allow": [".*"]}}},
    }


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with _open(f"{url}v2/", timeout=PATIENCE):
                return
        except OSError:
            time.sleep(GLANCE)
    raise RuntimeError(f"{PROGRAM} does not answer: {log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
