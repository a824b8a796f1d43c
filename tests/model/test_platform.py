from __future__ import annotations

import pytest

from regnb.errors import InvalidPlatformError
from regnb.model.platform import Platform


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7", "windows/amd64"])
def test_a_platform_is_read_as_it_is_written(text: str) -> None:
    assert str(Platform.parse(text)) == text


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "a/b/"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlatformError):
        Platform.parse(text)


def test_a_platform_without_variant_matches_any() -> None:
    arm = Platform.parse("linux/arm64/v8")
    assert arm.matches(Platform.parse("linux/arm64"))
    assert arm.matches(arm)
    assert not arm.matches(Platform.parse("linux/arm64/v9"))
    assert not arm.matches(Platform.parse("linux/amd64"))


@pytest.mark.parametrize(
    ("image", "wanted", "met"),
    [
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm", "linux/arm/v7", True),
        ("linux/arm", "linux/arm/v6", False),
        ("linux/amd64", "linux/amd64/v1", True),
        ("linux/amd64", "linux/amd64/v3", False),
        ("linux/riscv64", "linux/riscv64/v1", False),
        ("windows/amd64", "linux/amd64", False),
    ],
)
def test_no_variant_is_the_usual_one(image: str, wanted: str, met: bool) -> None:
    assert Platform.parse(image).matches(Platform.parse(wanted)) is met


def test_versions_and_features_count_where_they_are_asked_for() -> None:
    server = Platform("windows", "amd64", None, "10.0.17763.1", ("win32k",))
    assert server.matches(Platform("windows", "amd64"))
    assert server.matches(server)
    assert not server.matches(Platform("windows", "amd64", None, "10.0.20348.1"))
    assert not server.matches(Platform("windows", "amd64", os_features=("other",)))
