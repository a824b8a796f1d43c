"""Flights: threads that want the same thing at the same time send one of them to get it (F9)."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from regnb.errors import RegistryError

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


@dataclass(slots=True, eq=False)
class Flight:
    """One thread on its way, while others wait for it to land."""

    landed: threading.Event = field(default_factory=threading.Event)
    error: RegistryError | None = None


class Flights:
    """All that is under way. The lock is never held while anything is on its way (W-A7)."""

    __slots__ = ("_lock", "_under_way")

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Flight] = {}

    def share(self, key: Hashable, work: Callable[[], T]) -> T | None:
        """Do some work, or wait for the thread that is doing it already.

        Args:
            key: equal for equal work.
            work: called in one thread at a time. It looks first whether it is still to be done,
                because another thread may have done it a moment ago.

        Returns:
            What the work returned; None to whoever waited and may look for it now.

        Raises:
            RegistryError: the work did; whoever waited gets a copy, instead of trying as well.
            BaseException: the work was broken off; whoever waited does not get that.
        """
        with self._lock:
            flight = self._under_way.get(key)
            leads = flight is None
            if flight is None:
                flight = self._under_way[key] = Flight()
        if leads:
            return self._lead(key, flight, work)
        flight.landed.wait()
        if flight.error is not None:
            raise copy.copy(flight.error)
        return None

    def _lead(self, key: Hashable, flight: Flight, work: Callable[[], T]) -> T:
        try:
            return work()
        except BaseException as error:
            failure = _bare(error)
            flight.error = failure if isinstance(failure, RegistryError) else None
        finally:
            with self._lock:
                del self._under_way[key]
            flight.landed.set()
        raise failure


def _bare(error: E) -> E:
    """The error without the frames of the work, whose variables are nobody's business (S16)."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
