"""The tables of an audit: what the walk was, repositories, tags, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, once
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.attached import Subjects
from regnb.audit.tables.cells import Objects, filled, nullable, spread, strings, times
from regnb.frames.audit_schemas import (
    AUDIT_ERRORS,
    AUDIT_REPOSITORIES,
    AUDIT_SNAPSHOT,
    AUDIT_TAGS,
)
from regnb.frames.build import frame
from regnb.frames.schemas import SMALL, TAG_KIND, Schema
from regnb.frames.tag_names import kind_of, tag_columns
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

VISIBILITY = "tagged-closure"
"""What the plain API of a registry shows: what tags lead to, and no more."""

SCHEMA_VERSION = 2
"""Raised whenever a table of an audit changes."""


def build(
    schema: Schema, inventory: Inventory, columns: Mapping[str, Any], rows: int
) -> pd.DataFrame:
    """A frame of the registry's, which says in its ``attrs`` what it is worth."""
    columns = {"registry": filled(inventory.registry, rows), **columns}
    built = frame(schema, columns, registry=inventory.registry, retrieved=inventory.finished_at)
    built.attrs["regnb"] |= {
        "complete": inventory.complete,
        "scope": inventory.scope,
        "visibility": VISIBILITY,
    }
    return built


def snapshot(levels: Levels) -> pd.DataFrame:
    """One row: what was asked for, when, and how much of it was read."""
    inventory = levels.inventory
    row = {
        "snapshot_id": snapshot_id(inventory),
        "url": inventory.url,
        "scope": inventory.scope,
        "visibility": VISIBILITY,
        "started_at": inventory.started_at,
        "finished_at": inventory.finished_at,
        "finished": inventory.finished,
        "stopped": inventory.stopped,
        "complete": inventory.complete,
        "repository_count": len(inventory.repositories),
        "tag_count": len(inventory.tags),
        "manifest_count": len(inventory.documents),
        "blob_count": len(inventory.digests),
        "error_count": len(inventory.failures),
        "policy": json.dumps(asdict(levels.policy)),
        "tool_version": version("regnb"),
        "schema_version": SCHEMA_VERSION,
    }
    return build(AUDIT_SNAPSHOT, inventory, {name: [cell] for name, cell in row.items()}, 1)


def snapshot_id(inventory: Inventory) -> str:
    """A name for what a walk saw: the time at which it began, and a hash of what was asked."""
    end = str(inventory.finished_at)  # a walk that goes on with another began when that one did
    asked = json.dumps([inventory.registry, inventory.url, inventory.scope, end])
    moment = inventory.started_at.strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{moment}-{sha256(asked.encode('utf-8', 'replace')).hexdigest()[:8]}"


def repositories(levels: Levels) -> pd.DataFrame:
    """One row a repository, sorted by name."""
    inventory = levels.inventory
    codes = repository_codes(inventory)
    names = [inventory.repositories.values[code] for code in codes.tolist()]
    status, manifests = status_of(inventory)[codes], levels.graph.repository
    listed_count = np.full(len(inventory.repositories), NONE, dtype=np.int64)
    listings = inventory.listings
    listed_count[listings.column("repository")] = listings.column("tag_count")
    columns = {
        "repository": names,
        "namespace": [name.partition("/")[0] if "/" in name else "" for name in names],
        "depth": [name.count("/") + 1 for name in names],
        "tag_count": nullable(_plain_tags(inventory)[codes], known=listed(status)),
        "listed_tag_count": nullable(listed_count[codes], known=listed_count[codes] >= 0),
        "manifest_count": np.bincount(manifests, minlength=len(inventory.repositories))[codes],
        "tags_status": status,
    }
    return build(AUDIT_REPOSITORIES, inventory, columns, len(names))


def tags(levels: Levels) -> pd.DataFrame:
    """One row a tag, sorted by repository and name."""
    inventory, seen, rows = levels.inventory, levels.seen, levels.inventory.tags
    tag, repository = rows.column("tag"), rows.column("repository")
    order = seen.tag_order
    digest = rows.column("digest")[order]
    document = np.append(levels.content.document, NONE)[digest]
    media_type = np.append(inventory.documents.column("media_type"), NONE)[document]
    size = np.append(inventory.documents.column("size"), 0)[document]
    columns = {
        "repository": strings(inventory.repositories.values, repository[order]),
        **_names(inventory, tag[order]),
        "digest": strings(inventory.digests.values, digest),
        "media_type": strings(inventory.texts.values, media_type),
        "manifest_size": nullable(size, known=digest >= 0),
        "observed_at": times(rows.column("observed_at")[order]),
        "error": strings(inventory.texts.values, rows.column("error")[order]),
    }
    return build(AUDIT_TAGS, inventory, columns, len(order))


def errors(inventory: Inventory) -> pd.DataFrame:
    """One row a failure, sorted by where it happened."""
    failures = sorted(inventory.failures, key=lambda failure: failure.order)
    columns = {
        "sequence": np.arange(len(failures)),
        "observed_at": [failure.observed_at for failure in failures],
        "repository": [failure.repository or None for failure in failures],
        "reference": [failure.reference or None for failure in failures],
        "parent_digest": [failure.parent_digest or None for failure in failures],
        "stage": [failure.stage for failure in failures],
        "http_status": [failure.status for failure in failures],
        "code": [failure.code for failure in failures],
        "message": [failure.message for failure in failures],
        "retriable": [failure.retriable for failure in failures],
    }
    return build(AUDIT_ERRORS, inventory, columns, len(failures))


def repository_codes(inventory: Inventory) -> Ints:
    """The repositories, by name."""
    names = inventory.repositories.values
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)


def status_of(inventory: Inventory) -> Objects:
    """The status of each repository; ``ok`` where it was not listed but asked for by name."""
    status = np.full(len(inventory.repositories), "ok", dtype=object)
    listings, words = inventory.listings, inventory.texts.values
    said = [words[code] for code in listings.column("status").tolist()]
    status[listings.column("repository")] = said
    return status


def listed(status: Objects) -> Flags:
    """Whether the tags of a repository of each status are known."""
    return np.isin(status.astype(str), ("ok", "empty"))


def _plain_tags(inventory: Inventory) -> Ints:
    """Tags of each repository, those left out that are attachments of other manifests."""
    tag = inventory.tags.column("tag")
    plain = np.zeros(len(inventory.texts), dtype=bool)
    for code in once(tag, len(inventory.texts)).tolist():
        plain[code] = kind_of(inventory.texts.values[code]) == "normal"
    repository = inventory.tags.column("repository")[plain[tag]]
    return np.bincount(repository, minlength=len(inventory.repositories)).astype(np.int64)


def _names(inventory: Inventory, tag: Codes) -> dict[str, Any]:
    """The columns that follow from the names of tags alone."""
    used = once(tag, len(inventory.texts))
    told = tag_columns([inventory.texts.values[code] for code in used.tolist()])
    place = np.searchsorted(used, tag)
    subjects = Subjects.of(inventory)
    numbers = ("semver_major", "semver_minor", "semver_patch")
    return {
        "tag": strings(told["tag"], place),
        "kind": spread(told["kind"], place, TAG_KIND),
        "subject": strings(subjects.digests, subjects.of_text[tag]),
        "is_semver": np.array(told["is_semver"], dtype=bool)[place],
        **{name: spread(told[name], place, SMALL) for name in numbers},
        "semver_prerelease": strings(told["semver_prerelease"], place),
    }
