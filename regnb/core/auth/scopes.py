"""Scopes: what a request needs leave for, in the words of the token specification (B-A11)."""

from __future__ import annotations

Scopes = tuple[str, ...]
"""What a request needs leave for; empty where any login will do."""

CATALOG: Scopes = ("registry:catalog:*",)


def pull(repository: str) -> Scopes:
    """To read from a repository."""
    return (f"repository:{repository}:pull",)


def push(repository: str) -> Scopes:
    """To write to a repository."""
    return (f"repository:{repository}:pull,push",)


def delete(repository: str) -> Scopes:
    """To delete from a repository."""
    return (f"repository:{repository}:delete,pull",)


def mount(repository: str, source: str) -> Scopes:
    """To write to a repository what another one of the registry holds."""
    return (*push(repository), *pull(source))
