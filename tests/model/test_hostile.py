"""S17: every text of a document may attack whoever sees its card."""

from __future__ import annotations

import pytest

from regnb.display.card import Shown
from regnb.model.descriptor import Descriptor
from regnb.model.image_config import parse_image_config
from regnb.model.manifest import parse_manifest
from tests.hostile import PAYLOADS, flaws
from tests.model.documents import descriptor, image, index, written


def cards(text: str) -> list[Shown]:
    platform = {"os": text, "architecture": text, "variant": text}
    hostile = descriptor(
        media_type=text, annotations={text: text}, platform=platform, urls=[text], artifactType=text
    )
    run = {"User": text, "Env": [text], "Cmd": [text], "Labels": {text: text}, "WorkingDir": text}
    step = {"created_by": text, "author": text, "comment": text}
    config = {**platform, "author": text, "config": run, "history": [step]}
    notes = {"annotations": {text: text}, "artifactType": text}
    return [
        Descriptor.from_json(hostile),
        parse_manifest(written(image(layers=[hostile], **notes))),
        parse_manifest(written(index(manifests=[hostile], **notes))),
        parse_manifest(written({"mediaType": text, "blobs": [], **notes})),
        parse_image_config(written(config)),
    ]


@pytest.mark.parametrize("payload", [p for p in PAYLOADS if "\ud800" not in p])
def test_s17_a_card_holds_no_markup_but_its_own(payload: str) -> None:
    for shown in cards(payload):
        assert flaws(shown.card().html()) == []
        assert repr(shown).isprintable()
        assert all(line.isprintable() for line in shown.card().text().split("\n"))
