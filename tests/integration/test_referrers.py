"""What is about an image goes with it, through registries with and without a referrers API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import regnb
from regnb.client.client import Client
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_EMPTY, OCI_MANIFEST
from regnb.model.reference import referrers_tag
from regnb.sample import serve
from tests.integration.conftest import noise
from tests.integration.filling import layout, push
from tests.integration.moving import Server, digest_of, server, skopeo_inspect, watched

pytestmark = pytest.mark.registry


def about(client: Client, subject: Descriptor, kind: str) -> Descriptor:
    """Push an artifact about a manifest; 2.8.2 lists it under the fallback tag only."""
    put: Descriptor = client["team/app"].core.manifests.put(artifact(client, kind, subject))
    return put


def artifact(client: Client, kind: str, subject: Descriptor | None = None) -> bytes:
    blobs = client["team/app"].core.blobs
    empty, layer = blobs.put(b"{}"), blobs.put(kind.encode() * 99)
    config = {"mediaType": OCI_EMPTY, "digest": empty.digest, "size": 2}
    content = {**pointing(layer), "mediaType": f"application/{kind}"}
    pointer = {"subject": pointing(subject)} if subject else {}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": f"application/{kind}",
        "config": config,
        "layers": [content, config],
        **pointer,
    }
    return json.dumps(document).encode()


def pointing(one: Descriptor) -> dict[str, Any]:
    return {"mediaType": one.media_type, "digest": one.digest, "size": one.size}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An image, an SBOM of it, a signature of the SBOM, and a signature as cosign keeps it."""
    root = tmp_path_factory.mktemp("source")
    made = layout(root / "made", {"1.0": [{"a": noise("a", 9000)}, {"b": noise("b", 900)}]})
    with server(root / "registry") as registry:
        push(made, "1.0", registry.host, "team/app:1.0")
        image = registry.client["team/app:1.0"].manifest()
        sbom = about(registry.client, image.descriptor, "sbom")
        about(registry.client, sbom, "signature")
        signature = artifact(registry.client, "cosign")
        registry.client["team/app"].core.manifests.put(signature, tags=[cosign(image.digest)])
        yield registry


def cosign(subject: Digest) -> str:
    return f"{subject.algorithm}-{subject.encoded}.sig"


def told(client: Client, name: str, subject: Digest) -> dict[str, set[str]]:
    """What a registry or layout says of an image: of all that is about it, and about that."""
    repository = client[name].core
    found: dict[str, set[str]] = {}
    waiting = [subject]
    while waiting:
        one = waiting.pop()
        listed = {found.digest for found in repository.referrers.all(one)}
        found[one] = set(listed)
        waiting.extend(listed)
    return found


def test_r2_referrers_are_the_same_wherever_the_image_goes(source: Server, tmp_path: Path) -> None:
    image = source.client["team/app:1.0"]
    digest = image.digest()
    expected = told(source.client, "team/app", digest)
    assert [len(expected[digest]), len(expected)] == [1, 3]
    signature = source.client[f"team/app:{cosign(digest)}"].digest()
    with (
        server(tmp_path / "second") as second,
        server(tmp_path / "third") as third,
        serve() as served,
        regnb.connect(served.url) as sample,
    ):
        local = regnb.connect(f"oci:{tmp_path / 'layout'}")
        stops = [source.client, second.client, sample, local, third.client]
        for here, there in pairwise(stops):
            here["team/app:1.0"].copy_to(there["team/app"], referrers=True)
            assert told(there, "team/app", digest) == expected
            assert there[f"team/app:{cosign(digest)}"].digest() == signature
        raw = skopeo_inspect(third.name(f"team/app:{referrers_tag(digest)}"), "--raw")
        assert {entry["digest"] for entry in raw["manifests"]} == expected[digest]
        for reference in (*expected, signature):
            assert third.blobs()[reference] == source.blobs()[reference]


def test_without_being_asked_for_they_stay_where_they_are(source: Server, tmp_path: Path) -> None:
    image = source.client["team/app:1.0"]
    with server(tmp_path / "second") as second:
        image.copy_to(second.client["team/app"])
        assert second.client["team/app"].tags()["tag"].tolist() == ["1.0"]
        assert told(second.client, "team/app", image.digest()) == {image.digest(): set()}
        image.copy_to(second.client["team/app"], referrers=True)  # the image is there already
        expected = told(source.client, "team/app", image.digest())
        assert told(second.client, "team/app", image.digest()) == expected


def test_a_second_copy_with_referrers_sends_nothing(source: Server, tmp_path: Path) -> None:
    with server(tmp_path / "second") as second:
        source.client["team/app:1.0"].copy_to(second.client["team/app"], referrers=True)
        with watched(source.client.url) as there, watched(second.client.url) as here:
            table = there.client["team/app:1.0"].copy_to(here.client["team/app"], referrers=True)
            # Four manifests are read, and two of the four lists are there, each under its tag.
            assert there.kinds() == {"GET manifests": 8, "GET tags": 1, "GET referrers": 4}
            # Two of the manifests have a tag each, which is looked at too.
            assert here.kinds() == {"HEAD manifests": 6}
        assert set(table["action"]) == {"skip"}


@pytest.mark.parametrize("referrers", [False, True])
def test_w_m8_a_whole_repository_leaves_the_referrers_of_the_target_on_its_list(
    source: Server, tmp_path: Path, referrers: bool
) -> None:
    image = source.client["team/app:1.0"].manifest()
    with server(tmp_path / "second") as second:
        source.client["team/app:1.0"].copy_to(second.client["team/app"])
        own = about(second.client, image.descriptor, "scan")
        source.client["team/app"].copy_to(second.client["team/app"], referrers=referrers)
        listed = told(second.client, "team/app", image.digest)
        assert listed.keys() == {*told(source.client, "team/app", image.digest), own.digest}
        assert digest_of(second.blobs()[own.digest]) == own.digest


def test_a_whole_repository_leaves_the_referrers_of_a_layout_on_its_list(
    source: Server, tmp_path: Path
) -> None:
    image = source.client["team/app:1.0"].manifest()
    with server(tmp_path / "second") as second:
        source.client["team/app:1.0"].copy_to(second.client["team/app"])
        own = about(second.client, image.descriptor, "scan")
        for one in (second, source):
            one.client["team/app"].pull(tmp_path / "layout")
    local = regnb.connect(f"oci:{tmp_path / 'layout'}")
    expected = {*told(source.client, "team/app", image.digest), own.digest}
    assert told(local, "team/app", image.digest).keys() == expected
