"""Which URLs are asked (protocol: URL building)."""

from __future__ import annotations

import pytest
import responses
from responses.matchers import query_string_matcher

import regnb
from regnb.core.repository import Repository
from regnb.errors import InvalidDigestError, InvalidReferenceError
from regnb.model.media_types import OCI_MANIFEST
from tests.core.fakes import API, URL, registry
from tests.core.samples import MANIFEST, MANIFEST_DIGEST

PREFIXES = ["", "/artifactory/docker", "/a/b/c"]


def repository(prefix: str = "", name: str = "team/app") -> Repository:
    return registry(URL + prefix).repository(name)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_u1_a_prefix_is_kept_with_or_without_a_slash(
    web: responses.RequestsMock, prefix: str, slash: str
) -> None:
    web.get(f"{URL}{prefix}/v2/_catalog?n=1000", json={"repositories": []})
    client = registry(URL + prefix + slash)
    assert list(client.repositories()) == []
    assert client.url == URL + prefix


@pytest.mark.parametrize("prefix", PREFIXES)
def test_u2_every_endpoint_has_its_url(web: responses.RequestsMock, prefix: str) -> None:
    here = f"{URL}{prefix}/v2/team/app"
    web.get(f"{URL}{prefix}/v2/", body="{}")
    web.get(f"{here}/tags/list", json={"tags": []})
    for reference in ("1.2", MANIFEST_DIGEST):
        manifest = f"{here}/manifests/{reference}"
        web.get(manifest, body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    web.get(f"{here}/blobs/{MANIFEST_DIGEST}", body=MANIFEST)
    found = repository(prefix)
    found.registry.ping()
    found.tags.all()
    found.manifests.get("1.2")
    found.manifests.get(MANIFEST_DIGEST)
    found.blobs.get(MANIFEST_DIGEST)
    assert len(web.calls) == 5


def test_u3_the_digest_of_a_reference_with_both_is_asked_for(
    web: responses.RequestsMock,
) -> None:
    by_digest = f"{API}team/app/manifests/{MANIFEST_DIGEST}"
    web.get(by_digest, body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    found = regnb.connect(URL).image(f"team/app:1.2@{MANIFEST_DIGEST}").manifest()
    assert found.digest == MANIFEST_DIGEST


@pytest.mark.parametrize("reference", ["", "@", ":", ":1.2"])
def test_u3_a_manifest_is_asked_for_by_a_tag_or_a_digest(reference: str) -> None:
    with pytest.raises((InvalidReferenceError, InvalidDigestError)):
        repository().manifests.get(reference)


def test_u4_what_is_asked_of_a_page_is_quoted(web: responses.RequestsMock) -> None:
    web.get(
        f"{API}team/app/tags/list",
        json={"tags": []},
        match=[query_string_matcher("n=2&last=a%26n%3D9%2F%2B")],
    )
    repository().tags.list(n=2, last="a&n=9/+")
    assert str(web.calls[0].request.url).endswith("?n=2&last=a%26n%3D9%2F%2B")


def test_u5_a_repository_that_is_called_like_a_host_is_a_path(
    web: responses.RequestsMock,
) -> None:
    web.get(f"{API}test.example.com/repo1/tags/list", json={"tags": ["a"]})
    assert repository(name="test.example.com/repo1").tags.all() == ("a",)


@pytest.mark.parametrize("name", ["../x", "Upper/case", "a//b", "a\n", "", "a b", "a%2e", "a/../b"])
def test_u6_a_name_that_is_no_path_never_reaches_a_url(name: str) -> None:
    with pytest.raises(InvalidReferenceError):
        repository(name=name)
