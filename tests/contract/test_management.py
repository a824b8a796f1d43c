"""Content management: deletions, and what they leave (OCI distribution-spec 1.1)."""

from __future__ import annotations

import pytest

from tests.contract.wire import ABSENT, Registry, codes, digest_of


def tags(registry: Registry, name: str) -> list[str]:
    answer = registry.ask("GET", f"v2/{name}/tags/list")
    assert answer.status_code == 200
    return sorted(answer.json()["tags"] or [])


def test_deleting_a_tag_leaves_the_manifest(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1", "2")
    answer = registry.ask("DELETE", f"v2/{name}/manifests/1")
    assert answer.status_code == registry.does("DELETE of a tag", 202)
    assert tags(registry, name) == registry.does("tags after DELETE of a tag", ["2"])
    assert registry.ask("GET", f"v2/{name}/manifests/{image.digest}").status_code == 200
    left = registry.ask("GET", f"v2/{name}/manifests/1").status_code
    assert left == (200 if registry.deviates("DELETE of a tag") else 404)


def test_deleting_a_manifest_takes_all_its_tags(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1", "2")
    kept = registry.push_image(name, "3")
    answer = registry.ask("DELETE", f"v2/{name}/manifests/{image.digest}")
    assert answer.status_code == 202
    assert tags(registry, name) == ["3"]
    for reference in (image.digest, "1", "2"):
        for method in ("GET", "HEAD"):
            answer = registry.ask(method, f"v2/{name}/manifests/{reference}")
            assert answer.status_code == 404
    assert registry.ask("GET", f"v2/{name}/manifests/3").content == kept.raw


def test_deleting_a_manifest_leaves_its_blobs(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    registry.ask("DELETE", f"v2/{name}/manifests/{image.digest}")
    answer = registry.put(name, "1", image.raw)
    assert answer.status_code == 201
    assert tags(registry, name) == ["1"]


def test_an_emptied_repository_still_has_a_list_of_tags(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    registry.ask("DELETE", f"v2/{name}/manifests/{image.digest}")
    answer = registry.ask("GET", f"v2/{name}/tags/list")
    assert answer.status_code == 200
    assert answer.json()["tags"] == registry.does("tags of an emptied repository", [])
    assert name in registry.ask("GET", "v2/_catalog", params={"n": 1000}).json()["repositories"]


def test_deleting_a_child_leaves_the_index(registry: Registry, name: str) -> None:
    image = registry.push_image(name)
    media_type = "application/vnd.oci.image.index.v1+json"
    document = {"mediaType": media_type, "manifests": [image.descriptor]}
    index = registry.push(name, document, "index")
    answer = registry.ask("DELETE", f"v2/{name}/manifests/{image.digest}")
    assert answer.status_code == 202
    assert registry.ask("GET", f"v2/{name}/manifests/index").content == index.raw


def test_deleting_a_blob(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    digest = registry.push_blob(name, f"to go from {name}".encode())
    answer = registry.ask("DELETE", f"v2/{name}/blobs/{digest}")
    assert answer.status_code == 202
    for method in ("GET", "HEAD", "DELETE"):
        assert registry.ask(method, f"v2/{name}/blobs/{digest}").status_code == 404
    assert registry.ask("GET", f"v2/{name}/manifests/1").content == image.raw


def test_deleting_a_blob_leaves_other_repositories_alone(registry: Registry, name: str) -> None:
    raw = f"in both of {name}".encode()
    digest = registry.push_blob(name, raw)
    registry.push_blob(f"{name}/other", raw)
    assert registry.ask("DELETE", f"v2/{name}/blobs/{digest}").status_code == 202
    answer = registry.ask("GET", f"v2/{name}/other/blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, raw)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"blobs/{ABSENT}", "BLOB_UNKNOWN"),
        (f"manifests/{ABSENT}", "MANIFEST_UNKNOWN"),
    ],
)
def test_deleting_what_is_not_there_is_404(
    registry: Registry, name: str, path: str, code: str
) -> None:
    registry.push_image(name, "1")
    answer = registry.ask("DELETE", f"v2/{name}/{path}")
    assert answer.status_code == 404
    assert codes(answer) == [code]


def test_deleting_a_tag_that_is_not_there_is_404(registry: Registry, name: str) -> None:
    registry.push_image(name, "1")
    answer = registry.ask("DELETE", f"v2/{name}/manifests/absent")
    assert answer.status_code == registry.does("DELETE of a tag", 404)


@pytest.mark.parametrize("kind", ["blobs", "manifests"])
def test_deleting_from_an_unknown_repository_is_404(
    registry: Registry, name: str, kind: str
) -> None:
    assert registry.ask("DELETE", f"v2/{name}/{kind}/{ABSENT}").status_code == 404


def test_what_was_deleted_can_be_pushed_again(registry: Registry, name: str) -> None:
    raw = f"there and back {name}".encode()
    digest = registry.push_blob(name, raw)
    registry.ask("DELETE", f"v2/{name}/blobs/{digest}")
    registry.push_blob(name, raw)
    assert registry.ask("GET", f"v2/{name}/blobs/{digest}").content == raw


# Where nothing is deleted


def test_nothing_is_deleted_where_deletion_is_off(keeping: Registry, name: str) -> None:
    image = keeping.push_image(name, "1")
    for path in (f"manifests/{image.digest}", f"blobs/{digest_of(image.layers[0])}", "manifests/1"):
        answer = keeping.ask("DELETE", f"v2/{name}/{path}")
        assert (answer.status_code, codes(answer)) == (405, ["UNSUPPORTED"])
        assert keeping.ask("GET", f"v2/{name}/{path}").status_code == 200


def test_what_is_not_there_is_405_as_well_where_deletion_is_off(
    keeping: Registry, name: str
) -> None:
    for kind in ("blobs", "manifests"):
        assert keeping.ask("DELETE", f"v2/{name}/{kind}/{ABSENT}").status_code == 405


def test_an_upload_is_cancelled_even_where_deletion_is_off(keeping: Registry, name: str) -> None:
    started = keeping.start(name)
    assert keeping.follow("DELETE", started).status_code == 204
    assert keeping.follow("GET", started).status_code == 404
