"""Blobs that docker-registry 2.8.2 has mounted into a repository where no manifest names them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import regnb
from regnb.audit.audit import Audit
from regnb.model.digest import Digest
from tests.integration.filling import layout, push
from tests.integration.storage import TOP, collect_garbage, sizes
from tests.servers import docker_registry

pytestmark = pytest.mark.registry

LEVELS = ("registry", "repository", "tag")
FILES = {
    "app": [{"base": b"base" * 500}, {"app": b"app" * 900}],
    "web": [{"base": b"base" * 500}, {"web": b"web" * 70}],
}


def numbers(audit: Audit) -> dict[str, pd.DataFrame]:
    """Every table and answer with a size in it, without when it was seen."""
    found = {by: audit.usage(by) for by in LEVELS}
    found |= {"free": audit.plan_delete(repositories="*").blobs, "du": audit.du()}
    for name in ("repositories", "manifests", "blobs", "repository_blobs", "layers"):
        table: pd.DataFrame = getattr(audit, name)
        found[name] = table.drop(columns="observed_at", errors="ignore")
    return found


def layer_links(root: Path, repository: str) -> set[str]:
    links = (root / TOP / "repositories" / repository / "_layers").glob("*/*/link")
    return {link.read_text() for link in links}


def test_e15_a_mounted_blob_that_no_manifest_names_changes_no_size(tmp_path: Path) -> None:
    source, root = layout(tmp_path / "layout", FILES), tmp_path / "registry"
    with docker_registry(root) as url, regnb.connect(url) as client:
        for tag in FILES:
            push(source, tag, client.name, f"team/{tag}:1")
        before, on_disk = numbers(client.audit(progress=False)), sizes(root)
        digest = Digest(client["team/app:1"].layers()["digest"].iloc[-1])
        linked = layer_links(root, "team/web")
        assert digest not in linked
        assert client["team/web"].core.blobs.mount(digest, "team/app") is None
        assert layer_links(root, "team/web") == linked | {digest}
        audit = client.audit(progress=False)
        for name, table in numbers(audit).items():
            assert len(table)
            pd.testing.assert_frame_equal(table, before[name])
        assert sizes(root) == on_disk
        plan = audit.plan_delete(repositories="team/app")
        assert digest in set(plan.blobs["digest"])
        plan.execute(confirm=len(plan), progress=False)
    collect_garbage(root, untagged=True)
    assert sum(on_disk.values()) - sum(sizes(root).values()) == plan.freed
