from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.model.versions import Version, VersionRange, natural_key


def version(text: str) -> Version:
    found = Version.parse(text)
    assert found is not None
    return found


def test_precedence_is_that_of_the_specification() -> None:
    before = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    ordered = [*(f"1.0.0-{word}" for word in before), "1.0.0", "2.0.0", "2.1.0", "v2.1.1"]
    for lower, higher in pairwise(ordered):
        assert version(lower) < version(higher)
        assert not version(higher) < version(lower)


@pytest.mark.parametrize(
    "tag", ["latest", "1.2", "1.02.3", "1.2.3-", "1.2.3+x", "20261126.1.1000000000"]
)
def test_a_tag_that_is_no_version_is_none(tag: str) -> None:
    assert Version.parse(tag) is None


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        (">=1.2 <2", "1.2.0 1.99.0 1.2.0-rc.1", "1.1.9 2.0.0 2.0.0-rc.1"),
        ("1.2", "1.2.0 1.2.7", "1.3.0"),
        ("> 1.2.3, <= 1.4", "1.2.4 1.4.9", "1.2.3 1.5.0"),
    ],
)
def test_a_range_takes_the_numbers_that_its_bounds_name(
    bounds: str, inside: str, outside: str
) -> None:
    found = VersionRange.parse(bounds)
    assert VersionRange.parse(str(found)) == found
    assert all(version(text) in found for text in inside.split())
    assert not any(version(text) in found for text in outside.split())


@pytest.mark.parametrize("text", ["", "latest", ">=", "1.2.3.4", "~1.2", "<1 or 2"])
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="bounds such as"):
        VersionRange.parse(text)


def test_names_sort_with_their_numbers_as_numbers() -> None:
    names = ["v10", "v9", "1", "build-2b", "build-10a", "build-2a"]
    assert sorted(names, key=natural_key) == ["1", "build-2a", "build-2b", "build-10a", "v9", "v10"]


@given(st.text("a1.-", max_size=6), st.text("a1.-", max_size=6))
def test_any_two_names_can_be_compared(one: str, other: str) -> None:
    below, above = natural_key(one) < natural_key(other), natural_key(one) > natural_key(other)
    assert below + above + (natural_key(one) == natural_key(other)) == 1
