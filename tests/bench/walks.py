"""One walk of one client in a process of its own: ``python -m tests.bench.walks NAME HOST``.

Prints the figures of `measuring.report`; what is seen are tags.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from tempfile import TemporaryDirectory

import requests

from tests.bench.measuring import Call, report
from tests.bench.seeding import MANIFEST


def oras(host: str, *, configs: bool) -> Call:
    """oras-py, one request after the other; the catalog by its own request method."""
    from oras.provider import Registry  # noqa: PLC0415 - only the client that is measured

    registry = Registry(host, insecure=True)

    def walk() -> int:
        seen = 0
        catalog = registry.do_request(f"http://{host}/v2/_catalog?n=1000").json()
        for name in catalog["repositories"]:
            for tag in registry.get_tags(f"{host}/{name}"):
                manifest = registry.get_manifest(f"{host}/{name}:{tag}")
                if configs:
                    digest = manifest["config"]["digest"]
                    registry.get_blob(f"{host}/{name}", digest).json()
                seen += 1
        return seen

    return walk


def oras_threads(host: str) -> Call:
    """oras-py again, its manifests read by eight threads of ours."""
    from oras.provider import Registry  # noqa: PLC0415 - as above

    registry = Registry(host, insecure=True)

    def walk() -> int:
        catalog = registry.do_request(f"http://{host}/v2/_catalog?n=1000").json()
        names = [
            f"{host}/{name}:{tag}"
            for name in catalog["repositories"]
            for tag in registry.get_tags(f"{host}/{name}")
        ]
        with ThreadPoolExecutor(8) as pool:
            return len(list(pool.map(registry.get_manifest, names)))

    return walk


def dxf(host: str) -> Call:
    """python-dxf, one request after the other."""
    from dxf import DXF, DXFBase  # noqa: PLC0415 - as above

    def walk() -> int:
        seen = 0
        with DXFBase(host, insecure=True) as base:
            for name in base.list_repos(iterate=True):
                repository = DXF.from_base(base, name)
                for tag in repository.list_aliases(iterate=True):
                    repository.get_manifest(tag)
                    seen += 1
        return seen

    return walk


def curl(host: str, *, configs: bool) -> Call:
    """curl, eight at once, for content whose URLs it is given: what the wire and the server give.

    It throws away what it reads.
    """
    registry = f"http://{host}/v2"
    session = requests.Session()
    names = session.get(f"{registry}/_catalog?n=1000", timeout=60).json()["repositories"]
    urls = [
        f"{registry}/{name}/manifests/{tag}"
        for name in names
        for tag in session.get(f"{registry}/{name}/tags/list", timeout=60).json()["tags"]
    ]
    tags = len(urls)
    for url in urls[: tags if configs else 0]:
        manifest = session.get(url, headers={"Accept": MANIFEST}, timeout=60).json()
        digest = manifest["config"]["digest"]
        urls.append(f"{url.rpartition('/manifests/')[0]}/blobs/{digest}")
    lines = "".join(f'url = "{url}"\noutput = "{os.devnull}"\n' for url in urls)
    command = ["curl", "-sS", "--noproxy", "*", "-H", f"Accept: {MANIFEST}", "--fail"]
    command += ["--parallel", "--parallel-max", "8", "-w", "%{http_code}\\n", "-K", "-"]

    def walk() -> int:
        done = subprocess.run(command, input=lines, check=True, capture_output=True, text=True)
        assert done.stdout.split() == ["200"] * len(urls)
        return tags

    return walk


def regnb(host: str, *, configs: bool, again: bool = False) -> Call:
    """`Client.audit` as a user calls it, with its tables and its usage: the first, or a second."""
    import regnb as sdk  # noqa: PLC0415 - as above
    import regnb.audit.audit  # noqa: PLC0415 - which is else imported by the first call

    client = sdk.connect(host)

    def walk() -> int:
        if not again:
            # A new folder each time, so that nothing is known.
            os.environ["REGNB_CACHE"] = os.path.join(cache.name, str(next(numbers)))
        audit = client.audit(configs=configs, progress=False)
        assert audit.complete
        assert len(audit.usage(by="repository")) > 0
        return len(audit.tags)

    cache, numbers = TemporaryDirectory(), count()
    os.environ["REGNB_CACHE"] = cache.name
    if again:
        walk()
    return walk


WALKS: dict[str, Callable[[str], Call]] = {
    "regnb": lambda host: regnb(host, configs=False),
    "oras-py": lambda host: oras(host, configs=False),
    "python-dxf": dxf,
    "oras-py, 8 threads": oras_threads,
    "curl, 8 at once": lambda host: curl(host, configs=False),
    "regnb with configs": lambda host: regnb(host, configs=True),
    "regnb with configs, again": lambda host: regnb(host, configs=True, again=True),
    "oras-py with configs": lambda host: oras(host, configs=True),
    "curl with configs": lambda host: curl(host, configs=True),
}


if __name__ == "__main__":
    report(WALKS[sys.argv[1]](sys.argv[2]))
