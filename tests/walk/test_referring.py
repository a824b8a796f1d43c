"""What is about the manifests of a walk: by the registry's list, by referrers tags, by cosign's."""

from __future__ import annotations

import json

import pytest

from regnb.errors import DeniedError
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Manifest, parse_manifest
from regnb.model.reference import referrers_tag
from regnb.walk import crawl as crawl_module
from regnb.walk import source as source_module
from regnb.walk.columns import NONE
from regnb.walk.crawl import crawl
from regnb.walk.inventory import BY_INDEX, BY_SUBJECT, BY_TAG, Inventory
from regnb.walk.scope import Scope
from tests.walk.fakes import FakeRegistry, Request, image, index
from tests.walk.seeing import A, B, company, contents, members, tags

SBOM = "application/spdx+json"


def artifact(subject: Manifest | Digest, name: str = "sbom") -> Manifest:
    """A manifest that is about another."""
    document = json.loads(image(name).raw)
    digest = subject if isinstance(subject, Digest) else subject.digest
    document["artifactType"] = SBOM
    document["config"]["mediaType"] = "application/vnd.oci.empty.v1+json"
    document["subject"] = {"mediaType": media_types.OCI_MANIFEST, "digest": digest, "size": 1}
    return parse_manifest(json.dumps(document).encode())


def listed(*manifests: Manifest) -> tuple[Descriptor, ...]:
    return tuple(
        Descriptor(m.media_type, m.digest, m.size, artifact_type=m.artifact_type) for m in manifests
    )


def rows(inventory: Inventory) -> list[tuple[str, str, str, str | None, int, str]]:
    """The table of referrers, in words."""
    digests, texts = inventory.digests.values, inventory.texts.values
    columns = [inventory.referrers.column(name).tolist() for name in inventory.referrers.columns]
    found = [
        (
            inventory.repositories.values[repository],
            str(digests[subject]),
            str(digests[digest]),
            None if kind == NONE else texts[kind],
            size,
            texts[source],
        )
        for repository, subject, digest, kind, size, source in zip(*columns, strict=True)
    ]
    assert len({row[:3] for row in found}) == len(found), "each pair has one row"
    return found


def sources(inventory: Inventory) -> dict[tuple[str, str], int]:
    columns = (inventory.members.column(n).tolist() for n in ("repository", "digest", "source"))
    return {
        (inventory.repositories.values[repository], str(inventory.digests.values[digest])): source
        for repository, digest, source in zip(*columns, strict=True)
    }


@pytest.fixture
def with_api() -> FakeRegistry:
    """An index of two images; an SBOM of one of them, and one of that SBOM; neither is tagged."""
    registry, first = FakeRegistry(), artifact(A)
    second = artifact(first, "of the sbom")
    registry.push("r", "1", index(A, B), A, B)
    registry.hold("r", first, second)
    registry.referrers = {("r", A.digest): listed(first), ("r", first.digest): listed(second)}
    return registry


def test_the_registry_is_asked_about_every_manifest_and_what_it_lists_is_read(
    with_api: FakeRegistry,
) -> None:
    inventory = crawl(with_api, configs=False)
    first = artifact(A)
    second = artifact(first, "of the sbom")
    assert inventory.complete
    assert rows(inventory) == sorted(
        [
            ("r", str(A.digest), str(first.digest), SBOM, first.size, "api"),
            ("r", str(first.digest), str(second.digest), SBOM, second.size, "api"),
        ]
    )
    assert with_api.count("referrers") == 5
    assert max(with_api.asked.values()) == 1
    found = sources(inventory)
    assert found["r", first.digest] == found["r", second.digest] == BY_SUBJECT
    assert found["r", A.digest] == BY_INDEX
    assert found["r", index(A, B).digest] == BY_TAG


def test_who_does_not_want_them_asks_for_none(with_api: FakeRegistry) -> None:
    inventory = crawl(with_api, configs=False, referrers=False)
    assert with_api.count("referrers") == 0
    assert rows(inventory) == []
    assert len(members(inventory)) == 3


def test_a_registry_that_has_no_such_list_is_asked_once() -> None:
    registry = company()
    crawl(registry)
    assert registry.count("referrers") == 1


def test_a_referrer_that_is_tagged_too_is_read_once(with_api: FakeRegistry) -> None:
    with_api.push("r", "sbom", artifact(A))
    inventory = crawl(with_api, configs=False)
    assert max(with_api.asked.values()) == 1
    assert sources(inventory)["r", artifact(A).digest] == BY_TAG
    assert len(rows(inventory)) == 2


def test_a_referrer_that_is_listed_and_gone_is_a_row(with_api: FakeRegistry) -> None:
    del with_api.manifests["r"][artifact(A).digest]
    inventory = crawl(with_api, configs=False)
    [failure] = inventory.failures
    assert (failure.stage, failure.reference, failure.parent_digest) == (
        "referrers",
        artifact(A).digest,
        A.digest,
    )
    assert "list of referrers" in failure.message
    assert members(inventory)["r", artifact(A).digest] is False


def test_a_list_that_cannot_be_had_is_a_row(with_api: FakeRegistry) -> None:
    def deny(request: Request) -> None:
        if request == ("referrers", "r", B.digest):
            raise DeniedError("not yours", status=403)

    with_api.disturb = deny
    inventory = crawl(with_api, configs=False)
    [failure] = inventory.failures
    assert (failure.stage, failure.reference, failure.status) == ("referrers", B.digest, 403)
    assert len(rows(inventory)) == 2, "the others are read"


def test_lists_without_end_end(with_api: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MOST_REFERRERS", 0)
    inventory = crawl(with_api, configs=False)
    assert [failure.code for failure in inventory.failures] == ["TooManyReferrersError"]


def test_referrers_of_referrers_without_end_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_module, "REFERRERS_DEPTH", 3)
    registry, last = FakeRegistry(), artifact(A, "0")
    registry.push("r", "1", A)
    chain: dict[tuple[str, Digest], tuple[Descriptor, ...]] = {("r", A.digest): listed(last)}
    for number in range(1, 9):
        after = artifact(last, str(number))
        registry.hold("r", last, after)
        chain["r", last.digest] = listed(after)
        last = after
    registry.referrers = chain
    inventory = crawl(registry, configs=False)
    assert [failure.code for failure in inventory.failures] == ["TooManyReferrersError"]
    assert len(inventory.documents) == 1 + 3


def tagged(*, cosign: str = "sig") -> FakeRegistry:
    """An image with an SBOM on the list of its referrers tag, and a signature under cosign's."""
    registry = FakeRegistry()
    registry.push("r", "1", A)
    registry.push("r", referrers_tag(A.digest), index(artifact(A)), artifact(A))
    registry.push("r", f"{referrers_tag(A.digest)}.{cosign}", B)
    return registry


@pytest.mark.parametrize("cosign", ["sig", "att", "sbom"])
def test_referrers_tags_and_those_of_cosign_say_what_is_about_what(cosign: str) -> None:
    registry = tagged(cosign=cosign)
    inventory = crawl(registry, configs=False)
    assert inventory.complete
    assert sorted(rows(inventory)) == sorted(
        [
            ("r", A.digest, artifact(A).digest, SBOM, len(artifact(A).raw), "fallback-tag"),
            ("r", A.digest, B.digest, None, B.size, "cosign-tag"),
        ]
    )
    assert sources(inventory)["r", artifact(A).digest] == BY_SUBJECT
    assert max(registry.asked.values()) == 1
    assert registry.count("referrers") == 1


def test_tags_about_what_is_gone_are_told_as_well() -> None:
    registry = FakeRegistry()
    gone = Digest.of(b"gone")
    registry.push("r", f"{referrers_tag(gone)}.sig", B)
    inventory = crawl(registry, configs=False)
    assert [row[1] for row in rows(inventory)] == [gone]


def test_tags_that_were_not_asked_for_are_read_where_they_belong_to_what_was() -> None:
    registry = tagged()
    other = image("other")
    registry.push("r", "other", other)
    registry.push("r", f"{referrers_tag(other.digest)}.sig", image("signature of other"))
    inventory = crawl(registry, scope=Scope.of(None, "1"), configs=False)
    names = [tag for _, tag, _ in tags(inventory)]
    assert names == ["1", referrers_tag(A.digest), f"{referrers_tag(A.digest)}.sig"]
    assert len(rows(inventory)) == 2
    alone = crawl(tagged(), scope=Scope.of(None, "1"), configs=False, referrers=False)
    assert [tag for _, tag, _ in tags(alone)] == ["1"]


def test_f13_referrers_come_in_the_same_order(with_api: FakeRegistry) -> None:
    one, other = crawl(with_api, workers=1), crawl(with_api, workers=8)
    assert rows(one) == rows(other)
    assert contents(one) == contents(other)
