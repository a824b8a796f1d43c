"""A container registry as easy to question as a table.

`connect` opens a registry; `sample.connect` opens the one that lives inside this package.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from regnb import errors
from regnb.client.caching import cache
from regnb.client.client import Client
from regnb.client.connecting import connect, copy, image
from regnb.client.image import Image
from regnb.client.login import login, logout
from regnb.client.repo import Repo
from regnb.errors import RegistryError, RegnbError
from regnb.frames.styled import styled
from regnb.options import get_options, option_context, set_options

if TYPE_CHECKING:
    from regnb import sample
    from regnb.audit.answers.growth import Growth
    from regnb.audit.audit import Audit
    from regnb.audit.kernel.policy import LivenessPolicy
    from regnb.audit.plans.plan import DeletionPlan
    from regnb.audit.plans.rules import expire, keep
    from regnb.audit.saved import list_audits, load_audit

__version__ = "0.1.0.dev0"

__all__ = [
    "Audit",
    "Client",
    "DeletionPlan",
    "Growth",
    "Image",
    "LivenessPolicy",
    "RegistryError",
    "RegnbError",
    "Repo",
    "cache",
    "connect",
    "copy",
    "errors",
    "expire",
    "get_options",
    "image",
    "keep",
    "list_audits",
    "load_audit",
    "login",
    "logout",
    "option_context",
    "sample",
    "set_options",
    "styled",
]

logging.getLogger("regnb").addHandler(logging.NullHandler())


# Only those who audit pay for it, and those who ask for the sample registry.
_LATE = {
    "Audit": "regnb.audit.audit",
    "DeletionPlan": "regnb.audit.plans.plan",
    "Growth": "regnb.audit.answers.growth",
    "LivenessPolicy": "regnb.audit.kernel.policy",
    "expire": "regnb.audit.plans.rules",
    "keep": "regnb.audit.plans.rules",
    "list_audits": "regnb.audit.saved",
    "load_audit": "regnb.audit.saved",
}


def __getattr__(name: str) -> Any:
    if name == "sample":
        return importlib.import_module("regnb.sample")
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module 'regnb' has no attribute {name!r}")


def __dir__() -> list[str]:
    # Completion shows what is not loaded yet, too.
    return sorted({*globals(), *__all__})
