"""Store: the logins that `regnb.login` made, kept in memory until the process ends."""

from __future__ import annotations

import threading

from regnb.core.auth.logins import Login
from regnb.core.wire.address import Address, Origin

_Place = tuple[Origin, str]
_logins: dict[_Place, Login] = {}
_lock = threading.Lock()
_last_change = 0


def last_change() -> int:
    """A number that is another one after each login and logout."""
    return _last_change


def remember(address: Address, login: Login) -> None:
    """Use a login for a registry from now on, in place of an earlier one."""
    with _lock:
        _logins[_place(address)] = login
        _note_change()


def recall(address: Address) -> Login | None:
    """The login made for a registry, or for the host that it is a prefix of.

    A login belongs to an origin: one made over https is not given to plain http (S3).
    """
    origin, prefix = _place(address)
    with _lock:
        return _logins.get((origin, prefix)) or _logins.get((origin, ""))


def forget(address: Address) -> None:
    """Use no login made for a registry any more; one that was never made is no error."""
    with _lock:
        _logins.pop(_place(address), None)
        _note_change()


def _note_change() -> None:
    global _last_change  # noqa: PLW0603 - one process, one store; this is its only writer
    _last_change += 1


def _place(address: Address) -> _Place:
    return address.origin, address.name.partition("/")[2]
