"""Content discovery: catalog, tags, referrers (OCI distribution-spec 1.1, content discovery)."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from tests.contract.wire import ABSENT, OCI_INDEX, Registry, codes

TAGS = ["1.10", "1.2", "alpha", "Beta", "gamma_1", "latest", "v1"]


def following(answer: requests.Response) -> str | None:
    """The target of the Link header, which must be a relative or absolute rel="next"."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    match = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert match, link
    return match[1]


@pytest.fixture
def tagged(registry: Registry, name: str) -> str:
    """A repository with `TAGS`, pushed out of order."""
    registry.push_image(name, *TAGS[1::2], *TAGS[::2])
    return name


# Tags


def test_the_tags_of_a_repository_in_lexical_order(registry: Registry, tagged: str) -> None:
    answer = registry.ask("GET", f"v2/{tagged}/tags/list")
    assert answer.status_code == 200
    listing = answer.json()
    assert listing["name"] == tagged
    assert sorted(listing["tags"]) == sorted(TAGS)
    assert listing["tags"] == TAGS or registry.deviates("order of tags")


@pytest.mark.parametrize("n", [1, 3, len(TAGS) - 1])
def test_n_limits_a_page_and_link_leads_to_the_next(
    registry: Registry, tagged: str, n: int
) -> None:
    answer = registry.ask("GET", f"v2/{tagged}/tags/list", params={"n": n})
    assert len(answer.json()["tags"]) == registry.does("n of tags", n)
    found = list(answer.json()["tags"])
    while (link := following(answer)) and len(found) < len(TAGS):
        answer = registry.ask("GET", link)
        assert len(answer.json()["tags"]) <= n
        found += answer.json()["tags"]
    assert sorted(found) == sorted(TAGS)


@pytest.mark.parametrize("n", [len(TAGS), 100])
def test_there_is_no_link_after_the_last_page(registry: Registry, tagged: str, n: int) -> None:
    answer = registry.ask("GET", f"v2/{tagged}/tags/list", params={"n": n})
    assert len(answer.json()["tags"]) == len(TAGS)
    assert following(answer) is None


def test_n_of_zero_is_an_empty_list_without_link(registry: Registry, tagged: str) -> None:
    answer = registry.ask("GET", f"v2/{tagged}/tags/list", params={"n": 0})
    assert answer.status_code == 200
    assert len(answer.json()["tags"]) == registry.does("n of tags", 0)
    assert following(answer) is None


@pytest.mark.parametrize(
    ("last", "left"),
    [
        ("alpha", ["Beta", "gamma_1", "latest", "v1"]),
        ("b-not-there", ["Beta", "gamma_1", "latest", "v1"]),
        ("zzz", []),
    ],
)
def test_last_begins_after_a_tag_that_need_not_be_there(
    registry: Registry, tagged: str, last: str, left: list[str]
) -> None:
    answer = registry.ask("GET", f"v2/{tagged}/tags/list", params={"last": last})
    assert answer.status_code == 200
    found = answer.json()["tags"]
    assert len(found) == registry.does("last of tags", len(left))
    assert set(left) <= set(found)


@pytest.mark.parametrize("n", ["-1", "many", "1.5"])
def test_an_n_that_is_no_number_is_400(registry: Registry, tagged: str, n: str) -> None:
    answer = registry.ask("GET", f"v2/{tagged}/tags/list", params={"n": n})
    assert answer.status_code == registry.does("n that is no number", 400)


def test_the_tags_of_an_unknown_repository_are_404(registry: Registry, name: str) -> None:
    answer = registry.ask("GET", f"v2/{name}/tags/list")
    assert answer.status_code == 404
    assert codes(answer) == ["NAME_UNKNOWN"]


# The catalog, which is the distribution registry's own


def test_the_catalog_pages_in_order(registry: Registry, name: str) -> None:
    names = [f"{name}/{child}" for child in ("a", "b", "c", "d")]
    for each in reversed(names):
        registry.push_image(each, "1")
    answer = registry.ask("GET", "v2/_catalog", params={"n": 2, "last": name + "/"})
    assert answer.json()["repositories"] == names[:2]
    link = following(answer)
    assert link is not None
    assert registry.ask("GET", link).json()["repositories"] == names[2:]


def test_a_catalog_page_has_a_thousand_names_at_most(registry: Registry) -> None:
    assert registry.ask("GET", "v2/_catalog", params={"n": 1000}).status_code == 200
    answer = registry.ask("GET", "v2/_catalog", params={"n": 1001})
    assert answer.status_code == 400
    assert codes(answer) == ["PAGINATION_NUMBER_INVALID"]


# Referrers


def referrers(registry: Registry, name: str, digest: str, **query: str) -> requests.Response:
    return registry.ask("GET", f"v2/{name}/referrers/{digest}", params=query)


def listed(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    index = answer.json()
    assert (index["schemaVersion"], index["mediaType"]) == (2, OCI_INDEX)
    found: list[dict[str, Any]] = index["manifests"]
    return found


def lacks_referrers(registry: Registry, name: str) -> bool:
    """A registry of before 1.1 answers 404, and clients fall back to a tag."""
    lacking = registry.deviates("referrers")
    status = referrers(registry, name, ABSENT).status_code
    assert status == registry.does("referrers", 200)
    return lacking


def test_nothing_refers_to_an_unknown_digest(registry: Registry, name: str) -> None:
    registry.push_image(name, "1")
    if lacks_referrers(registry, name):
        return
    assert listed(referrers(registry, name, ABSENT)) == []
    assert listed(referrers(registry, f"{name}/unknown", ABSENT)) == []


def test_referrers_are_listed_with_type_and_annotations(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    notes = {"org.example.note": "checked"}
    bill = registry.push_referrer(
        name, image.descriptor, "application/spdx+json", annotations=notes
    )
    mark = registry.push_referrer(name, image.descriptor, "application/x-signature")
    registry.push_referrer(name, bill.descriptor, "application/x-signature")
    if lacks_referrers(registry, name):
        return
    found = {each["digest"]: each for each in listed(referrers(registry, name, image.digest))}
    assert found == {
        bill.digest: {
            **bill.descriptor,
            "artifactType": "application/spdx+json",
            "annotations": notes,
        },
        mark.digest: {**mark.descriptor, "artifactType": "application/x-signature"},
    }


def test_referrers_are_filtered_by_type(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    bill = registry.push_referrer(name, image.descriptor, "application/spdx+json")
    registry.push_referrer(name, image.descriptor, "application/x-signature")
    if lacks_referrers(registry, name):
        return
    answer = referrers(registry, name, image.digest, artifactType="application/spdx+json")
    assert [each["digest"] for each in listed(answer)] == [bill.digest]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    answer = referrers(registry, name, image.digest, artifactType="application/unheard-of")
    assert listed(answer) == []
    assert "OCI-Filters-Applied" not in referrers(registry, name, image.digest).headers


def test_pages_of_referrers_are_linked(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    wanted = {
        registry.push_referrer(name, image.descriptor, "application/x-a+b", number=number).digest
        for number in range(5)
    }
    registry.push_referrer(name, image.descriptor, "application/x-other")
    if lacks_referrers(registry, name):
        return
    answer = referrers(registry, name, image.digest, n="2", artifactType="application/x-a+b")
    pages = [listed(answer)]
    while link := following(answer):
        answer = registry.ask("GET", link)
        pages.append(listed(answer))
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {each["digest"] for page in pages for each in page} == wanted


def test_a_config_media_type_is_the_type_of_an_image_without_one(
    registry: Registry, name: str
) -> None:
    image = registry.push_image(name, "1")
    config = image.descriptor | {"mediaType": "application/x-config"}
    registry.push_blob(name, image.raw)
    document = {
        "mediaType": image.media_type,
        "config": config,
        "layers": [],
        "subject": image.descriptor,
    }
    about = registry.push(name, document)
    if lacks_referrers(registry, name):
        return
    expected = {**about.descriptor, "artifactType": "application/x-config"}
    assert listed(referrers(registry, name, image.digest)) == [expected]


def test_a_referrer_may_come_before_its_subject(registry: Registry, name: str) -> None:
    later = {"mediaType": OCI_INDEX, "digest": ABSENT, "size": 12}
    early = registry.push_referrer(name, later, "application/x-early")
    if lacks_referrers(registry, name):
        return
    found = listed(referrers(registry, name, ABSENT))
    assert [each["digest"] for each in found] == [early.digest]


def test_a_deleted_referrer_is_listed_no_more(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    about = registry.push_referrer(name, image.descriptor, "application/x-signature")
    answer = registry.ask("DELETE", f"v2/{name}/manifests/{about.digest}")
    assert answer.status_code == 202
    if lacks_referrers(registry, name):
        return
    assert listed(referrers(registry, name, image.digest)) == []


def test_referrers_stay_when_the_subject_is_deleted(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    about = registry.push_referrer(name, image.descriptor, "application/x-signature")
    registry.ask("DELETE", f"v2/{name}/manifests/{image.digest}")
    if lacks_referrers(registry, name):
        return
    found = listed(referrers(registry, name, image.digest))
    assert [each["digest"] for each in found] == [about.digest]


@pytest.mark.parametrize("digest", ["latest", "sha256:abc"])
def test_referrers_of_what_is_no_digest_are_400(registry: Registry, name: str, digest: str) -> None:
    answer = referrers(registry, name, digest)
    assert answer.status_code == registry.does("referrers", 400)
