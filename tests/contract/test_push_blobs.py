"""Push of blobs: whole, streamed, in chunks, mounted (OCI distribution-spec 1.1, push)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.wire import (
    ABSENT,
    OCTETS,
    Registry,
    codes,
    digest_of,
)

RAW = b"0123456789" * 50
DIGEST = digest_of(RAW)


def chunk_headers(first: int, last: int) -> dict[str, str]:
    return {"Content-Type": OCTETS, "Content-Range": f"{first}-{last}"}


def assert_pulls(registry: Registry, name: str, raw: bytes) -> None:
    answer = registry.ask("GET", f"v2/{name}/blobs/{digest_of(raw)}")
    assert (answer.status_code, answer.content) == (200, raw)


# Blobs, whole


def test_post_begins_an_upload(registry: Registry, name: str) -> None:
    answer = registry.ask("POST", f"v2/{name}/blobs/uploads/")
    assert answer.status_code == 202
    assert f"/v2/{name}/blobs/uploads/" in answer.headers["Location"]
    assert answer.content == b""


def test_post_then_put_is_201(registry: Registry, name: str) -> None:
    started = registry.start(name)
    answer = registry.follow("PUT", started, params={"digest": DIGEST}, data=RAW)
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/v2/{name}/blobs/{DIGEST}")
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert_pulls(registry, name, RAW)
    assert registry.follow("GET", answer).content == RAW


def test_one_post_with_digest_and_body_is_201(registry: Registry, name: str) -> None:
    headers = {"Content-Type": OCTETS}
    path = f"v2/{name}/blobs/uploads/"
    answer = registry.ask("POST", path, params={"digest": DIGEST}, data=RAW, headers=headers)
    assert answer.status_code == registry.does("POST of a whole blob", 201)
    if answer.status_code == 202:  # which the specification allows: go on with PUT
        answer = registry.follow("PUT", answer, params={"digest": DIGEST}, data=RAW)
    assert answer.status_code == 201
    assert_pulls(registry, name, RAW)


@pytest.mark.parametrize("digest", [ABSENT, "sha256:abc", "md5:" + "0" * 32, ""])
def test_bytes_that_are_not_the_digest_are_refused(
    registry: Registry, name: str, digest: str
) -> None:
    answer = registry.follow("PUT", registry.start(name), params={"digest": digest}, data=RAW)
    assert answer.status_code == 400
    assert codes(answer) == ["DIGEST_INVALID"]
    assert registry.ask("HEAD", f"v2/{name}/blobs/{DIGEST}").status_code == 404


def test_an_upload_is_not_closed_without_a_digest(registry: Registry, name: str) -> None:
    answer = registry.follow("PUT", registry.start(name), data=RAW)
    assert answer.status_code == 400
    assert codes(answer) == ["DIGEST_INVALID"]


def test_the_empty_blob_needs_no_body(registry: Registry, name: str) -> None:
    started = registry.start(name)
    answer = registry.follow("PUT", started, params={"digest": digest_of(b"")})
    assert answer.status_code == 201
    assert_pulls(registry, name, b"")


def test_a_blob_may_be_pushed_twice(registry: Registry, name: str) -> None:
    assert registry.push_blob(name, RAW) == registry.push_blob(name, RAW)
    assert_pulls(registry, name, RAW)


def test_a_blob_may_have_a_sha512_digest(registry: Registry, name: str) -> None:
    digest = digest_of(RAW, "sha512")
    answer = registry.ask(
        "POST", f"v2/{name}/blobs/uploads/", params={"digest-algorithm": "sha512"}
    )
    assert answer.status_code == 202
    answer = registry.follow("PUT", answer, params={"digest": digest}, data=RAW)
    assert answer.status_code == 201
    algorithm = answer.headers["Docker-Content-Digest"].partition(":")[0]
    assert algorithm == registry.does("digest of a sha512 blob", "sha512")
    answer = registry.ask("GET", f"v2/{name}/blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, RAW)


def test_an_algorithm_that_is_not_supported_is_refused_at_once(
    registry: Registry, name: str
) -> None:
    path = f"v2/{name}/blobs/uploads/"
    answer = registry.ask("POST", path, params={"digest-algorithm": "md4"})
    assert answer.status_code == registry.does("unknown digest-algorithm", 400)


# Blobs, streamed and in chunks


def test_a_stream_is_patched_without_content_range(registry: Registry, name: str) -> None:
    headers = {"Content-Type": OCTETS}
    answer = registry.follow("PATCH", registry.start(name), data=RAW, headers=headers)
    assert answer.status_code == 202
    assert answer.headers["Range"] == f"0-{len(RAW) - 1}"
    answer = registry.follow("PUT", answer, params={"digest": DIGEST})
    assert answer.status_code == 201
    assert_pulls(registry, name, RAW)


def test_a_stream_may_be_of_unknown_length(registry: Registry, name: str) -> None:
    def pieces() -> Iterator[bytes]:
        for start in range(0, len(RAW), 7):
            yield RAW[start : start + 7]

    answer = registry.follow(
        "PATCH", registry.start(name), data=pieces(), headers={"Content-Type": OCTETS}
    )
    assert answer.status_code == 202
    answer = registry.follow("PUT", answer, params={"digest": DIGEST})
    assert answer.status_code == 201
    assert_pulls(registry, name, RAW)


def test_chunks_in_order(registry: Registry, name: str) -> None:
    answer = registry.start(name)
    for first, last in [(0, 99), (100, 100), (101, 399)]:
        body = RAW[first : last + 1]
        headers = chunk_headers(first, last)
        answer = registry.follow("PATCH", answer, data=body, headers=headers)
        assert answer.status_code == 202
        assert answer.headers["Range"] == f"0-{last}"
    headers = chunk_headers(400, len(RAW) - 1)
    answer = registry.follow(
        "PUT", answer, params={"digest": DIGEST}, data=RAW[400:], headers=headers
    )
    assert answer.status_code == 201
    assert_pulls(registry, name, RAW)


@pytest.mark.parametrize("content_range", ["10-19", "bytes 0-9/500", "-9", "somewhere"])
def test_a_first_chunk_that_does_not_begin_at_zero_is_416(
    registry: Registry, name: str, content_range: str
) -> None:
    started = registry.start(name)
    headers = {"Content-Type": OCTETS, "Content-Range": content_range}
    answer = registry.follow("PATCH", started, data=RAW[10:20], headers=headers)
    assert answer.status_code == registry.does("chunk out of order", 416)
    if registry.deviates("chunk out of order"):
        assert answer.headers["Range"] == "0-9"
        return
    answer = registry.follow("PATCH", started, data=RAW[:10], headers=chunk_headers(0, 9))
    assert answer.status_code == 202


def test_a_chunk_sent_again_is_416_and_the_upload_goes_on(registry: Registry, name: str) -> None:
    first = chunk_headers(0, 99)
    answer = registry.follow("PATCH", registry.start(name), data=RAW[:100], headers=first)
    assert answer.status_code == 202
    again = registry.follow("PATCH", answer, data=RAW[:100], headers=first)
    assert again.status_code == registry.does("chunk sent again", 416)
    if registry.deviates("chunk sent again"):
        assert again.headers["Range"] == "0-199"
        return
    assert again.headers["Range"] == "0-99"
    asked = registry.follow("GET", answer)
    assert asked.status_code == 204
    assert asked.headers["Range"] == "0-99"
    rest = chunk_headers(100, len(RAW) - 1)
    answer = registry.follow("PATCH", asked, data=RAW[100:], headers=rest)
    assert answer.status_code == 202
    assert registry.follow("PUT", answer, params={"digest": DIGEST}).status_code == 201
    assert_pulls(registry, name, RAW)


def test_a_stale_location_is_416(registry: Registry, name: str) -> None:
    started = registry.start(name)
    headers = {"Content-Type": OCTETS}
    assert registry.follow("PATCH", started, data=RAW, headers=headers).status_code == 202
    again = registry.follow("PATCH", started, data=RAW, headers=headers)
    assert again.status_code == registry.does("stale Location", 416)


def test_a_chunk_of_another_length_than_it_says_is_400(registry: Registry, name: str) -> None:
    started = registry.start(name)
    answer = registry.follow("PATCH", started, data=RAW[:50], headers=chunk_headers(0, 99))
    assert answer.status_code == registry.does("chunk of another length", 400)
    if not registry.deviates("chunk of another length"):
        assert codes(answer) == ["SIZE_INVALID"]
        assert registry.follow("GET", started).headers["Range"] == "0-0"


def test_an_upload_tells_how_far_it_is(registry: Registry, name: str) -> None:
    started = registry.start(name)
    asked = registry.follow("GET", started)
    assert asked.status_code == 204
    assert asked.headers["Range"] == "0-0"
    answer = registry.follow("PATCH", started, data=RAW, headers={"Content-Type": OCTETS})
    asked = registry.follow("GET", answer)
    assert asked.status_code == 204
    assert asked.headers["Range"] == f"0-{len(RAW) - 1}"
    assert registry.follow("PUT", asked, params={"digest": DIGEST}).status_code == 201


def test_an_upload_is_found_by_its_path_alone(registry: Registry, name: str) -> None:
    answer = registry.start(name)
    registry.follow("PATCH", answer, data=RAW, headers={"Content-Type": OCTETS})
    asked = registry.ask("GET", answer.headers["Location"].partition("?")[0])
    assert asked.status_code == registry.does("status of an upload without its query", 204)
    if asked.status_code == 204:
        assert asked.headers["Range"] == f"0-{len(RAW) - 1}"
        assert registry.follow("PUT", asked, params={"digest": DIGEST}).status_code == 201


def test_a_cancelled_upload_is_gone(registry: Registry, name: str) -> None:
    started = registry.start(name)
    assert registry.follow("DELETE", started).status_code == 204
    for method in ("GET", "DELETE"):
        answer = registry.follow(method, started)
        assert answer.status_code == 404
        assert codes(answer) == ["BLOB_UPLOAD_UNKNOWN"]
    assert registry.follow("PATCH", started, data=RAW).status_code == 404


def test_a_finished_upload_is_gone(registry: Registry, name: str) -> None:
    started = registry.start(name)
    registry.follow("PUT", started, params={"digest": DIGEST}, data=RAW)
    assert registry.follow("GET", started).status_code == 404


def test_an_upload_belongs_to_its_repository(registry: Registry, name: str) -> None:
    location = registry.start(name).headers["Location"].replace(name, f"{name}/other")
    assert registry.ask("GET", location.partition("?")[0]).status_code == 404


# Mounts


def test_a_blob_is_mounted_from_another_repository(registry: Registry, name: str) -> None:
    raw = f"mounted from {name}".encode()
    digest = registry.push_blob(f"{name}/source", raw)
    where = {"mount": digest, "from": f"{name}/source"}
    answer = registry.ask("POST", f"v2/{name}/blobs/uploads/", params=where)
    assert answer.status_code == 201
    assert registry.follow("GET", answer).content == raw
    assert_pulls(registry, name, raw)


@pytest.mark.parametrize("where", [{"mount": ABSENT}, {"mount": DIGEST, "from": "not/there"}])
def test_a_mount_that_fails_is_an_upload(
    registry: Registry, name: str, where: dict[str, str]
) -> None:
    answer = registry.ask("POST", f"v2/{name}/blobs/uploads/", params=where)
    assert answer.status_code == 202
    answer = registry.follow("PUT", answer, params={"digest": DIGEST}, data=RAW)
    assert answer.status_code == 201


def test_a_mount_from_anywhere_is_201_or_202(registry: Registry, name: str) -> None:
    digest = registry.push_blob(f"{name}/source", f"anywhere {name}".encode())
    answer = registry.ask("POST", f"v2/{name}/blobs/uploads/", params={"mount": digest})
    assert answer.status_code == registry.does("mount without from", 201)
