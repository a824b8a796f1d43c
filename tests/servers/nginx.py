"""nginx, with a configuration of its own: before a registry, or as the storage that one leads to.

One process, which does not fork and writes only below its folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.certificates import Certificate
from tests.servers.programs import HOST, free_port, need, running

STORED = "/docker/registry/v2/blobs/"

_MAIN = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    absolute_redirect off;
    client_body_temp_path client;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        {listen}
        {server}
    }}
}}
"""

_FRONT = """
        client_max_body_size 0;
        location {prefix}v2/ {{
            proxy_pass {upstream}v2/;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            {forwarded}
            {redirects}
        }}
"""

_STORAGE = """
        location / {{
            if ($http_authorization) {{ return 400 "Only one auth mechanism allowed"; }}
            {signed}
            root {root};
        }}
"""


@contextmanager
def front(
    root: Path,
    upstream: str,
    *,
    tls: Certificate | None = None,
    prefix: str = "/",
    forwarded: bool = False,
    location: str | None = None,
    signature: str | None = None,
) -> Iterator[str]:
    """Run nginx before a registry, on a free loopback port; yields its URL.

    Args:
        root: the folder for its configuration and its log.
        upstream: the URL of the registry.
        tls: what it identifies itself with; without it the URL is ``http``.
        prefix: the path before ``v2/``, with a slash at both ends; the registry does not see it,
            nor do its Location and Link headers have it.
        forwarded: whether the registry is told the scheme: else its Locations are ``http``.
        location: what becomes of the Locations of the registry's own, where they are whole URLs:
            a text with variables of nginx, ``$path`` for path and query among them; without it
            they are passed on as they are.
        signature: what is added, as the parameter of this name, to a Location of stored blobs.
    """
    own = urlsplit(upstream).path
    redirects = []
    if location:
        redirects.append(f"~^https?://[^/]+(?<path>{own}v2/.*)$ {location}")
    if signature:
        redirects.append(f"~^(?<stored>.*{STORED}.*)$ $stored?signature={signature}")
    server = _FRONT.format(
        prefix=prefix,
        upstream=upstream,
        forwarded="proxy_set_header X-Forwarded-Proto $scheme;" if forwarded else "",
        redirects=" ".join(f"proxy_redirect {each};" for each in redirects or ["off"]),
    )
    with _nginx(root, server, tls) as url:
        yield f"{url}{prefix}"


@contextmanager
def storage(
    root: Path, stored: Path, *, tls: Certificate | None = None, signature: str | None = None
) -> Iterator[str]:
    """Serve what a registry stores, on a free loopback port, as an object storage does.

    It answers 400 to a request with Authorization, for it would be one authorization too many.

    Args:
        root: the folder for its configuration and its log.
        stored: the root of the registry.
        tls: what it identifies itself with; without it the URL is ``http``.
        signature: what the parameter ``signature`` of each query must be, 403 otherwise.
    """
    signed = f'if ($arg_signature != "{signature}") {{ return 403; }}' if signature else ""
    with _nginx(root, _STORAGE.format(root=stored, signed=signed), tls) as url:
        yield f"{url}/"


@contextmanager
def _nginx(root: Path, server: str, tls: Certificate | None) -> Iterator[str]:
    program = need("nginx", "nginx")
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    listen = f"listen {HOST}:{port};"
    if tls:
        listen = f"listen {HOST}:{port} ssl; ssl_certificate {tls.chain};"
        listen += f" ssl_certificate_key {tls.key};"
    configuration = root / "nginx.conf"
    configuration.write_text(_MAIN.format(listen=listen, server=server))
    # -e: else it opens the log that it was built with before it reads any configuration.
    command = [program, "-p", f"{root}/", "-e", "stderr", "-c", str(configuration)]
    with running(command, port=port, log=root / "nginx.log"):
        yield f"{'https' if tls else 'http'}://{HOST}:{port}"
