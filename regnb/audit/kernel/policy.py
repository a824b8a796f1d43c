"""Liveness: which manifests count as in use. A policy, not a fact: registries differ in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from regnb.errors import printable


@dataclass(frozen=True, slots=True)
class LivenessPolicy:
    """What is alive in a repository, and so what else can be freed.

    Attributes:
        name: what it is called.
        meaning: whose view it is, in a sentence.
        roots: ``tags``: what a tag names; ``manifests``: every manifest that the repository
            holds, tagged or not.
        children: ``all``: whatever an index leads to, where its repository holds it, at any depth;
            ``all-named``: that, and the documents of entries that its repository lacks and another
            holds: a collector of garbage keeps what is named, wherever it lies; ``documents``: of
            the entries of an index only the documents, not what they name.
        referrers: ``with-subject``: what is about a live manifest is alive; ``ignored``: it needs
            a tag of its own; ``kept``: whatever is about something is alive.
        attachments: tags that belong to another manifest (cosign's, and the fallback tags of
            referrers): ``with-subject``, or ``roots`` like any tag.
    """

    name: str
    meaning: str
    roots: Literal["tags", "manifests"] = "tags"
    children: Literal["all", "all-named", "documents"] = "all"
    referrers: Literal["with-subject", "ignored", "kept"] = "with-subject"
    attachments: Literal["with-subject", "roots"] = "with-subject"


OCI = LivenessPolicy(
    "oci",
    "What tags lead to, and what is about it: the advice of the OCI working group, and Harbor's.",
)

_ALL = (
    OCI,
    LivenessPolicy(
        "tagged-only",
        "What tags lead to. Whatever is about it needs a tag of its own.",
        referrers="ignored",
        attachments="roots",
    ),
    LivenessPolicy(
        "distribution-3",
        "What `registry garbage-collect --delete-untagged` of distribution 3 is meant to keep.",
        children="all-named",
        referrers="ignored",
        attachments="roots",
    ),
    LivenessPolicy(
        "distribution-2.8",
        "What `registry garbage-collect --delete-untagged` of distribution 2.8 keeps: tagged "
        "manifests and what they name, so that the entries of an index lose their layers.",
        children="documents",
        referrers="ignored",
        attachments="roots",
    ),
    LivenessPolicy(
        "distribution-keep-untagged",
        "What plain `registry garbage-collect` keeps: every manifest that was not deleted.",
        roots="manifests",
        children="documents",
        referrers="ignored",
        attachments="roots",
    ),
    LivenessPolicy(
        "zot",
        "What zot keeps by default: what tags lead to, and every referrer, its subject there or "
        "not.",
        referrers="kept",
        attachments="roots",
    ),
)

PRESETS: Mapping[str, LivenessPolicy] = MappingProxyType({policy.name: policy for policy in _ALL})
"""The policies that have a name; `OCI` is the default."""


def policy_of(policy: str | LivenessPolicy) -> LivenessPolicy:
    """The policy of that name, or the one given.

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(policy, LivenessPolicy):
        return policy
    if policy not in PRESETS:
        raise ValueError(
            f"{printable(policy, 80)!r} is no liveness policy. Choose one of: "
            f"{', '.join(PRESETS)}; or make a LivenessPolicy."
        )
    return PRESETS[policy]
