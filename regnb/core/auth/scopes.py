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


def cancel(repository: str) -> Scopes:
    """To end an upload: some registries want leave to delete for it, others leave to write."""
    return (f"repository:{repository}:delete,pull,push",)


def mount(repository: str, source: str) -> Scopes:
    """To write to a repository what another one of the registry holds."""
    return (*push(repository), *pull(source))


def repository_of(scopes: Scopes) -> str | None:
    """The repository that is asked for, or None where it is the registry itself."""
    kind, _, rest = resource_of(scopes).partition(":")
    return rest if kind == "repository" else None


def resource_of(scopes: Scopes) -> str:
    """Kind and name of what is asked for first, ``repository:team/app`` for example, or nothing."""
    return scopes[0].rpartition(":")[0] if scopes else ""


def covers(granted: Scopes, wanted: Scopes) -> bool:
    """Whether leave for `granted` is leave for all that is wanted, so far as names tell."""
    return all(any(_includes(one, want) for one in granted) for want in wanted)


def widened(scopes: Scopes, hint: str) -> Scopes:
    """What to ask for, given what a registry says that a request needs (W-A1).

    What the registry names goes first, because some token services read nothing else (B-A11).
    Whoever needs no leave is not made to ask for any: what is named then is an example.
    """
    named = tuple(dict.fromkeys(hint.split()))
    if not scopes or covers(scopes, named):
        return scopes
    return (*named, *(scope for scope in scopes if not covers(named, (scope,))))


def _includes(granted: str, wanted: str) -> bool:
    resource, _, actions = granted.rpartition(":")
    wanted_resource, _, wanted_actions = wanted.rpartition(":")
    given = set(actions.split(","))
    return resource == wanted_resource and ("*" in given or set(wanted_actions.split(",")) <= given)
