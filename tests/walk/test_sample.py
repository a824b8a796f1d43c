"""A walk and its audit over real HTTP, against the embedded registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regnb.audit.audit import Audit
from regnb.audit.kernel.seen import Seen
from regnb.core.registry import Registry
from regnb.sample import serve
from regnb.walk.crawl import crawl

LEVELS = ("registry", "repository", "tag")


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serve() as served, Registry(served.url, name="sample") as registry:
        yield registry


@pytest.fixture(scope="module")
def audit(registry: Registry) -> Audit:
    return Audit(Seen(crawl(registry)))


def test_the_sample_is_seen_with_its_layers_platforms_and_holes(audit: Audit) -> None:
    manifests = audit.manifests
    assert len(audit.repositories) > 1
    assert len(audit.tags) > len(audit.repositories)
    assert (manifests["layer_count"].fillna(0) > 1).any()
    assert manifests["architecture"].nunique() > 1
    assert set(audit.errors["stage"]) <= {"tags", "manifest", "config"}
    assert audit.complete == audit.errors.empty


def test_the_numbers_of_the_sample_add_up(audit: Audit) -> None:
    stored = int(audit.usage("registry")["stored"].sum())
    assert stored == int(audit.blobs[audit.blobs["live"]]["size"].sum()) > 0
    for level in LEVELS:
        usage = audit.usage(level)
        assert usage["fair"].sum() == pytest.approx(stored, rel=1e-12)
        assert (usage["exclusive"] <= usage["fair"] * (1 + 1e-12)).all()
        assert (usage["fair"] <= usage["stored"] * (1 + 1e-12)).all()


def test_f13_two_walks_of_the_sample_give_equal_tables(registry: Registry, audit: Audit) -> None:
    again = Audit(Seen(crawl(registry, workers=3)))
    for level in LEVELS:
        assert again.usage(level).equals(audit.usage(level))
    assert again.blobs.equals(audit.blobs)
    assert again.manifests.equals(audit.manifests)
    assert again.repositories.equals(audit.repositories)
    times = ["observed_at"]
    assert again.tags.drop(columns=times).equals(audit.tags.drop(columns=times))
    assert again.errors.drop(columns=times).equals(audit.errors.drop(columns=times))


def test_one_repository_of_the_sample_can_be_walked_alone(registry: Registry, audit: Audit) -> None:
    name = audit.usage("repository")["repository"].iloc[0]
    alone = (
        Audit(Seen(crawl(registry, repositories=[name])))
        .usage("repository")
        .set_index("repository")
    )
    whole = audit.usage("repository").set_index("repository")
    assert alone.index.tolist() == [name]
    assert alone.loc[name, "stored"] == whole.loc[name, "stored"]
    assert alone.loc[name, "exclusive"] == alone.loc[name, "stored"]
