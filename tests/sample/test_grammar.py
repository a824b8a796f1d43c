"""Names, digests and byte ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.sample.messages import RefusedError
from regnb.sample.names import check_content, check_digest, check_name, digest_of, is_tag
from regnb.sample.ranges import wanted


@pytest.mark.parametrize("name", ["a", "a/b", "a.b_c__d-e---f/0", "x" * 255])
def test_names_that_are_valid(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "a/", "/a", "a//b", "a..b", "a___b", "a_", "-a", "a\n", "ä", "x" * 256]
)
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_name(name)
    assert refused.value.code == "NAME_INVALID"


def test_tags() -> None:
    assert all(map(is_tag, ["1", "_", "v1.0-rc_1", "X" * 128]))
    assert not any(map(is_tag, ["", ".1", "-1", "a/b", "a:b", "1\n", "ü", "X" * 129]))


@pytest.mark.parametrize(
    "digest",
    [None, "", "sha256", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "x:a b", "x:a\n"],
)
def test_digests_that_are_none(digest: str | None) -> None:
    with pytest.raises(RefusedError) as refused:
        check_digest(digest)
    assert refused.value.code == "DIGEST_INVALID"


def test_content_is_checked_by_the_algorithm_of_its_digest() -> None:
    for algorithm in ("sha256", "sha512"):
        check_content(b"content", check_digest(digest_of(b"content", algorithm)))
        with pytest.raises(RefusedError):
            check_content(b"other", digest_of(b"content", algorithm))
    assert check_digest("blake3+b64u:abc-_=") == "blake3+b64u:abc-_="
    with pytest.raises(RefusedError, match="blake3 is not supported"):
        check_content(b"content", "blake3:abc")


@given(st.integers(0, 20), st.integers(0, 25), st.integers(0, 25))
def test_a_range_is_what_a_slice_would_be(size: int, first: int, last: int) -> None:
    positions = list(range(size))
    for header, expected in [
        (f"bytes={first}-{last}", positions[first : last + 1]),
        (f"bytes={first}-", positions[first:]),
        (f"bytes=-{last}", positions[max(size - last, 0) :]),
    ]:
        backwards = header == f"bytes={first}-{last}" and last < first
        if expected and not backwards:
            found = wanted(header, size)
            assert found is not None
            assert list(found) == expected
        elif backwards:
            assert wanted(header, size) is None
        else:
            with pytest.raises(RefusedError) as refused:
                wanted(header, size)
            assert refused.value.headers == [("Content-Range", f"bytes */{size}")]


@given(st.text("bytes=-, \t\n", max_size=20))
def test_a_range_without_a_number_means_the_whole(header: str) -> None:
    assert wanted(header, 10) is None


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=1-2,4-5", "items=1-2", "bytes=x-"])
def test_a_range_of_another_kind_means_the_whole(header: str | None) -> None:
    assert wanted(header, 10) is None
