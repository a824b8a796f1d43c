"""An audit by a cluster: two processes of dask, and registries that ask who they are."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import regnb
from regnb import Client
from regnb.client import sharding
from regnb.client.shards import Shard, crawl_shard
from regnb.errors import AuthenticationRequiredError
from regnb.sample import serve
from tests.client.test_sharding import assert_equal
from tests.integration.filling import Filled
from tests.servers import docker_registry

USER, PASSWORD = "alice", "correct horse"
REPOSITORIES = (
    *("charts/api", "legacy/docker", "library/alpine", "library/python", "odd/layers"),
    *("platform/bundle", "platform/tool", "team/api", "team/reports", "team/web", "team/worker"),
)

pytestmark = pytest.mark.registry


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Repositories of the sample registry, on a real server, which then begins to ask."""
    root = tmp_path_factory.mktemp("registry")
    with (
        docker_registry(root) as url,
        regnb.sample.connect() as sample,
        regnb.connect(url) as target,
    ):
        for name in REPOSITORIES:
            sample[name].copy_to(target[name], progress=False)
    with docker_registry(root, htpasswd={USER: PASSWORD}) as url:
        yield Filled(url, root, {})


@pytest.fixture(scope="module")
def logins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Docker's file of logins, which the workers look into; nobody is logged in."""
    folder = tmp_path_factory.mktemp("docker")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(folder))
        environment.setenv("DOCKER_CONFIG", str(folder))
        environment.setenv("REGNB_CACHE", str(folder / "cache"))
        yield folder / "config.json"


@pytest.fixture(scope="module")
def workers(logins: Path) -> Iterator[Any]:
    """The executor of a cluster of two processes on this machine."""
    dask, distributed = map(import_module, ("dask", "distributed"))
    # Its profiler looks at the frames of all threads, and Python 3.11.7 can stop for ever in that.
    without_profiler = dask.config.set({"distributed.worker.profile.enabled": False})
    # Without an address it takes port 8787, and warns where that is in use.
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        without_profiler,
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        yield executor


@pytest.fixture
def logged_in(logins: Path, guarded: Filled) -> Iterator[None]:
    """As after ``docker login``."""
    basic = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    logins.write_text(json.dumps({"auths": {guarded.host: {"auth": basic}}}))
    yield
    logins.unlink()


@pytest.fixture
def client(guarded: Filled, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("REGNB_PROGRESS", "0")
    monkeypatch.setattr(sharding, "SMALLEST", 2)
    with regnb.connect(guarded.url) as connected:
        yield connected


def signed(shard: Shard) -> str:
    """Walk a shard, and leave a note of which process did."""
    (Path(shard.folder).parents[2] / f"process {os.getpid()}").touch()
    return crawl_shard(shard)


def dies_once(shard: Shard) -> str:
    """Walk a shard; the first process that tries ends in the middle of it."""
    try:
        (Path(shard.folder).parents[2] / "died").touch(exist_ok=False)
    except FileExistsError:
        return crawl_shard(shard)
    os._exit(1)


@pytest.mark.usefixtures("logged_in")
def test_two_processes_audit_a_registry_that_asks_for_a_password(
    client: Client, workers: Any, guarded: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "crawl_shard", signed)
    audit = client.audit(executor=workers, folder=tmp_path)
    assert len(list(tmp_path.glob("process *"))) == 2
    assert_equal(audit, client.audit())
    assert sorted(audit.repositories["repository"]) == sorted(REPOSITORIES)
    assert (audit.layers.groupby("manifest_digest").size() > 1).any()
    blobs = audit.blobs[audit.blobs["live"]].set_index("digest")["size"]
    # Not the reverse: lists of referrers that were replaced are on the disk, and have no tag.
    assert blobs.to_dict().items() <= guarded.blob_sizes().items()
    assert audit.usage("registry")["stored"].item() == blobs.sum()
    assert audit.complete


@pytest.mark.usefixtures("logged_in")
def test_a_process_of_the_cluster_may_die(
    client: Client, workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "crawl_shard", dies_once)
    audit = client.audit(executor=workers, folder=tmp_path)
    assert (tmp_path / "died").exists()
    assert_equal(audit, client.audit())
    assert audit.complete


def test_credentials_of_the_caller_do_not_go_to_the_cluster(
    client: Client, workers: Any, guarded: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGNB_REGISTRY", guarded.host)
    monkeypatch.setenv("REGNB_USERNAME", USER)
    monkeypatch.setenv("REGNB_PASSWORD", PASSWORD)
    with pytest.raises(AuthenticationRequiredError):
        client.audit(executor=workers, folder=tmp_path)
    assert client.audit().complete


@pytest.mark.usefixtures("client")
def test_a_registry_that_asks_for_tokens(workers: Any, tmp_path: Path) -> None:
    with (
        serve(users={USER: PASSWORD}, token_lifetime=300) as served,
        regnb.connect(served.url, credentials=login) as reg,
    ):
        assert_equal(reg.audit(executor=workers, folder=tmp_path), reg.audit())


def login() -> tuple[str, str]:
    """What workers import."""
    return USER, PASSWORD


@pytest.mark.usefixtures("logged_in")
def test_dask_reads_the_data_set_in_parts(client: Client, workers: Any, tmp_path: Path) -> None:
    dataframe = import_module("dask.dataframe")
    audit = client.audit(executor=workers, folder=tmp_path)
    held = dataframe.read_parquet(
        str(tmp_path / "snapshots" / "*" / "repository_manifests" / "*.parquet")
    )
    references = dataframe.read_parquet(str(tmp_path / "content" / "references" / "*.parquet"))
    layers = references[references["kind"] == "layer"]
    joined = held.merge(layers, left_on="digest", right_on="manifest_digest")
    distinct = joined[["repository", "digest_y", "size"]].drop_duplicates()
    found = distinct.groupby("repository")["size"].sum().compute()
    mine = audit.repository_manifests.merge(
        audit.layers, left_on="digest", right_on="manifest_digest"
    ).drop_duplicates(["repository", "digest_y"])
    expected = mine.groupby("repository")["size"].sum()
    assert found.sort_index().to_dict() == expected.sort_index().to_dict()
    assert len(found) == len(REPOSITORIES)
