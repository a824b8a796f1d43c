"""Child: another program run to its end, bounded in time and in what it may print."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from regnb.core.wire.clock import Clock
from regnb.core.wire.limits import Limits
from regnb.core.wire.secret import Secret

_PIECE = 64 * 1024
_CLOSED = (OSError, ValueError)


@dataclass(slots=True, repr=False)
class Answer:
    """What a program printed and how it ended. Shows nothing of it: it may be a password (S16).

    Attributes:
        output: what it wrote to its standard output.
        status: its exit status, 0 for success.
        trouble: in words, why there is no such end; empty where there is.
    """

    output: bytearray = field(default_factory=bytearray)
    status: int = -1
    trouble: str = ""

    def __repr__(self) -> str:
        """The way it ended."""
        return f"Answer(status={self.status}, trouble={self.trouble!r})"


def run(command: Sequence[str], text: Secret, *, limits: Limits, clock: Clock) -> Answer:
    """Run a program without a shell, give it `text` to read, and take what it prints.

    What it writes to its standard error is thrown away, because it may hold secrets. After
    `Limits.helper_timeout`, on too much output and on Ctrl-C the program is killed together with
    what it has started.
    """
    answer = Answer()
    try:
        process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a group of its own, to be killed as one
        )
    except OSError:
        answer.trouble = "cannot be started"
        return answer
    with process:
        try:
            _await(process, text, answer, limits, clock)
        finally:
            _kill(process)
    return answer


def _await(
    process: subprocess.Popen[bytes], text: Secret, answer: Answer, limits: Limits, clock: Clock
) -> None:
    deadline = clock.monotonic() + limits.helper_timeout
    # A thread, because a program may take its time to read as well as to write; and a daemon,
    # because the end of its output may be in the hands of what it has left running.
    talking = threading.Thread(
        target=_talk, args=(process, text, answer.output, limits.helper_output), daemon=True
    )
    talking.start()
    talking.join(limits.helper_timeout)
    try:
        if len(answer.output) > limits.helper_output:
            answer.trouble = f"printed more than {limits.helper_output:,} bytes"
        elif talking.is_alive():
            answer.trouble = _late(limits)
        else:
            answer.status = process.wait(max(0.0, deadline - clock.monotonic()))
    except subprocess.TimeoutExpired:
        answer.trouble = _late(limits)


def _late(limits: Limits) -> str:
    return f"did not end within {limits.helper_timeout:g} seconds"


def _talk(process: subprocess.Popen[bytes], text: Secret, output: bytearray, most: int) -> None:
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        return
    with suppress(*_CLOSED), stdin:  # it need not read
        stdin.write(text.encode("utf-8"))
    with suppress(*_CLOSED):  # it was killed
        while len(output) <= most and (piece := stdout.read(_PIECE)):
            output += piece


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program's whole group, unless the program has ended by itself."""
    if process.returncode is not None:
        return
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
