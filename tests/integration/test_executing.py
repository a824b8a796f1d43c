"""Plans carried out on docker-registry 2.8.2, which deletes manifests and takes no tag away."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import regnb
from regnb.errors import DeletionDisabledError, PlanOutdatedError, UntagUnsupportedError
from tests.audit.generator import generate, without_garbage
from tests.integration.filling import layout, push
from tests.integration.storage import TOP, collect_garbage, sizes, write
from tests.servers import docker_registry

pytestmark = pytest.mark.registry
SEEDS = range(500, 516)
NOISE = random.Random(5).randbytes


def several_tags_on_one(seed: int) -> bool:
    tags = without_garbage(generate(seed)).shelves.tags
    return len({(home, digest) for (home, _), digest in tags.items()}) < len(tags)


SHARED = [seed for seed in SEEDS if several_tags_on_one(seed)]


def links(root: Path) -> set[str]:
    """Everything that ties tags and manifests to repositories."""
    return {str(path) for path in (root / TOP / "repositories").glob("**/_manifests/**/link")}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_deleted_frees_what_the_plan_says(tmp_path: Path, seed: int) -> None:
    stock = without_garbage(generate(seed))
    write(stock, tmp_path)
    repositories = random.Random(seed).sample(sorted(stock.shelves.holdings), 1)
    with docker_registry(tmp_path) as url, regnb.connect(url) as client:
        audit = client.audit(progress=False).with_policy("distribution-2.8")
        known = audit.tags.query("repository == @repositories")
        plan = audit.plan_delete(known)
        log = plan.execute(confirm=len(plan), progress=False)
        assert set(log["means"]) <= {"delete-digest"}
        assert set(log["status"]) <= {"deleted"}
        assert plan.execute(confirm=len(plan), progress=False).equals(log)
        left = client.audit(progress=False)
        assert set(left.tags["repository"]).isdisjoint(repositories)
        assert len(left.tags) == len(audit.tags) - len(known)
    before = sum(sizes(tmp_path).values())
    collect_garbage(tmp_path, untagged=True)
    assert before - sum(sizes(tmp_path).values()) == plan.freed + plan.already_garbage


@pytest.mark.parametrize("seed", SHARED)
def test_what_cannot_be_deleted_alone_leaves_everything_as_it_is(tmp_path: Path, seed: int) -> None:
    write(without_garbage(generate(seed)), tmp_path)
    there = links(tmp_path)
    with docker_registry(tmp_path) as url, regnb.connect(url) as client:
        audit = client.audit(progress=False).with_policy("distribution-2.8")
        all_but_one = audit.tags.duplicated(["repository", "digest"], keep="last")
        plan = audit.plan_delete(mask=all_but_one)
        with pytest.raises(UntagUnsupportedError, match="Nothing was deleted"):
            plan.execute(confirm=len(plan), progress=False)
    assert links(tmp_path) == there


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[regnb.Client, Path]]:
    """A repository with two images, one of them under two tags."""
    files = {tag: [{"base": b"base"}, {tag: NOISE(9_000)}] for tag in ("1", "2")}
    source = layout(tmp_path / "layout", files)
    with docker_registry(tmp_path / "registry") as url, regnb.connect(url) as client:
        for tag, name in (("1", "1"), ("2", "2"), ("2", "latest")):
            push(source, tag, client.name, f"team/app:{name}")
        yield client, tmp_path / "registry"


def test_a_tag_of_an_image_that_has_others_is_refused_and_both_together_go(
    app: tuple[regnb.Client, Path],
) -> None:
    client, root = app
    there = links(root)
    audit = client.audit(progress=False)
    one = audit.plan_delete("team/app:2")
    assert "refuses to execute this" in str(one)
    with pytest.raises(UntagUnsupportedError, match="team/app:2") as caught:
        one.execute(confirm=1, progress=False)
    assert "delete-digest" not in str(caught.value)
    assert links(root) == there
    both = audit.plan_delete(["team/app:2", "team/app:latest"])
    assert "refuses" not in str(both)
    assert both.execute(confirm=2, progress=False)["status"].tolist() == ["deleted"]
    assert client["team/app"].tags()["tag"].tolist() == ["1"]


def test_a_tag_that_was_moved_meanwhile_is_left(
    app: tuple[regnb.Client, Path], tmp_path: Path
) -> None:
    client, root = app
    plan = client.audit(progress=False).plan_delete("team/app:1")
    push(tmp_path / "layout", "2", client.name, "team/app:1")
    there = links(root)
    with pytest.raises(PlanOutdatedError, match="team/app:1 is now sha256"):
        plan.execute(confirm=1, progress=False)
    assert links(root) == there


def test_a_registry_that_deletes_nothing_says_so(tmp_path: Path) -> None:
    source = layout(tmp_path / "layout", {"1": [{"a": b"a"}, {"b": b"b"}]})
    with (
        docker_registry(tmp_path / "registry", delete=False) as url,
        regnb.connect(url) as client,
    ):
        push(source, "1", client.name, "team/app:1")
        plan = client.audit(progress=False).plan_delete("team/app:1")
        with pytest.raises(DeletionDisabledError):
            plan.execute(confirm=1, progress=False)
        assert client["team/app"].tags()["tag"].tolist() == ["1"]
