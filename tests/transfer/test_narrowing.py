"""An index with only some of its platforms."""

from __future__ import annotations

import json

import pytest

from regnb.model.manifest import Index, parse_manifest
from regnb.model.media_types import OCI_INDEX, OCI_MANIFEST
from regnb.transfer.narrowing import ABOUT, narrowed

ENTRIES = [
    {"mediaType": OCI_MANIFEST, "digest": "sha256:" + number * 64, "size": 3, "x-own": number}
    for number in "123"
]
ATTESTATION = {
    "mediaType": OCI_MANIFEST,
    "digest": "sha256:" + "a" * 64,
    "size": 3,
    "platform": {"os": "unknown", "architecture": "unknown"},
    "annotations": {
        "vnd.docker.reference.type": "attestation-manifest",
        ABOUT: ENTRIES[0]["digest"],
    },
}


def read(*entries: object, **more: object) -> Index:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}
    found = parse_manifest(json.dumps(document).encode())
    assert isinstance(found, Index)
    return found


def test_chosen_entries_stay_as_they_were_in_their_order() -> None:
    whole = read(*ENTRIES, annotations={"note": "n"})
    narrow = narrowed(whole, [whole.manifests[2].digest, whole.manifests[0].digest])
    document = json.loads(narrow.raw)
    assert document["manifests"] == [ENTRIES[0], ENTRIES[2]]
    assert narrow.annotations == {"note": "n"}
    assert narrow.digest != whole.digest


@pytest.mark.parametrize(("position", "kept"), [(0, 2), (1, 1)])
def test_an_attestation_stays_with_what_it_is_about(position: int, kept: int) -> None:
    whole = read(*ENTRIES, ATTESTATION)
    narrow = narrowed(whole, [whole.manifests[position].digest])
    assert len(json.loads(narrow.raw)["manifests"]) == kept


def test_what_an_inner_index_names_becomes_an_entry_of_its_own() -> None:
    inner = read(*ENTRIES[1:])
    outer = read(ENTRIES[0], {"mediaType": OCI_INDEX, "digest": inner.digest, "size": inner.size})
    narrow = narrowed(outer, [inner.manifests[1].digest], inner=[inner])
    assert json.loads(narrow.raw)["manifests"] == [ENTRIES[2]]
