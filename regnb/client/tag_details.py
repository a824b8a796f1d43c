"""The table of `tags(details=True)`, out of what a walk has seen."""

from __future__ import annotations

from typing import Any

import pandas as pd

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import policy_of
from regnb.audit.kernel.seen import Seen
from regnb.frames.build import frame
from regnb.frames.schemas import TAG_DETAILS
from regnb.model.digest import Digest
from regnb.walk.inventory import Inventory

Row = dict[str, Any]


def tag_details(inventory: Inventory) -> pd.DataFrame:
    """One row a tag of one repository, sorted by name."""
    audit = Audit(Seen(inventory), policy=policy_of("tagged-only"))
    held = audit.repository_manifests
    held = held[held["present"].fillna(False)]
    manifests = _rows(audit.manifests[audit.manifests["digest"].isin(held["digest"])], "digest")
    usage = _rows(audit.usage(by="tag"), "tag")
    flaws = dict(zip(audit.errors["reference"], audit.errors["message"], strict=True))
    rows = _rows(audit.tags, "tag")
    for tag, row in rows.items():
        if row["digest"] is None:
            continue
        reached = _reached(row["digest"], inventory, manifests)
        row["size"], row["declared_size"] = usage[tag]["stored"], usage[tag]["declared"]
        needed = [d for digest in reached for d in _needed(digest, inventory, manifests)]
        row["error"] = next((flaws[digest] for digest in needed if digest in flaws), None)
        row.update(_of_manifest(manifests[row["digest"]]))
        row.update(_of_images([manifests[digest] for digest in reached]))
    columns = {name: [row.get(name) for row in rows.values()] for name in TAG_DETAILS.columns}
    return frame(TAG_DETAILS, columns, registry=inventory.registry, retrieved=inventory.finished_at)


def _rows(table: pd.DataFrame, key: str) -> dict[str, Row]:
    """The rows of a table by one of its columns, nulls as None."""
    objects = table.astype(object).where(table.notna(), None)
    names = [str(name) for name in objects.columns]
    found = (dict(zip(names, row, strict=True)) for row in objects.itertuples(index=False))
    return {row[key]: row for row in found}


def _reached(digest: str, inventory: Inventory, manifests: dict[str, Row]) -> list[str]:
    """A manifest and those below it that the repository holds, each once, nearest first."""
    reached, seen = [], {digest}
    waiting = [digest]
    while waiting:
        here = waiting.pop(0)
        if here not in manifests:
            continue
        reached.append(here)
        below = _children(here, inventory)
        waiting += [child for child in dict.fromkeys(below) if child not in seen]
        seen.update(below)
    return reached


def _children(digest: str, inventory: Inventory) -> list[str]:
    code = inventory.digests.code(Digest(digest))
    return [inventory.digests.values[child.digest] for child in inventory.children(code)]


def _needed(digest: str, inventory: Inventory, manifests: dict[str, Row]) -> list[str]:
    """What a manifest needs to be read as well, to know all of it."""
    config = manifests[digest]["config_digest"]
    return [*_children(digest, inventory), *([config] if config else [])]


def _of_manifest(manifest: Row) -> Row:
    kept = ("layer_count", "artifact_type")
    return {"manifest_kind": manifest["kind"], **{name: manifest[name] for name in kept}}


def _of_images(manifests: list[Row]) -> Row:
    images = [m for m in manifests if m["kind"] == "image" and not m["is_attestation"]]
    platforms = [_platform(image) for image in images if image["os"] is not None]
    times = [image["created"] for image in images if image["created"] is not None]
    return {
        "platforms": ", ".join(platforms) or None,
        "platform_count": len(platforms),
        "created": max(times, default=None),
    }


def _platform(image: Row) -> str:
    parts = (image["os"], image["architecture"], image["variant"])
    return "/".join(part for part in parts if part)
