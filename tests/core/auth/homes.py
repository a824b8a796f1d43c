"""What the tests of credentials share: a home folder to log in from, and helpers to run."""

from __future__ import annotations

import base64
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnb.core.auth.helper import Helpers
from regnb.core.wire.address import Address, parse_address
from regnb.core.wire.limits import Limits
from tests.core.fakes import FakeTime

REGISTRY = parse_address("registry.example")
HUB = parse_address("docker.io")
NOT_FOUND = "echo credentials not found in native keychain; exit 1"


def address(text: str) -> Address:
    return parse_address(text, insecure=text.startswith("http://"))


def entry(username: str = "robot", password: str = "hunter2") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def auths(**passwords: str) -> dict[str, Any]:
    return {"auths": {key: entry(password=password) for key, password in passwords.items()}}


def answer(username: str, secret: str) -> str:
    """The line of a helper's script that answers with a login."""
    document = {"ServerURL": "x", "Username": username, "Secret": secret}
    return f"printf %s {shlex.quote(json.dumps(document))}"


def helpers(time: FakeTime | None = None, **limits: Any) -> Helpers:
    return Helpers(limits=Limits(**limits), clock=(time or FakeTime()).clock())


@dataclass(frozen=True)
class Home:
    """Where a person keeps logins: the home folder, one on PATH, and the runtime folder."""

    path: Path
    bin: Path
    run: Path

    def write(self, name: str, document: Any) -> Path:
        """Write a file below the home folder, text as it is and anything else as JSON."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
        return path

    def helper(self, name: str, script: str) -> Path:
        """Put docker-credential-NAME on PATH; it writes down its argument and input first."""
        path = self.bin / f"docker-credential-{name}"
        log = shlex.quote(str(self.log(name)))
        path.write_text(
            f'#!/bin/sh\nprintf "%s " "$1" >> {log}\ncat >> {log}\necho "|" >> {log}\n{script}\n'
        )
        path.chmod(0o755)
        return path

    def log(self, name: str) -> Path:
        return self.bin / f"{name}.log"

    def asked(self, name: str) -> list[str]:
        """Each run of a helper: its argument and what it was given to read."""
        log = self.log(name)
        return log.read_text("utf-8").split("|\n")[:-1] if log.exists() else []
