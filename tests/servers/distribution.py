"""The distribution registry 2.8.2 that Debian packages as docker-registry.

What it does that one would not expect, each seen in a run:

* A foreign layer is refused with 500 unless the configuration allows its URLs, as here.
* An index with a missing child is refused: push it whole, then delete the child.
* It must not run while its garbage is collected: afterwards it says 200 to HEAD of a blob that is
  gone, and breaks off the GET.
* It ignores ``n`` on tags/list, and lists tags in no order.
* It answers 400 to the deletion of a tag, and 404 to everything under ``/referrers/``, before it
  has asked for any credentials.
* It answers 404 for an OCI index to a request without the index's media type in Accept.
* It asks for the action ``delete`` to cancel an upload, which ``pull,push`` does not include.
* A prefix is missing from its Locations where they are relative.
* The actions in the scope of a challenge, and its scopes, come in any order.
* skopeo 1.9.3 copies artifacts with a subject, but fails on nested indexes: push those by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt

from tests.servers.certificates import Certificate
from tests.servers.programs import HOST, free_port, need, running
from tests.servers.token_server import TokenServer

PROGRAM = "docker-registry"
HTPASSWD_REALM = "registry of the tests"
_CHEAPEST = 4  # rounds of bcrypt: what it hashes protects nothing


@contextmanager
def docker_registry(
    root: Path,
    *,
    delete: bool = True,
    htpasswd: Mapping[str, str] | None = None,
    token: TokenServer | None = None,
    tls: Certificate | None = None,
    clients: Path | None = None,
    prefix: str = "/",
    relative: bool = False,
    blobs_at: str | None = None,
) -> Iterator[str]:
    """Run the registry on a free loopback port, storing below `root`; yields its URL.

    Args:
        root: holds ``docker/registry/v2`` of the server, its configuration and its log.
        delete: whether manifests and blobs may be deleted.
        htpasswd: passwords by user, asked for as Basic.
        token: whose tokens are asked for as Bearer.
        tls: what it identifies itself with; without it the URL is ``http``.
        clients: certificates of the authorities whose clients alone may connect, by TLS.
        prefix: the path before ``v2/``, with a slash at both ends.
        relative: whether the URLs in its Location headers are paths only.
        blobs_at: the origin of a storage that it redirects to for the bytes of a blob.
    """
    program = need(PROGRAM, PROGRAM)
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration = {
        **_storing(root, delete=delete, blobs_at=blobs_at),
        "http": _http(port, tls=tls, clients=clients, prefix=prefix, relative=relative),
        "auth": _authentication(root, htpasswd, token),
    }
    path = root / "config.yml"
    path.write_text(json.dumps(configuration))  # JSON is YAML as well
    with running([program, "serve", str(path)], port=port, log=root / "server.log"):
        yield f"{'https' if tls else 'http'}://{HOST}:{port}{prefix}"


def storage_configuration(root: Path) -> Path:
    """Configure what reads the storage below `root` while no server runs."""
    path = root / "storage.yml"
    path.write_text(json.dumps(_storing(root, delete=True, blobs_at=None)))
    return path


def _storing(root: Path, *, delete: bool, blobs_at: str | None) -> dict[str, Any]:
    redirect = {"name": "redirect", "options": {"baseurl": blobs_at}}
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
        "middleware": {"storage": [redirect] if blobs_at else []},
        "validation": {"manifests": {"urls": {"allow": [".*"]}}},
    }


def _http(
    port: int, *, tls: Certificate | None, clients: Path | None, prefix: str, relative: bool
) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "addr": f"{HOST}:{port}",
        "secret": "only for tests",
        "prefix": prefix,
        "relativeurls": relative,
    }
    if tls:
        settings["tls"] = {"certificate": str(tls.chain), "key": str(tls.key)}
        settings["tls"] |= {"clientcas": [str(clients)]} if clients else {}
    return settings


def _authentication(
    root: Path, htpasswd: Mapping[str, str] | None, token: TokenServer | None
) -> dict[str, Any]:
    if token:
        known = {"realm": token.realm, "service": token.service, "issuer": token.signer.issuer}
        return {"token": {**known, "rootcertbundle": str(token.signer.bundle)}}
    if htpasswd:
        path = root / "htpasswd"
        path.write_text("".join(_line(*login) for login in htpasswd.items()))
        return {"htpasswd": {"realm": HTPASSWD_REALM, "path": str(path)}}
    return {}


def _line(user: str, password: str) -> str:
    return f"{user}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(_CHEAPEST)).decode()}\n"
