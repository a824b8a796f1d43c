"""What belongs to an image, on the sample registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.errors import InvalidDocumentError, ManifestUnknownError, SizeMismatchError
from regnb.model.digest import Digest
from regnb.model.manifest import Index, parse_manifest
from regnb.model.media_types import SCHEMA1_SIGNED
from regnb.sample.server import serve
from regnb.store.layout import Layout
from regnb.transfer.cargo import Top, gather
from tests.store.building import Built, index


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serve() as sample, Registry(sample.url) as client:
        yield client


def test_an_index_comes_after_all_that_it_names(registry: Registry) -> None:
    repository = registry.repository("platform/bundle")
    (tag,) = repository.tags.all()
    cargo = gather([Top(tag, (tag,))], repository)
    seen = set[Digest]()
    indexes = 0
    for digest, manifest in cargo.manifests.items():
        if isinstance(manifest, Index):
            indexes += 1
            assert {child.digest for child in manifest.manifests} <= seen
        seen.add(digest)
    assert indexes > 1, "the sample bundle is an index of indexes"
    assert list(cargo.roots) == list(cargo.manifests)[-1:]
    assert cargo.tags == {list(cargo.manifests)[-1]: (tag,)}


def test_every_blob_is_there_once_and_knows_what_it_is_for(registry: Registry) -> None:
    repository = registry.repository("team/web")
    tops = [Top(tag, (tag,)) for tag in repository.tags.all()]
    cargo = gather(tops, repository)
    named = [
        (layer.digest, layer.size)
        for manifest in cargo.manifests.values()
        for layer in manifest.references()
        if layer.digest not in cargo.manifests
    ]
    assert len(named) > len(cargo.blobs), "nothing is shared, so that nothing is shown here"
    assert {(b.digest, b.size) for b in cargo.blobs.values()} == set(named)
    assert set(cargo.kinds.values()) == {"config", "layer"}
    assert set(cargo.kinds) == set(cargo.blobs)


def test_two_tags_of_one_manifest_are_one_root_with_both(registry: Registry) -> None:
    repository = registry.repository("library/alpine")
    same = ["3.20", "3.20.3", "latest"]
    assert len({repository.tags.get(tag).digest for tag in same}) == 1
    cargo = gather([Top(tag, (tag,)) for tag in same], repository)
    ((digest, tags),) = cargo.tags.items()
    assert tags == tuple(same)
    assert list(cargo.roots) == [digest]


def signed(registry: Registry) -> tuple[Repository, str]:
    """An image of the sample registry that others are about."""
    for name in registry.repositories():
        repository = registry.repository(name)
        for tag in repository.tags.all():
            if repository.referrers.all(repository.tags.get(tag).digest):
                return repository, tag
    raise AssertionError("the sample registry has no referrers")


def test_referrers_come_along_only_when_asked_for(registry: Registry) -> None:
    repository, tag = signed(registry)
    without = gather([Top(tag, (tag,))], repository)
    cargo = gather([Top(tag, (tag,))], repository, referrers=True)
    about = repository.referrers.all(repository.tags.get(tag).digest)
    assert {one.digest for one in about} <= set(cargo.manifests)
    assert not {one.digest for one in about} & set(without.manifests)
    assert {one.digest for one in about} <= set(cargo.roots)
    order = list(cargo.manifests)
    for one in about:
        subject = cargo.manifests[one.digest].subject
        assert subject is not None
        assert order.index(subject.digest) < order.index(one.digest)


def test_signatures_that_only_a_tag_connects_come_along_too(tmp_path: Path) -> None:
    repository = Layout(tmp_path).repository("team/app")
    image, signature = Built("a"), Built("signature")
    image.into(repository, "1.0")
    name = f"sha256-{image.manifest.digest.encoded}.sig"
    signature.into(repository, name, "other")
    cargo = gather([Top("1.0", ("1.0",))], repository, referrers=True)
    assert cargo.tags[signature.manifest.digest] == (name,)
    assert signature.manifest.digest not in gather([Top("1.0")], repository).manifests


def test_what_is_about_a_referrer_and_about_a_child_comes_along(tmp_path: Path) -> None:
    repository = Layout(tmp_path).repository("team/app")
    child = Built("child")
    child.into(repository)
    top = index([child.manifest])
    repository.manifests.put(top, tags=["1.0"])
    statement = Built("sbom", subject=child.manifest)
    statement.into(repository)
    countersigned = Built("signature", subject=statement.manifest)
    countersigned.into(repository)
    cargo = gather([Top("1.0", ("1.0",))], repository, referrers=True)
    assert set(cargo.manifests) == {
        one.digest for one in (child.manifest, top, statement.manifest, countersigned.manifest)
    }


def test_a_missing_child_ends_it_for_one_image_and_is_noted_for_several(tmp_path: Path) -> None:
    repository = Layout(tmp_path).repository("team/app")
    child, other = Built("child"), Built("other")
    child.into(repository)
    other.into(repository, "fine")
    top = index([child.manifest])
    repository.manifests.put(top, tags=["broken"])
    (tmp_path / "blobs" / "sha256" / child.manifest.digest.encoded).unlink()
    with pytest.raises(ManifestUnknownError, match=child.manifest.digest.encoded):
        gather([Top("broken", ("broken",))], repository)
    cargo = gather([Top(tag, (tag,)) for tag in ("broken", "fine", "none")], repository)
    assert set(cargo.errors) == {child.manifest.digest}
    assert set(cargo.unread) == {"none"}
    assert other.manifest.digest in cargo.manifests


def test_w_m12_two_manifests_that_disagree_on_a_size_are_not_both_moved(tmp_path: Path) -> None:
    honest = Built("a").manifest
    document = json.loads(honest.raw)
    document["layers"][0]["size"] += 1
    liar = parse_manifest(json.dumps(document).encode())
    repository = Layout(tmp_path).repository("team/app")
    cargo = gather([Top("true", (), honest), Top("lie", (), liar)], repository)
    assert set(cargo.errors) == {liar.digest}
    assert isinstance(cargo.errors[liar.digest], SizeMismatchError)


def test_what_does_not_say_what_it_consists_of_is_not_moved(tmp_path: Path) -> None:
    raw = b'{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}'
    legacy = parse_manifest(raw, media_type=SCHEMA1_SIGNED)
    with pytest.raises(InvalidDocumentError, match="schema 1"):
        gather([Top("old", ("old",), legacy)], Layout(tmp_path).repository("team/app"))
