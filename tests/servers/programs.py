"""Programs that tests run: found on PATH, waited for until they listen, ended with their block."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HOST = "127.0.0.1"
PORTS = range(20_000, 32_768)  # what Linux gives who asks for any port begins where they end
PATIENCE = 20.0  # seconds to start or to stop
GLANCE = 0.02


def need(program: str, package: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI is "true"."""
    path = shutil.which(program)
    if path is None:
        reason = f"needs {program}: install Debian's package {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """A loopback port that nobody listens on, nor is given who asks for any port."""
    while True:
        port = secrets.choice(PORTS)  # hypothesis makes `random` the same in all processes
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


@contextmanager
def running(command: Sequence[str], *, port: int, log: Path) -> Iterator[None]:
    """Run a server while the block runs, which begins when it listens on `port`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(process, port, log)
        yield
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), PATIENCE).close()
        except OSError:
            time.sleep(GLANCE)
        else:
            return
    said = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{process.args!r} does not answer: {said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
