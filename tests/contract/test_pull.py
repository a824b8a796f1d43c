"""Pull: what a registry MUST do for those who read (OCI distribution-spec 1.1, pull)."""

from __future__ import annotations

import pytest

from tests.contract.wire import ABSENT, OCI_MANIFEST, Registry, codes, digest_of


@pytest.mark.parametrize("path", ["v2/", "v2/_catalog"])
def test_the_base_endpoints_answer_json(registry: Registry, path: str) -> None:
    answer = registry.ask("GET", path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", ["blobs", "manifests"])
def test_what_is_not_there_is_404(registry: Registry, name: str, method: str, kind: str) -> None:
    registry.push_image(name, "1")
    assert registry.ask(method, f"v2/{name}/{kind}/{ABSENT}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["absent", ".INVALID_MANIFEST_NAME"])
def test_a_tag_that_is_not_there_or_can_not_be_is_404(
    registry: Registry, name: str, method: str, reference: str
) -> None:
    registry.push_image(name, "1")
    assert registry.ask(method, f"v2/{name}/manifests/{reference}").status_code == 404


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"blobs/{ABSENT}", "BLOB_UNKNOWN"),
        (f"manifests/{ABSENT}", "MANIFEST_UNKNOWN"),
        ("manifests/absent", "MANIFEST_UNKNOWN"),
    ],
)
def test_the_404_says_what_is_unknown(registry: Registry, name: str, path: str, code: str) -> None:
    registry.push_image(name, "1")
    answer = registry.ask("GET", f"v2/{name}/{path}")
    assert answer.status_code == 404
    assert codes(answer) == [code]


def test_an_unknown_repository_is_404(registry: Registry, name: str) -> None:
    answer = registry.ask("GET", f"v2/{name}/manifests/latest")
    assert answer.status_code == 404
    assert codes(answer) == registry.does("manifest of an unknown repository", ["NAME_UNKNOWN"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_by_tag_or_digest_comes_as_it_was_pushed(
    registry: Registry, name: str, method: str, by: str
) -> None:
    image = registry.push_image(name, "1.0")
    reference = "1.0" if by == "tag" else image.digest
    answer = registry.ask(method, f"v2/{name}/manifests/{reference}")
    assert answer.status_code == 200
    assert answer.content == (image.raw if method == "GET" else b"")
    assert answer.headers["Content-Length"] == str(len(image.raw))
    assert answer.headers["Content-Type"] == OCI_MANIFEST
    assert answer.headers["Docker-Content-Digest"] == image.digest
    assert answer.headers["ETag"] == f'"{image.digest}"'


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_that_is_known_already_is_304(
    registry: Registry, name: str, method: str
) -> None:
    image = registry.push_image(name, "1")
    headers = {"If-None-Match": f'"{image.digest}"'}
    answer = registry.ask(method, f"v2/{name}/manifests/1", headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    registry.push_image(name, "1")
    assert registry.ask(method, f"v2/{name}/manifests/1", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_comes_as_it_was_pushed(registry: Registry, name: str, method: str) -> None:
    raw = b"some blob" * 1000
    digest = registry.push_blob(name, raw)
    answer = registry.ask(method, f"v2/{name}/blobs/{digest}")
    assert answer.status_code == 200
    assert answer.content == (raw if method == "GET" else b"")
    assert answer.headers["Content-Length"] == str(len(raw))
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Encoding" not in answer.headers


def test_a_blob_of_another_repository_is_404(registry: Registry, name: str) -> None:
    digest = registry.push_blob(f"{name}/other", f"only in {name}/other".encode())
    registry.push_blob(name, b"something")
    assert registry.ask("GET", f"v2/{name}/blobs/{digest}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=90-", 90, 99),
        ("bytes=-5", 95, 99),
        ("bytes=-500", 0, 99),
        ("bytes=50-5000", 50, 99),
    ],
)
def test_a_range_of_a_blob_is_206(
    registry: Registry, name: str, asked: str, first: int, last: int
) -> None:
    raw = bytes(range(100))
    digest = registry.push_blob(name, raw)
    answer = registry.ask("GET", f"v2/{name}/blobs/{digest}", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/100"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.content == raw[first : last + 1]


def test_a_range_after_the_end_is_416(registry: Registry, name: str) -> None:
    digest = registry.push_blob(name, bytes(100))
    headers = {"Range": "bytes=100-"}
    path = f"v2/{name}/blobs/{digest}"
    with registry.ask("GET", path, headers=headers, stream=True) as answer:
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == "bytes */100"
        length = int(answer.headers["Content-Length"])
        sent = len(answer.raw.read1())
        assert length == registry.does("length of a 416", sent)


def test_a_range_is_kept_only_if_the_blob_is_the_one_meant(registry: Registry, name: str) -> None:
    digest = registry.push_blob(name, bytes(100))
    headers = {"Range": "bytes=10-", "If-Range": f'"{digest}"'}
    path = f"v2/{name}/blobs/{digest}"
    assert registry.ask("GET", path, headers=headers).status_code == 206
    headers["If-Range"] = f'"{ABSENT}"'
    assert registry.ask("GET", path, headers=headers).status_code == 200


def test_the_empty_blob_can_be_pulled(registry: Registry, name: str) -> None:
    digest = registry.push_blob(name, b"")
    answer = registry.ask("GET", f"v2/{name}/blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert digest == digest_of(b"")


@pytest.mark.parametrize("digest", ["sha256:abc", "sha256:" + "G" * 64, "sha256:" + "A" * 64])
def test_what_is_no_digest_names_no_blob(registry: Registry, name: str, digest: str) -> None:
    registry.push_blob(name, b"something")
    answer = registry.ask("GET", f"v2/{name}/blobs/{digest}")
    assert answer.status_code == 400


@pytest.mark.parametrize("wrong", ["Upper/case", "-dash", "a//b", "a..b", "a_-b", "b" * 256])
def test_what_is_no_name_is_refused(registry: Registry, wrong: str) -> None:
    answer = registry.ask("GET", f"v2/{wrong}/tags/list")
    assert answer.status_code == registry.does(f"name {wrong[:10]}", 400)


@pytest.mark.parametrize("path", ["", "v3/", "v2/only-a-name", "v2/a/b/unheard/of"])
def test_there_is_nothing_elsewhere(registry: Registry, path: str) -> None:
    assert registry.ask("GET", path).status_code == registry.does(f"path {path!r}", 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "manifests/latest"),
        ("PATCH", "manifests/latest"),
        ("PUT", f"blobs/{ABSENT}"),
        ("DELETE", "tags/list"),
    ],
)
def test_a_method_that_an_endpoint_lacks_is_405(
    registry: Registry, name: str, method: str, path: str
) -> None:
    registry.push_image(name, "latest")
    assert registry.ask(method, f"v2/{name}/{path}").status_code == 405
