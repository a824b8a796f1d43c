"""The front doors: a registry or images on disk, one image by its full name, and a copy of one."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from regnb.client.client import Client
from regnb.client.image import Image
from regnb.client.repo import Repo
from regnb.client.transfers import Platforms
from regnb.core.auth.credentials import Given
from regnb.core.registry import Registry
from regnb.core.wire.tls import ClientCertificate, StrPath
from regnb.errors import printable
from regnb.model.reference import parse_normalized
from regnb.store.source import open_target
from regnb.transfer.tracker import OnProgress


def connect(
    target: str,
    *,
    username: str | None = None,
    password: str | None = None,
    credentials: Given | None = None,
    insecure: bool = False,
    ca: StrPath | None = None,
    client_certificate: ClientCertificate | None = None,
    verify: bool = True,
    trust_realm: Iterable[str] = (),
) -> Client:
    """Connect to a registry, or open images on disk. Nothing is asked or read yet.

    Args:
        target: ``host``, ``host:port`` or ``https://host/prefix/``. It is spoken to over https,
            except that a bare loopback host means plain http. ``oci:folder/`` is an OCI image
            layout, or a folder of them; ``oci-archive:file.tar`` and ``docker-archive:file.tar``
            are archives, which are only read. They take no other arguments.
        username: for a registry that asks for one. Without it, credentials are found where
            `login`, the environment, Docker and the container tools keep them.
        password: goes with it. Neither is ever shown, logged or pickled.
        credentials: in place of both, a function that is called once the registry asks, and again
            when it refuses: it gives a user name and a password, or None for nobody.
        insecure: allow plain http to a host that is not loopback.
        ca: file or folder, in PEM, of the authorities that its certificate may come from; by
            default those of the environment.
        client_certificate: file of a certificate and its key, or a file of each, that you identify
            yourself with there.
        verify: whether its certificate is checked. False warns once, and holds for no other host
            that the registry leads to.
        trust_realm: token services, by ``host`` or ``host:port``, that are sent the credentials
            although they are on another domain than the registry.

    Raises:
        InvalidReferenceError: `target` is no address of a registry.
        ValueError: a user name without a password, or the reverse, or both and `credentials`;
            or any of them for images on disk.

    Warns:
        UnverifiedTLSWarning: the certificate is not checked.
    """
    given = (username, password, credentials, insecure, ca, client_certificate, not verify)
    on_disk = open_target(target)
    if on_disk is not None:
        if any(given) or list(trust_realm):
            raise ValueError(
                f"{printable(target)} is on disk: only a registry has logins and certificates."
            )
        return Client(on_disk)
    return Client(
        Registry(
            target,
            username=username,
            password=password,
            credentials=credentials,
            insecure=insecure,
            ca=ca,
            client_certificate=client_certificate,
            verify=verify,
            trust_realm=trust_realm,
        )
    )


def image(reference: str) -> Image:
    """An image by its full name, such as ``ghcr.io/org/app:1.2``; no request.

    Names are read as Docker reads them: ``alpine`` is ``docker.io/library/alpine:latest``.

    Raises:
        InvalidReferenceError: `reference` does not follow the grammar.
    """
    named = parse_normalized(reference).with_default_tag()
    return Image(connect(named.domain).core.repository(named.path), named)


def copy(
    source: str | Image,
    target: str | Image | Repo,
    *,
    platforms: Platforms | None = None,
    referrers: bool = False,
    dry_run: bool = False,
    progress: bool | None = None,
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """Copy an image between two repositories; the same as `Image.copy_to`.

    Args:
        source: a full name such as ``ghcr.io/org/app:1.2``, or an image of a client.
        target: as for `Image.copy_to`.
        platforms: as for `Image.pull`.
        referrers: as for `Image.pull`.
        dry_run: only say what would be done.
        progress: show a bar; by default as `set_options` and the environment say.
        on_progress: as for `Image.pull`.

    Returns:
        The same as of `Image.copy_to`.

    Raises:
        RegnbError: as for `Image.copy_to`.
    """
    origin = image(source) if isinstance(source, str) else source
    return origin.copy_to(
        target,
        platforms=platforms,
        referrers=referrers,
        dry_run=dry_run,
        progress=progress,
        on_progress=on_progress,
    )
