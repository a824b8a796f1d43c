"""What the registries of this world do in listings, a test for each row of the quirks table."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from responses.matchers import query_string_matcher

from regnb.core.registry import Registry
from regnb.errors import (
    AuthenticationRequiredError,
    CatalogUnsupportedError,
    ManifestUnknownError,
    RateLimitedError,
    RegistryError,
    TooManyPagesError,
)
from regnb.model.media_types import OCI_MANIFEST
from tests.core.fakes import API, registry
from tests.core.samples import MANIFEST, MANIFEST_DIGEST

CATALOG = f"{API}_catalog"
LISTING = f"{API}team/app/tags/list"
TAG = f"{API}team/app/manifests/1.2"


def page(
    web: responses.RequestsMock, url: str, query: str, document: object, link: str = "", **more: Any
) -> None:
    headers = {"Link": link} if link else {}
    matching = [query_string_matcher(query)]
    web.get(url, body=json.dumps(document), headers=headers, match=matching, **more)


def tags(client: Registry | None = None, name: str = "team/app") -> tuple[str, ...]:
    return (client or registry()).repository(name).tags.all()


def refusal(code: str, message: str) -> dict[str, object]:
    return {"errors": [{"code": code, "message": message}]}


def test_docker_hub_has_no_catalog(web: responses.RequestsMock) -> None:
    realm = "https://auth.docker.io/token"
    challenge = f'Bearer realm="{realm}",service="registry.docker.io",scope="registry:catalog:*"'
    body = refusal("UNAUTHORIZED", "authentication required")
    web.get(CATALOG, status=401, json=body, headers={"WWW-Authenticate": challenge})
    web.get(realm, json={"token": "without-any-access", "expires_in": 300})
    challenge += ',error="insufficient_scope"'
    web.get(CATALOG, status=401, json=body, headers={"WWW-Authenticate": challenge})
    with pytest.raises(CatalogUnsupportedError, match="name them instead"):
        list(registry().repositories())


def test_docker_hub_counts_gets_and_never_pays_for_a_refused_head(
    web: responses.RequestsMock,
) -> None:
    web.head(TAG, status=429, headers={"ratelimit-limit": "100;w=21600"})
    with pytest.raises(RateLimitedError, match="100 requests left in 6 h"):
        registry().repository("team/app").tags.get("1.2")
    assert {call.request.method for call in web.calls} == {"HEAD"}


def test_ghcr_lists_in_an_order_of_its_own(web: responses.RequestsMock) -> None:
    link = '</v2/team/app/tags/list?last=v2&n=0>; rel="next"'
    page(web, LISTING, "", {"name": "team/app", "tags": ["v10", "v2"]}, link)
    page(web, LISTING, "last=v2&n=0", {"name": "team/app", "tags": ["sha256-0a.sig", "v1"]})
    assert tags() == ("v10", "v2", "sha256-0a.sig", "v1")


def test_ecr_lists_tags_as_text_with_an_opaque_cursor(web: responses.RequestsMock) -> None:
    cursor = "last=ukD72mdD%2FmC8b5xV3susmJzzaTgp3hKwR9nRUW1yZZ7ULRPFgvS4aoBpMKn%3D"
    link = f'<{LISTING}?{cursor}>; rel="next"'
    text: dict[str, Any] = {"content_type": "text/plain; charset=utf-8"}
    page(web, LISTING, "", {"name": "team/app", "tags": ["a"]}, link, **text)
    page(web, LISTING, cursor, {"name": "team/app", "tags": ["b"]}, **text)
    assert tags() == ("a", "b")
    assert str(web.calls[1].request.url).endswith(cursor)


def test_ecr_refuses_more_than_a_thousand(web: responses.RequestsMock) -> None:
    said = "Invalid parameter at 'maxResults' failed to satisfy constraint: '<= 1000'"
    page(web, LISTING, "n=2000", refusal("UNSUPPORTED", said), status=405)
    with pytest.raises(RegistryError, match="maxResults") as caught:
        registry().repository("team/app").tags.list(n=2000)
    assert (caught.value.status, caught.value.code) == (405, "UNSUPPORTED")


def test_ecr_public_refuses_a_cursor_that_is_rebuilt(web: responses.RequestsMock) -> None:
    names = [f"r{number}" for number in range(1000)]
    page(web, CATALOG, "n=1000", {"repositories": names})
    refused = refusal("UNSUPPORTED", "Invalid next token")
    page(web, CATALOG, "n=1000&last=r999", refused, status=405)
    assert list(registry().repositories()) == names


def test_gcr_lists_children_and_manifests_beside_the_tags(web: responses.RequestsMock) -> None:
    facts = {"imageSizeBytes": "51", "tag": ["1.2"], "timeUploadedMs": "1700000000000"}
    listing = {
        "child": ["nested", "other"],
        "manifest": {MANIFEST_DIGEST: {**facts, "layerId": "", "mediaType": OCI_MANIFEST}},
        "name": "team/app",
        "tags": ["1.2"],
    }
    page(web, LISTING, "", listing)
    assert tags() == ("1.2",)
    assert len(web.calls) == 1


def test_acr_links_with_an_order(web: responses.RequestsMock) -> None:
    query = "last=a&n=100&orderby="
    page(web, LISTING, "", {"tags": ["a"]}, f'</v2/team/app/tags/list?{query}>; rel="next"')
    page(web, LISTING, query, {"tags": ["b"]})
    assert tags() == ("a", "b")


def test_quay_pages_by_a_token(web: responses.RequestsMock) -> None:
    token = "n=50&next_page=gAAAAABl%2Bx-_%3D%3D"
    page(web, LISTING, "", {"tags": ["a"]}, f'</v2/team/app/tags/list?{token}>; rel="next"')
    page(web, LISTING, token, {"tags": ["b"]})
    assert tags() == ("a", "b")
    assert str(web.calls[1].request.url).endswith(token)


def test_quay_ignores_last_and_repeats_its_page(web: responses.RequestsMock) -> None:
    names = [f"r{number}" for number in range(1000)]
    page(web, CATALOG, "n=1000", {"repositories": names})
    page(web, CATALOG, "n=1000&last=r999", {"repositories": names})
    assert list(registry().repositories()) == names


def test_harbor_is_asked_for_its_catalog_without_a_slash(web: responses.RequestsMock) -> None:
    body = refusal("UNAUTHORIZED", "unauthorized to list catalog")
    page(web, CATALOG, "n=1000", body, status=401)
    web.get(API, status=401)
    with pytest.raises(AuthenticationRequiredError):
        list(registry().repositories())
    assert str(web.calls[0].request.url) == f"{CATALOG}?n=1000"


def test_harbor_calls_a_missing_tag_unknown(web: responses.RequestsMock) -> None:
    web.head(TAG, status=405)
    web.get(TAG, status=404, json=refusal("UNKNOWN", "artifact team/app:1.2 not found"))
    with pytest.raises(ManifestUnknownError):
        registry().repository("team/app").tags.get("1.2")


def test_harbor_and_artifactory_leave_out_the_length_of_a_head(
    web: responses.RequestsMock,
) -> None:
    headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": MANIFEST_DIGEST}
    web.head(TAG, headers=headers)
    web.get(TAG, body=MANIFEST, headers=headers)
    assert registry().repository("team/app").tags.get("1.2").size == len(MANIFEST)


def test_gitlab_has_no_catalog(web: responses.RequestsMock) -> None:
    page(web, CATALOG, "n=1000", refusal("UNKNOWN", "not found"), status=404)
    with pytest.raises(CatalogUnsupportedError):
        list(registry().repositories())


def test_nexus_lists_nulls_and_links_by_another_prefix(web: responses.RequestsMock) -> None:
    link = (
        '<https://registry.example/repository/docker/v2/team/app/tags/list?last=b&n=2>; rel="next"'
    )
    page(web, LISTING, "", {"name": "team/app", "tags": ["a", None, "b"]}, link)
    page(web, LISTING, "last=b&n=2", {"name": "team/app", "tags": [None]})
    listed = registry().repository("team/app").tags.all()
    assert (listed, listed.invalid) == (("a", "b"), ("null", "null"))


@pytest.mark.parametrize("tags_of_nothing", [None, []])
def test_distribution_lists_a_repository_without_tags(
    web: responses.RequestsMock, tags_of_nothing: object
) -> None:
    page(web, LISTING, "", {"name": "team/app", "tags": tags_of_nothing})
    assert tags() == ()


def test_artifactory_lists_digests_as_tags(web: responses.RequestsMock) -> None:
    page(web, LISTING, "", {"name": "team/app", "tags": ["1.2", MANIFEST_DIGEST]})
    listed = registry().repository("team/app").tags.all()
    assert (listed, listed.invalid) == (("1.2",), (MANIFEST_DIGEST,))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://registry.example", "virtual/team/app"),
        ("https://registry.example/artifactory/api/docker/virtual", "team/app"),
    ],
)
def test_artifactory_links_without_the_name_of_its_virtual_repository(
    web: responses.RequestsMock, address: str, name: str
) -> None:
    listing = f"{address}/v2/{name}/tags/list"
    link = '</v2/team/app/tags/list?last=a&n=1>; rel="next"'
    page(web, listing, "", {"name": "team/app", "tags": ["a"]}, link)
    page(web, listing, "last=a&n=1", {"name": "team/app", "tags": ["b"]})
    assert tags(registry(address), name) == ("a", "b")


def test_zot_pages_by_last(web: responses.RequestsMock) -> None:
    link = '</v2/_catalog?n=1000&last=b>; rel="next"'
    page(web, CATALOG, "n=1000", {"repositories": ["a", "b"]}, link)
    page(web, CATALOG, "n=1000&last=b", {"repositories": ["b", "c"]})
    assert list(registry().repositories()) == ["a", "b", "c"]


def test_mcr_lists_everything_at_once_whatever_it_is_asked_for(
    web: responses.RequestsMock,
) -> None:
    names = [f"dotnet/r{number}" for number in range(4321)]
    page(web, CATALOG, "n=1000", {"repositories": names})
    assert list(registry().repositories()) == names
    assert len(web.calls) == 1


def test_distribution_refuses_a_page_that_is_too_large(web: responses.RequestsMock) -> None:
    refused = refusal("PAGINATION_NUMBER_INVALID", "invalid number of results requested")
    page(web, CATALOG, "n=1000", refused, status=400)
    page(web, CATALOG, "n=100", {"repositories": ["a"]}, '</v2/_catalog?last=a&n=100>; rel="next"')
    page(web, CATALOG, "last=a&n=100", {"repositories": ["b"]})
    assert list(registry().repositories()) == ["a", "b"]


def test_distribution_behind_a_proxy_links_to_its_inner_address(
    web: responses.RequestsMock,
) -> None:
    link = '<http://registry.internal:5000/v2/_catalog?last=a&n=1000>; rel="next"'
    page(web, CATALOG, "n=1000", {"repositories": ["a"]}, link)
    page(web, CATALOG, "last=a&n=1000", {"repositories": ["b"]})
    assert list(registry().repositories()) == ["a", "b"]


def test_a_cursor_that_a_server_forgets_to_move_ends(web: responses.RequestsMock) -> None:
    link = '</v2/team/app/tags/list?last=a>; rel="next"'
    page(web, LISTING, "", {"tags": ["a"]}, link)
    page(web, LISTING, "last=a", {"tags": ["a"]}, link)
    with pytest.raises(TooManyPagesError) as caught:
        tags()
    assert caught.value.partial == ("a",)
