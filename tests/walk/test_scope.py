from __future__ import annotations

import re

import pytest

from regnb.walk.crawl import crawl
from regnb.walk.scope import Scope, Tags
from tests.walk.fakes import FakeRegistry
from tests.walk.seeing import A, company, tags


@pytest.mark.parametrize(
    ("repositories", "expected"),
    [
        (None, ["app", "mirror/app", "tool"]),
        ("*app", ["app", "mirror/app"]),
        ("mirror/*", ["mirror/app"]),
        ("t??l", ["tool"]),
        ("[am]*", ["app", "mirror/app"]),
        ("none*", []),
        ("tool", ["tool"]),
        (["tool", "app", "tool"], ["app", "tool"]),
        (["*app", "t*l"], ["app", "mirror/app", "tool"]),
        (["mirror/*", "tool", "none*"], ["mirror/app", "tool"]),
        ([], []),
    ],
)
def test_repositories_by_name_and_by_glob(
    repositories: str | list[str] | None, expected: list[str]
) -> None:
    registry = company()
    inventory = crawl(registry, scope=Scope.of(repositories))
    assert sorted({repository for repository, _, _ in tags(inventory)}) == expected
    by_name = repositories is not None and not set("*?[") & set("".join(repositories))
    assert registry.catalogs == (not by_name), "who names them needs no catalog"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, ["1", "latest", "v1.0", "v1.10"]),
        ("v*", ["v1.0", "v1.10"]),
        (["1", "latest"], ["1", "latest"]),
        ("v", []),
        ([], []),
        (re.compile(r"v\d\.\d"), ["v1.0"]),
        (re.compile("LATEST", re.IGNORECASE), ["latest"]),
    ],
)
def test_tags_by_glob_and_by_expression(wanted: Tags | None, expected: list[str]) -> None:
    registry = FakeRegistry()
    for tag in ("1", "latest", "v1.0", "v1.10"):
        registry.push("r", tag, A)
    inventory = crawl(registry, scope=Scope.of(None, wanted), configs=False)
    assert [tag for _, tag, _ in tags(inventory)] == expected
    assert registry.count("get") == len(expected)
    assert inventory.listings.column("tag_count").tolist() == [4], "the listing is what it is"


def test_scopes_are_told_apart_in_words() -> None:
    many = [f"team/app-{number:04}" for number in range(1000)]
    scopes = [
        Scope(),
        Scope.of("team/*"),
        Scope.of(["a", "b"]),
        Scope.of(["a, b"]),
        Scope.of(["team/*", "a"]),
        Scope.of(['"a", "b"']),
        Scope.of([]),
        Scope.of(many),
        Scope.of(many[:-1]),
        Scope.of(None, "v*"),
        Scope.of(None, "/v*/"),
        Scope.of(None, ["v*", "w*"]),
        Scope.of(None, "v*, w*"),
        Scope.of(None, re.compile("v*")),
        Scope.of(None, re.compile("v*", re.IGNORECASE)),
        Scope.of("team/*", ["v*", "1.*"]),
    ]
    words = [str(scope) for scope in scopes]
    assert words[0] == ""
    assert len(set(words)) == len(words)
    assert max(map(len, words)) < 400
    assert str(Scope.of(["b", "a", "a"])) == 'repositories: ["a", "b"]'
    assert Scope.of("team/*") == Scope.of(["team/*"])
    assert str(Scope.of(["team/*", "a"])) == 'repositories: ["a", "team/*"]'
    assert str(Scope.of(None, re.compile("l.*"))) == 'tags: expression "l.*"'
    both = re.compile("l.*", re.IGNORECASE | re.DOTALL)
    assert str(Scope.of(None, both)) == 'tags: expression "l.*" (IGNORECASE|DOTALL)'
    assert Scope.of(None, ["w*", "v*", "w*"]) == Scope.of(None, {"v*", "w*"})


def test_a_walk_says_what_it_was_about() -> None:
    assert crawl(company()).scope == ""
    assert crawl(company(), repositories=["tool"]).scope == 'repositories: ["tool"]'
    digest = company().tags["tool"]["a"].digest
    inventory = crawl(company(), references=iter([("tool", digest), ("app", "1")]))
    assert inventory.scope == f'references: ["app:1", "tool@{digest}"]'
    assert inventory.complete
    with pytest.raises(ValueError, match="not both"):
        crawl(company(), repositories=["tool"], scope=Scope())
