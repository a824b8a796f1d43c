"""Long listings: ``python -m tests.bench.listings NAME HOST`` reads one, in a process of its own.

Prints the figures of `measuring.report`; what is seen are tags, or names of repositories.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.bench.measuring import Call, Figures, middle, ratio, report, rounds
from tests.bench.planting import plant_repositories, plant_tags
from tests.servers import Answer, Asked, HttpServer, docker_registry

TAGS = 100_000
REPOSITORIES = 10_000
PAGE = 1000
REPOSITORY = "many/tags"


def regnb_tags(host: str, *, lazily: bool) -> Call:
    """`tags.pages()` or `tags.all()`."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - only the client that is measured

    tags = Registry(host).repository(REPOSITORY).tags
    if lazily:
        return lambda: sum(len(page) for page in tags.pages())
    return lambda: len(tags.all())


def regnb_names(host: str) -> Call:
    """`Registry.repositories()`, which is an iterator."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - as above

    registry = Registry(host)
    return lambda: sum(1 for _ in registry.repositories())


def oras_tags(host: str) -> Call:
    """oras-py's list of all tags."""
    from oras.provider import Registry  # noqa: PLC0415 - as above

    registry = Registry(host, insecure=True)
    return lambda: len(registry.get_tags(f"{host}/{REPOSITORY}"))


def oras_names(host: str) -> Call:
    """The catalog by oras-py's own way through pages."""
    from oras.provider import Registry  # noqa: PLC0415 - as above

    registry = Registry(host, insecure=True)
    names: list[str] = []

    def take(response: Any) -> bool:
        names.extend(response.json()["repositories"])
        return True

    def call() -> int:
        registry._do_paginated_request(f"http://{host}/v2/_catalog?n={PAGE}", callable=take)
        return len(names)

    return call


def dxf_tags(host: str) -> Call:
    """python-dxf's iterator over tags."""
    from dxf import DXF  # noqa: PLC0415 - as above

    def call() -> int:
        with DXF(host, REPOSITORY, insecure=True) as repository:
            return sum(1 for _ in repository.list_aliases(iterate=True))

    return call


def dxf_names(host: str) -> Call:
    """python-dxf's iterator over repositories."""
    from dxf import DXFBase  # noqa: PLC0415 - as above

    def call() -> int:
        with DXFBase(host, insecure=True) as base:
            return sum(1 for _ in base.list_repos(batch_size=PAGE, iterate=True))

    return call


CALLS: dict[str, Callable[[str], Call]] = {
    "tags: regnb, pages()": partial(regnb_tags, lazily=True),
    "tags: regnb, all()": partial(regnb_tags, lazily=False),
    "tags: oras-py": oras_tags,
    "tags: python-dxf": dxf_tags,
    "names: regnb": regnb_names,
    "names: oras-py": oras_names,
    "names: python-dxf": dxf_names,
}


@dataclass
class Generated:
    """A listing of tags in pages, each of which is made when it is asked for.

    Attributes:
        total: tags.
        size: tags on a page.
        largest: bytes of a page.
    """

    total: int
    size: int
    largest: int = field(default=0, init=False)

    def answer(self, asked: Asked) -> Answer:
        """The page that the query names."""
        first = int(asked.query.get("page", ["0"])[0]) * self.size
        after = min(first + self.size, self.total)
        answer = Answer.of(
            {"name": REPOSITORY, "tags": [f"release-{n:07d}" for n in range(first, after)]}
        )
        self.largest = max(self.largest, len(answer.body))  # type: ignore[arg-type]  # bytes, of()
        more = {"Link": f'<?page={after // self.size}>; rel="next"'} if after < self.total else {}
        return Answer(200, {"Connection": "keep-alive", **answer.headers, **more}, answer.body)


def measure(count: int) -> str:
    """The second table of `docs/benchmarks.md`, of so many rounds."""
    lines = [
        "| listing | of | page, kB | seconds | oras-py / | peak grown, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    tags = [name for name in CALLS if name.startswith("tags")]
    names = [name for name in CALLS if name.startswith("names")]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plant_tags(root, REPOSITORY, TAGS)
        plant_repositories(root, REPOSITORIES - 1)
        with docker_registry(root) as url:
            host = url.removeprefix("http://").rstrip("/")
            whole = _length(f"{url}v2/{REPOSITORY}/tags/list")
            tenth = _length(f"{url}v2/_catalog?n={PAGE}")
            one_page = rounds(__name__, tags, host, count)
            catalog = rounds(__name__, names, host, count)
    lines += _rows(one_page, f"{TAGS:,} tags, one page", TAGS, whole)
    generated = Generated(TAGS, PAGE)
    with HttpServer(generated.answer) as server:
        host = server.url.removeprefix("http://").rstrip("/")
        paged = rounds(__name__, tags, host, count)
    lines += _rows(paged, f"{TAGS:,} tags, {TAGS // PAGE} pages", TAGS, generated.largest)
    ten = f"{REPOSITORIES:,} names, {REPOSITORIES // PAGE} pages"
    lines += _rows(catalog, ten, REPOSITORIES, tenth)
    return "\n".join(lines)


def _length(url: str) -> int:
    with urlopen(url, timeout=60) as answer:
        return len(answer.read())


def _rows(measured: dict[str, list[Figures]], what: str, total: int, page: int) -> list[str]:
    peer = next(figures for name, figures in measured.items() if "oras" in name)
    rows = []
    for name, figures in measured.items():
        seen = {f["seen"] for f in figures}
        assert seen == {total}, f"{name} saw {seen} of {what}"
        rows.append(
            f"| {what} | {name.partition(': ')[2]} | {page / 1000:,.0f} "
            f"| {middle(figures, 'wall'):.2f} | {ratio(peer, figures, 'wall')} "
            f"| {middle(figures, 'grown') / 1e6:.1f} |"
        )
    return rows


if __name__ == "__main__":
    report(CALLS[sys.argv[1]](sys.argv[2]))
