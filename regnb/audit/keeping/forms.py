"""Forms: the tables of saved audits, and which rows of an inventory they come from.

What belongs to one audit lies in its snapshot: who holds what, and what went wrong. What manifests
and configs say is content: it is the same wherever it is found, has no registry, and is kept once
for all audits of a folder. Numbers of text become text, so that any tool can read and join it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VERSION = 1
"""Of these tables. Raise it when a reader of the version before would misread them."""

Form = Literal[
    "digests", "repositories", "texts", "prose", "platform", "edge", "lead",
    "told", "number", "count", "flag", "time",
]  # fmt: skip
"""What the integers of a column mean: numbers of text, of words, or themselves."""

NUMBERS = {"number", "count"}
"""The forms of numbers; a count can be unknown."""

WORDS = {
    "edge": ("config", "layer", "child", "subject"),
    "lead": ("tag", "child", "referrer"),
    "told": ("isize", "zstd-header"),
}
"""The words of ``kind`` of an edge, of ``source`` of a member and of an uncompressed size, in the
order of their numbers."""

PLATFORM = ("os", "architecture", "variant", "os_version", "os_features")
"""The columns that a platform becomes; features are a JSON list."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a file, and the column of the rows that it comes from."""

    name: str
    source: str
    form: Form


@dataclass(frozen=True, slots=True)
class Saved:
    """One table of files.

    Attributes:
        name: of its folder.
        rows: of which the inventory makes it.
        cells: its columns.
        flags: columns of yes or no that are worked out, and not in the rows.
        sorted_by: how many of the first columns say how the rows of a snapshot are sorted.
    """

    name: str
    rows: str
    cells: tuple[Cell, ...]
    flags: tuple[str, ...] = ()
    sorted_by: int = 1


REPOSITORIES = Saved(
    "repositories",
    "listings",
    (
        Cell("repository", "repository", "repositories"),
        Cell("tags_status", "status", "texts"),
        Cell("listed_tag_count", "tag_count", "count"),
    ),
)

TAGS = Saved(
    "tags",
    "tags",
    (
        Cell("repository", "repository", "repositories"),
        Cell("tag", "tag", "texts"),
        Cell("digest", "digest", "digests"),
        Cell("observed_at", "observed_at", "time"),
        Cell("error", "error", "texts"),
    ),
    sorted_by=2,
)

REPOSITORY_MANIFESTS = Saved(
    "repository_manifests",
    "members",
    (
        Cell("repository", "repository", "repositories"),
        Cell("digest", "digest", "digests"),
        Cell("source", "source", "lead"),
        Cell("present", "present", "flag"),
    ),
    flags=("manifest_read", "config_read"),
    sorted_by=2,
)

REFERRERS = Saved(
    "referrers",
    "referrers",
    (
        Cell("repository", "repository", "repositories"),
        Cell("subject", "subject", "digests"),
        Cell("digest", "digest", "digests"),
        Cell("artifact_type", "artifact_type", "texts"),
        Cell("size", "size", "number"),
        Cell("source", "source", "texts"),
    ),
    sorted_by=3,
)

SIZES = Saved(
    "blob_sizes",
    "sizes",
    (
        Cell("digest", "digest", "digests"),
        Cell("size", "size", "number"),
    ),
)

UNCOMPRESSED = Saved(
    "uncompressed_sizes",
    "uncompressed",
    (
        Cell("digest", "digest", "digests"),
        Cell("uncompressed_size", "size", "number"),
        Cell("source", "source", "told"),
    ),
)

MANIFESTS = Saved(
    "manifests",
    "documents",
    (
        Cell("digest", "digest", "digests"),
        Cell("media_type", "media_type", "texts"),
        Cell("kind", "kind", "texts"),
        Cell("size", "size", "number"),
        Cell("config_digest", "config", "digests"),
        Cell("artifact_type", "artifact_type", "texts"),
        Cell("subject", "subject", "digests"),
        Cell("annotations", "annotations", "prose"),
    ),
)

REFERENCES = Saved(
    "references",
    "edges",
    (
        Cell("manifest_digest", "parent", "digests"),
        Cell("kind", "kind", "edge"),
        Cell("position", "position", "number"),
        Cell("digest", "child", "digests"),
        Cell("size", "size", "number"),
        Cell("media_type", "media_type", "texts"),
        Cell("", "platform", "platform"),
        Cell("is_attestation", "attestation", "flag"),
        Cell("has_inline_data", "inline", "flag"),
        Cell("annotations", "annotations", "prose"),
    ),
    flags=("foreign",),
)

CONFIGS = Saved(
    "configs",
    "configs",
    (
        Cell("digest", "digest", "digests"),
        Cell("size", "size", "number"),
        Cell("", "platform", "platform"),
        Cell("created", "created", "time"),
        Cell("author", "author", "prose"),
        Cell("user", "user", "prose"),
        Cell("entrypoint", "entrypoint", "prose"),
        Cell("command", "command", "prose"),
        Cell("working_dir", "working_dir", "prose"),
        Cell("exposed_ports", "exposed_ports", "prose"),
        Cell("env", "env", "prose"),
        Cell("labels", "labels", "prose"),
        Cell("history_count", "history_count", "number"),
        Cell("diff_id_count", "diff_id_count", "number"),
    ),
)

DIFF_IDS = Saved(
    "diff_ids",
    "diff_ids",
    (
        Cell("config_digest", "config", "digests"),
        Cell("position", "position", "number"),
        Cell("diff_id", "diff_id", "prose"),
    ),
)

HISTORY = Saved(
    "history",
    "history",
    (
        Cell("config_digest", "config", "digests"),
        Cell("position", "position", "number"),
        Cell("created", "created", "time"),
        Cell("created_by", "created_by", "prose"),
        Cell("comment", "comment", "prose"),
        Cell("author", "author", "prose"),
        Cell("empty_layer", "empty", "flag"),
    ),
)

OF_SNAPSHOT = (REPOSITORIES, TAGS, REPOSITORY_MANIFESTS, REFERRERS, SIZES, UNCOMPRESSED)
"""The tables of one audit that are rows of its inventory; its errors and a few facts are not."""

OF_CONTENT = ((MANIFESTS, REFERENCES), (CONFIGS, DIFF_IDS, HISTORY))
"""The tables of content: those with a row a digest, and what belongs to their rows."""


LOCATED = "layers_elsewhere"
"""The table of layers that name other places: ``digest``, and whether it is ``present`` here."""

UNHELD = "unheld"
"""The table of content that was read, and that no row of `REPOSITORY_MANIFESTS` leads to: its
``digest``, and whether it ``is_config``. Usually there is none."""
