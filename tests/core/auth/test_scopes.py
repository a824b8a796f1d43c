from __future__ import annotations

import pytest

from regnb.core.auth.scopes import (
    CATALOG,
    Scopes,
    covers,
    delete,
    mount,
    pull,
    push,
    repository_of,
    resource_of,
    widened,
)


def test_a15_scopes_are_written_as_the_token_specification_says() -> None:
    assert pull("team/app") == ("repository:team/app:pull",)
    assert push("team/app") == ("repository:team/app:pull,push",)
    assert delete("team/app") == ("repository:team/app:delete,pull",)
    assert mount("a", "b") == ("repository:a:pull,push", "repository:b:pull")
    assert CATALOG == ("registry:catalog:*",)


@pytest.mark.parametrize(
    ("scopes", "repository", "resource"),
    [
        (pull("team/app"), "team/app", "repository:team/app"),
        (mount("a", "b"), "a", "repository:a"),
        (CATALOG, None, "registry:catalog"),
        ((), None, ""),
        (("repository(plugin):a:pull",), None, "repository(plugin):a"),
        (("odd",), None, ""),
    ],
)
def test_b_a10_a_scope_names_a_repository(
    scopes: Scopes, repository: str | None, resource: str
) -> None:
    assert (repository_of(scopes), resource_of(scopes)) == (repository, resource)


@pytest.mark.parametrize(
    ("granted", "wanted", "enough"),
    [
        (pull("a"), pull("a"), True),
        (push("a"), pull("a"), True),
        (pull("a"), push("a"), False),
        (pull("a"), pull("b"), False),
        (pull("a"), pull("a/b"), False),
        (mount("a", "b"), pull("b"), True),
        (mount("a", "b"), (*pull("a"), *pull("b")), True),
        (("repository:a:*",), delete("a"), True),
        (CATALOG, ("registry:catalog:read",), True),
        (pull("a"), (), True),
        ((), pull("a"), False),
        (("registry:a:pull",), pull("a"), False),
    ],
)
def test_b_a10_a_token_serves_only_what_it_covers(
    granted: Scopes, wanted: Scopes, enough: bool
) -> None:
    assert covers(granted, wanted) is enough


@pytest.mark.parametrize(
    ("scopes", "hint", "asked"),
    [
        (pull("a"), "", pull("a")),
        (pull("a"), "repository:a:pull", pull("a")),
        (push("a"), "repository:a:push,pull", push("a")),
        (pull("a"), "repository:a:pull,push", push("a")),
        (pull("a"), "  repository:b:pull\trepository:b:pull ", (*pull("b"), *pull("a"))),
        (pull("a"), "registry:catalog:*", (*CATALOG, *pull("a"))),
        # What the front door names is an example (GHCR).
        ((), "repository:user/image:pull", ()),
    ],
)
def test_w_a1_what_the_registry_names_goes_first(scopes: Scopes, hint: str, asked: Scopes) -> None:
    assert widened(scopes, hint) == asked
