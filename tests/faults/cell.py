"""A cell of the matrix: one operation meets trouble, and what must hold whatever becomes of it."""

from __future__ import annotations

import base64
import gc
import io
import logging
import os
import re
import ssl
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.errors import RegnbError
from tests.core.fakes import FakeTime, registry
from tests.faults.answers import Status
from tests.faults.client import GLANCE
from tests.faults.fault import Entry
from tests.faults.gates import BasicGate, Gate
from tests.faults.operations import Effect, Operation
from tests.faults.proxy import PATIENCE, Proxy
from tests.faults.redirects import SIGNATURE
from tests.faults.scenario import ELSEWHERE, Chooses
from tests.servers import Authority

USER, PASSWORD = "robot", "never-to-be-shown"
SECRETS = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), "token-")
_SIGNED = re.compile(f"{SIGNATURE}=[0-9a-f]")
# The server tells of clients that went away, and what it tells keeps their connections open.
_SAMPLE = logging.getLogger("regnb.sample")
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json"

NOT_FOUND = 404


@dataclass
class Time(FakeTime):
    """A clock that passes by sleeping; while a client sleeps, `meanwhile` happens."""

    meanwhile: Callable[[], object] = lambda: None

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.meanwhile()
        return super().wait(event, seconds)


@dataclass(frozen=True)
class Ending:
    """What became of an operation.

    Attributes:
        value: that it gave.
        error: that it raised instead.
        log: of the proxy, less what was refused for want of credentials.
        waits: of the client, in seconds.
        said: all that was logged, and the error with its traceback.
    """

    value: object
    error: RegnbError | None
    log: list[Entry]
    waits: list[float]
    said: str

    def asked(self, operation: Operation) -> list[Entry]:
        """The requests of the kind that the operation is befallen at."""
        return [
            entry
            for entry in self.log
            if entry.method == operation.method and re.search(operation.path, entry.path)
        ]


@dataclass
class Cell:
    """Everything around one operation.

    Attributes:
        upstream: URL of the registry behind the proxy.
        target: the repository that is written to.
        gate: asks for credentials.
        limits: of the client.
        time: of the client and of the proxy.
        authority: signs for the registry, which then is spoken to by https.
    """

    upstream: str
    target: str
    gate: Gate | None = field(default_factory=lambda: BasicGate(USER, PASSWORD))
    limits: Limits = field(default_factory=Limits)
    time: Time = field(default_factory=Time)
    authority: Authority | None = None

    def run(self, operation: Operation, scenario: Chooses) -> Ending:
        """Let an operation meet a scenario; raises where something does not hold."""
        with _nothing_left(), _listening() as said, self._proxy(scenario) as proxy:
            self.time.meanwhile = proxy.listen
            with self._client(proxy.url) as client:
                ending = self._ending(operation, client, proxy, said)
                proxy.scenario = _Peace()
                client.ping()  # no trouble is left over on its connections
        check_credentials(ending.log)
        check_quiet(ending.log)
        check_secrets(ending.said)
        check_effect(ending, operation.effect, f"{self.upstream}v2/{self.target}/")
        return ending

    def _proxy(self, scenario: Chooses) -> Proxy:
        context = None
        if self.authority is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*self.authority.server().both)
        now = self.time.look
        return Proxy(self.upstream, scenario, gate=self.gate, now=now, context=context)

    def _client(self, url: str) -> Registry:
        options: dict[str, Any] = {}
        if self.authority is not None:
            options["ca"] = self.authority.bundle
        return registry(url, time=self.time, limits=self.limits, password=PASSWORD, **options)

    def _ending(
        self, operation: Operation, client: Registry, proxy: Proxy, said: io.StringIO
    ) -> Ending:
        value, error = None, None
        try:
            value = operation.does(client, self.target)
        except RegnbError as raised:
            error = raised
            said.write(f"{raised!r} {vars(raised)}\n")
            said.write("".join(traceback.format_exception(raised)))
        log = [entry for entry in proxy.seen() if not _asked_who(entry)]
        return Ending(value, error, log, list(self.time.slept), said.getvalue())


class _Peace:
    """A scenario in which nothing happens."""

    def choose(self, origin: str, method: str, path: str) -> None:
        return None


def _asked_who(entry: Entry) -> bool:
    return entry.status == 401 and entry.fault is None


def check_credentials(log: list[Entry]) -> None:
    """Credentials go to the registry and nowhere else (S3)."""
    abroad = [entry for entry in log if entry.origin == ELSEWHERE]
    assert not [entry for entry in abroad if entry.headers.get("Authorization")]
    assert not [entry for entry in abroad if entry.headers.get("Cookie")]


def check_quiet(log: list[Entry]) -> None:
    """No request leaves before the time that a Retry-After asked for (F4, F14).

    But one may: that which has the registry forget an upload that is given up (F10).
    """
    for number, entry in enumerate(log):
        wanted = entry.fault.after if isinstance(entry.fault, Status) else None
        if wanted is not None and re.fullmatch(r"[0-9.]+", wanted):
            later = [each for each in log[number + 1 :] if each.method != "DELETE"]
            assert all(each.at >= entry.at + float(wanted) for each in later)


def check_secrets(said: str) -> None:
    """What was said holds no secret (S16)."""
    assert not [secret for secret in SECRETS if secret in said]
    assert not _SIGNED.search(said)


def check_effect(ending: Ending, effect: Effect | None, repository: str) -> None:
    """What was to be done is done, or nothing of it is; and never half or wrong (F14)."""
    if effect is None:
        return
    found = fetched(repository + effect.path)
    if ending.error is None:
        assert found == effect.content
    elif effect.content is not None:
        assert found in (None, effect.content)


def fetched(url: str) -> bytes | None:
    """What is at a URL of a registry, seen without the client; None for nothing."""
    request = urllib.request.Request(url, headers={"Accept": _MANIFESTS})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            content: bytes = response.read()
            return content
    except urllib.error.HTTPError as error:
        with error:
            if error.code != NOT_FOUND:
                raise
            return None


@contextmanager
def _listening() -> Iterator[io.StringIO]:
    """All that any logger of the client says, at any level."""
    said = io.StringIO()
    handler, root = logging.StreamHandler(said), logging.getLogger()
    levels = {root: logging.DEBUG, _SAMPLE: logging.INFO}
    before = {logger: logger.level for logger in levels}
    root.addHandler(handler)
    try:
        for logger, level in levels.items():
            logger.setLevel(level)
        yield said
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def _nothing_left() -> Iterator[None]:
    """Neither open files nor threads are left behind, even if nobody collects garbage."""
    gc_was = gc.isenabled()
    gc.disable()
    threads, files = set(threading.enumerate()), _open_files()
    try:
        yield
        deadline = time.monotonic() + PATIENCE
        while set(threading.enumerate()) - threads or _open_files() > files:
            # Only the servers may still be about to finish.
            assert time.monotonic() < deadline, (threading.enumerate(), _open_files())
            time.sleep(GLANCE)
    finally:
        if gc_was:
            gc.enable()


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
