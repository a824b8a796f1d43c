"""Faults of Location: presigned URLs that expire, loops, and every odd way to write an address."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from tests.faults.fault import Exchange, Fault, Site
from tests.faults.messages import Request, Response

SIGNATURE = "X-Amz-Signature"
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
TWICE = b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism</Message></Error>"


class Form(StrEnum):
    """How a Location is written."""

    ABSOLUTE = "http://host:port/v2/path"
    PATH = "/v2/path"
    RELATIVE = "path, relative to that of the request"
    NO_SCHEME = "//host:port/v2/path"
    HOST_ONLY = "host:port/v2/path"
    PLAIN_HTTP = "http://host:port/v2/path, whatever the request came by"
    OTHER_PORT = "http://host:other/v2/path"
    OTHER_HOST = "http://localhost:port/v2/path"


def write(form: Form, target: str, exchange: Exchange) -> str:
    """A target of the exchange's origin in that form."""
    origin, elsewhere = exchange.origin, exchange.site.elsewhere
    path, mark, query = target.partition("?")
    relative = posixpath.relpath(path, posixpath.dirname(exchange.request.path))
    return {
        Form.ABSOLUTE: f"{origin.url}{target[1:]}",
        Form.PATH: target,
        Form.RELATIVE: f"{relative}{mark}{query}",
        Form.NO_SCHEME: f"//{origin.authority}{target}",
        Form.HOST_ONLY: f"{origin.authority}{target}",
        Form.PLAIN_HTTP: f"http://{origin.authority}{target}",
        Form.OTHER_PORT: f"{elsewhere.url}{target[1:]}",
        Form.OTHER_HOST: f"{origin.scheme}://localhost:{origin.port}{target}",
    }[form]


@dataclass(frozen=True, slots=True)
class LocationForm(Fault):
    """The upstream's Location, written in another form."""

    form: Form

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        location = response.headers.get("Location")
        if location is not None:
            target = urlsplit(location)._replace(scheme="", netloc="").geturl()
            response.headers.set("Location", write(self.form, target, exchange))
        return response


@dataclass(frozen=True, slots=True)
class Presigned(Fault):
    """A redirect to a URL that answers 403 after so many uses, and 400 with an Authorization.

    Only the second port checks signatures. A request to the first that carries one passes: so one
    rule may stand for a whole path.
    """

    uses: int = 1
    form: Form = Form.OTHER_PORT
    status: int = 307

    async def on_request(self, exchange: Exchange) -> Response | None:
        request, site = exchange.request, exchange.site
        if request.parameter(SIGNATURE) is not None:
            return None
        await exchange.drain()
        signature = f"{len(site.signatures) + 1:08x}"
        site.signatures[signature] = self.uses
        mark = "&" if "?" in request.target else "?"
        location = write(self.form, f"{request.target}{mark}{SIGNATURE}={signature}", exchange)
        return Response.of(self.status, b"", ("Location", location))


def presigned_refusal(request: Request, site: Site) -> Response | None:
    """What a store answers that checks signatures; None where one may pass."""
    signature = request.parameter(SIGNATURE)
    if signature is None:
        return None
    if request.headers.get("Authorization") is not None:
        return Response.of(400, TWICE, ("Content-Type", "application/xml"))
    site.signatures[signature] = site.signatures.get(signature, 0) - 1
    if site.signatures[signature] < 0:
        return Response.of(403, EXPIRED, ("Content-Type", "application/xml"))
    return None


@dataclass(frozen=True, slots=True)
class RedirectLoop(Fault):
    """So many redirects to oneself, one after the other; then the request passes."""

    hops: int = 11

    async def on_request(self, exchange: Exchange) -> Response | None:
        request = exchange.request
        hop = int(request.parameter("hop") or 0)
        if hop == self.hops:
            return None
        await exchange.drain()
        location = f"{exchange.origin.url}{request.path[1:]}?hop={hop + 1}"
        return Response.of(307, b"", ("Location", location))
