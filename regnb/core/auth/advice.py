"""Advice: what to do about a registry or a token service that refuses."""

from __future__ import annotations

from urllib.parse import urlsplit

from regnb.core.auth.challenges import parse_challenges
from regnb.core.wire.address import DOCKER_HUB, DOCKER_HUB_API
from regnb.core.wire.incoming import Answer
from regnb.core.wire.redaction import redact

_SPOKEN = frozenset({"basic", "bearer"})


def how_to_log_in(registry: str) -> str:
    """For whoever has no credentials; `registry` is host and port."""
    return (
        f"No credentials for {registry} were found: pass username= and password=, call "
        f"regnb.login(), or run docker login {registry} or podman login {registry}."
    )


def about_401(answer: Answer) -> str:
    """What a registry's 401 means, and what to do."""
    if answer.authorised:
        return "The registry refused the credentials that were sent; check them."
    offered = {c.scheme for c in parse_challenges(answer.headers.getlist("WWW-Authenticate"))}
    if offered & _SPOKEN:
        return how_to_log_in(_name_of(answer.url))
    if offered:
        return "The registry offers no way to log in that regnb knows; ask its owner."
    return "The registry does not say how to log in; ask its owner."


def _name_of(url: str) -> str:
    netloc = urlsplit(redact(url)).netloc
    return DOCKER_HUB if netloc == DOCKER_HUB_API else netloc
