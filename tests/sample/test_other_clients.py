"""A client that is not ours pulls from the sample registry and pushes to it."""

from __future__ import annotations

import json
import subprocess

import pytest
import requests

from regnb.sample import Served, serve
from regnb.sample.content import sample
from tests.servers import need

pytestmark = pytest.mark.registry

IMAGES = [
    ("team/api", "v2.0.0"),
    ("platform/tool", "latest"),
    ("legacy/docker", "latest"),
    ("odd/layers", "empty"),
    ("charts/api", "2.0.0"),
]


@pytest.mark.parametrize(("repository", "tag"), IMAGES)
def test_skopeo_copies_an_image_with_all_its_layers(
    filled: Served, empty: Served, session: requests.Session, repository: str, tag: str
) -> None:
    skopeo = need("skopeo", "skopeo")
    source, target = (url.removeprefix("http://") for url in (filled.url, empty.url))
    subprocess.run(
        [
            *(skopeo, "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"),
            f"docker://{source}{repository}:{tag}",
            f"docker://{target}copied:{tag}",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    wanted = sample(repository, tag)
    assert session.get(f"{empty.url}v2/copied/manifests/{tag}").content == wanted.raw
    for document in (wanted, *wanted.children):
        for blob in document.blobs:
            pulled = session.get(f"{empty.url}v2/copied/blobs/{blob.digest}")
            assert pulled.content == blob.raw


@pytest.mark.parametrize("token_lifetime", [None, 300])
def test_skopeo_identifies_itself(filled: Served, token_lifetime: int | None) -> None:
    skopeo = need("skopeo", "skopeo")
    source = filled.url.removeprefix("http://")
    with serve(fill=None, users={"alice": "secret"}, token_lifetime=token_lifetime) as guarded:
        target = guarded.url.removeprefix("http://")
        command = [
            *(skopeo, "copy", "--src-tls-verify=false", "--dest-tls-verify=false"),
            f"docker://{source}team/api:v2.0.0",
            f"docker://{target}copied:1",
        ]
        refused = subprocess.run(
            [*command, "--dest-creds", "alice:wrong"], check=False, capture_output=True, timeout=60
        )
        assert refused.returncode != 0
        assert guarded.storage.names() == []
        subprocess.run(
            [*command, "--dest-creds", "alice:secret"], check=True, capture_output=True, timeout=60
        )
        copied = guarded.storage.manifest("copied", "1")
        assert copied is not None
        layers = sample("team/api", "v2.0.0").blobs
        assert len(layers) > 1
        for blob in layers:
            assert guarded.storage.blob("copied", blob.digest) == blob.raw


def test_skopeo_lists_the_tags(filled: Served) -> None:
    skopeo = need("skopeo", "skopeo")
    where = f"docker://{filled.url.removeprefix('http://')}library/alpine"
    listed = subprocess.run(
        [skopeo, "list-tags", "--tls-verify=false", where],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(listed.stdout)["Tags"] == ["3.19", "3.20", "3.20.3", "latest"]


def test_skopeo_deletes_an_image(empty: Served, session: requests.Session) -> None:
    skopeo = need("skopeo", "skopeo")
    sample("odd/times", "zero").push(empty.storage, "app", "1")
    where = f"docker://{empty.url.removeprefix('http://')}app:1"
    subprocess.run(
        [skopeo, "delete", "--tls-verify=false", where],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert session.get(f"{empty.url}v2/app/tags/list").json()["tags"] == []
