"""The tables of one image, against what the sample registry was filled with."""

from __future__ import annotations

import json
from typing import Any

import pytest

import regnb
from regnb import errors
from regnb.core.wire.outgoing import Outgoing
from regnb.frames.schemas import HISTORY, LAYERS, PLATFORMS
from regnb.model.manifest import Index
from regnb.model.media_types import OCI_INDEX
from regnb.sample import SampleClient
from regnb.sample.content import sample
from regnb.sample.storage import Manifest
from tests.client.test_client import dtypes


def test_layers_are_joined_to_the_steps_that_made_them(reg: SampleClient) -> None:
    layers = reg["library/python:3.12"].layers()
    declared = json.loads(sample("library/python", "3.12").raw)["layers"]
    assert layers.dtypes.to_dict() == dtypes(LAYERS)
    assert layers["digest"].tolist() == [layer["digest"] for layer in declared]
    assert layers["size"].tolist() == [layer["size"] for layer in declared]
    assert layers["position"].tolist() == [0, 1, 2, 3]
    assert "alpine-minirootfs" in layers["created_by"][0]
    assert layers["diff_id"].str.startswith("sha256:").all()


def test_layers_of_an_index_have_rows_for_each_platform_and_none_for_attestations(
    reg: SampleClient,
) -> None:
    image = reg["platform/tool:latest"]
    layers = image.layers()
    assert layers["architecture"].tolist() == ["amd64"] * 2 + ["arm64"] * 2 + ["arm"] * 2
    arm = image.layers(platform="linux/arm64")
    assert arm["variant"].tolist() == ["v8", "v8"]
    assert len(image.history(platform="linux/arm/v7")) > 0


def test_empty_and_foreign_layers_are_known(reg: SampleClient) -> None:
    assert reg["odd/layers:empty"].layers()["empty"].tolist() == [False, True, True]
    assert True in reg["odd/layers:foreign"].layers()["foreign"].tolist()


def test_history_has_the_steps_without_layers_too(reg: SampleClient) -> None:
    image = reg["library/python:3.12"]
    history = image.history()
    assert history.dtypes.to_dict() == dtypes(HISTORY)
    made = history[~history["empty_layer"]]
    assert made["layer_position"].tolist() == [0, 1, 2, 3]
    assert made["digest"].tolist() == image.layers()["digest"].tolist()
    assert history[history["empty_layer"]]["size"].isna().all()
    assert history["empty_layer"].any()


def test_platforms_hold_attestations_and_missing_children(reg: SampleClient) -> None:
    platforms = reg["platform/tool:latest"].platforms()
    assert platforms.dtypes.to_dict() == dtypes(PLATFORMS)
    assert platforms["is_attestation"].sum() == 3
    assert platforms["present"].all()
    assert platforms["layer_count"].tolist() == [2, 2, 2, 1, 1, 1]
    nested = reg["platform/bundle:latest"].platforms()
    assert len(nested) == 7


def test_an_image_without_index_has_one_platform(reg: SampleClient) -> None:
    image = reg["team/api:latest"]
    platforms = image.platforms()
    assert platforms["architecture"].tolist() == ["amd64"]
    assert platforms["digest"].tolist() == [image.digest()]
    assert str(image.config().platform) == "linux/amd64"


def test_a_single_answer_needs_a_single_platform(reg: SampleClient) -> None:
    image = reg["platform/tool:latest"]
    with pytest.raises(errors.PlatformRequiredError, match="linux/arm64/v8"):
        image.config()
    with pytest.raises(errors.PlatformRequiredError, match="linux/arm64/v8"):
        image.layers(platform="plan9/mips")
    assert str(image.config(platform="linux/amd64").platform) == "linux/amd64"
    assert isinstance(image.manifest(), Index)
    assert image.manifest(platform="linux/amd64").kind == "image"


def test_an_artifact_has_layers_and_no_config(reg: SampleClient) -> None:
    chart = reg["charts/api:2.0.0"]
    assert len(chart.layers()) == 1
    assert len(chart.history()) == 0
    with pytest.raises(errors.InvalidDocumentError, match="artifact"):
        chart.config()


def test_an_image_is_pinned_at_its_first_look_until_it_is_refreshed() -> None:
    with regnb.sample.connect() as reg:
        image = reg["team/api:latest"]
        before = image.digest()
        sample("team/api", "v1.0.0").push(reg.served.storage, "team/api", "latest")
        assert image.digest() == before
        assert image.layers()["manifest_digest"][0] == before
        assert image.refresh().digest() == sample("team/api", "v1.0.0").digest


def test_the_digest_decides_where_a_tag_is_named_too(reg: SampleClient) -> None:
    wanted = sample("team/api", "v1.0.0").digest
    assert reg[f"team/api:latest@{wanted}"].digest() == wanted


def test_a_missing_child_is_a_row_of_platforms_and_an_error_of_layers() -> None:
    with regnb.sample.connect() as reg:
        child = sample("platform/tool", "1.4.0").children[0]
        reg.served.storage.delete_manifest("platform/tool", child.digest)
        image = reg["platform/tool:1.4.0"]
        platforms = image.platforms().set_index("digest")
        assert not platforms["present"][child.digest]
        with pytest.raises(errors.ManifestUnknownError):
            image.layers()
        assert len(image.layers(platform="linux/arm64")) == 2


@pytest.fixture
def asked(reg: SampleClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that the client asks for."""
    asked: list[str] = []
    send: Any = reg.core.transport._send

    def counted(request: Outgoing) -> object:
        asked.append(request.url)
        return send(request)

    monkeypatch.setattr(reg.core.transport, "_send", counted)
    return asked


def test_each_document_is_read_once(reg: SampleClient, asked: list[str]) -> None:
    image = reg["platform/tool:latest"]
    for _ in range(2):
        image.layers()
        image.history()
        image.platforms()
    assert len(asked) == len(set(asked)) == 1 + 6 + 3


@pytest.mark.parametrize(
    ("method", "platform", "requests"),
    [
        ("manifest", None, 1),
        ("manifest", "linux/amd64", 2),
        ("config", "linux/arm64", 3),
        ("layers", "linux/arm/v7", 3),
        ("layers", None, 1 + 3 + 3),
        ("history", None, 1 + 3 + 3),
    ],
)
def test_a_question_costs_what_it_says(
    reg: SampleClient, asked: list[str], method: str, platform: str | None, requests: int
) -> None:
    getattr(reg["platform/tool:latest"], method)(platform)
    assert len(asked) == requests


def push_index(reg: SampleClient, name: str, *entries: dict[str, object]) -> None:
    """Push an index of manifests that the repository may or may not hold."""
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    reg.served.storage.put_manifest(name, Manifest.read(raw, OCI_INDEX), tags=("odd",))


def test_an_index_may_name_a_child_twice_or_without_platform_or_be_empty() -> None:
    with regnb.sample.connect() as reg:
        entry = sample("team/api", "latest").descriptor()
        push_index(reg, "team/api", entry, entry)
        image = reg["team/api:odd"]
        assert len(image.platforms()) == 2
        with pytest.raises(errors.PlatformRequiredError, match="none that is named"):
            image.config()
        assert len(image.layers(platform="linux/amd64")) == 12
        push_index(reg, "team/api")
        empty = reg["team/api:odd"]
        assert len(empty.layers()) == len(empty.platforms()) == 0
        with pytest.raises(errors.PlatformRequiredError, match="no image"):
            empty.config()


@pytest.mark.parametrize("platform", ["amd64", "", "linux/"])
def test_what_is_no_platform_is_refused_as_one(reg: SampleClient, platform: str) -> None:
    with pytest.raises(errors.InvalidPlatformError):
        reg["team/api:latest"].layers(platform=platform)


def test_the_card_of_an_image_shows_its_manifest_once_it_is_known(reg: SampleClient) -> None:
    image = reg["team/api:latest"]
    assert "sha256" not in image._repr_html_()
    image.manifest()
    assert str(image.digest()) in image._repr_html_()
