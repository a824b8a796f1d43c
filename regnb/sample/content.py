"""The repositories of the sample registry: what a small company might have, and some oddities.

| repository | what is in it |
| --- | --- |
| library/alpine, library/python | base images; python stands on alpine's layer |
| team/api | four versions; several tags on one digest; an SBOM and a signature of v2.0.0 |
| team/web, team/worker | images that share layers with team/api and library/python |
| platform/tool | an index of three platforms with an attestation for each |
| platform/bundle | an index of an index |
| team/reports | an outdated base; a layer stored twice; orphaned SBOM and signature |
| platform/agent | an image for another processor than its index says; a missing child |
| legacy/docker | an image and a list with Docker's media types |
| charts/api | a Helm chart |
| odd/times, odd/layers | the years 1, 1970 and 2106; empty and foreign layers |
| odd/emptied | nothing any more |
| odd/markup | text that attacks whoever shows it |
"""

from __future__ import annotations

from functools import cache

from regnb.sample.company import company
from regnb.sample.images import Document, Sample
from regnb.sample.neglected import neglected, withdrawn
from regnb.sample.oddities import oddities
from regnb.sample.storage import Storage


@cache
def samples() -> tuple[Sample, ...]:
    """All documents of the sample registry, in the order in which they are pushed."""
    return (*company(), *neglected(), *oddities())


def sample(repository: str, tag: str) -> Document:
    """The document behind a tag.

    Raises:
        LookupError: there is no such tag.
    """
    for each in samples():
        if each.repository == repository and tag in each.tags:
            return each.document
    raise LookupError(f"{repository}:{tag}")


def fill_samples(storage: Storage) -> None:
    """Put all samples into a registry; their bytes are made once in a process."""
    for each in samples():
        each.document.push(storage, each.repository, *each.tags)
    for repository, document in withdrawn():
        storage.delete_manifest(repository, document.digest)
    retired = sample("library/alpine", "3.19")
    retired.push(storage, "odd/emptied", "1.0")
    storage.delete_manifest("odd/emptied", retired.digest)
