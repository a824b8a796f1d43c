"""What images lack that they should have, and what they should not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, OpaqueManifest
from regnb.model.platform import Platform
from regnb.model.reference import referrers_tag
from tests.audit.building import FOREIGN, Building, blob, config, digest, image, index
from tests.audit.configs import add_config

SOURCE, LICENSES = "org.opencontainers.image.source", "org.opencontainers.image.licenses"
EMPTY = config("{}", 2, media_types.OCI_EMPTY)


class Images(Building):
    """Images with configs of all sorts."""

    def made(
        self,
        name: str,
        layers: str = "a",
        *,
        notes: Mapping[str, str] | None = None,
        **more: Any,
    ) -> ImageManifest:
        base = config(f"config of {name}", 10)
        add_config(self, base, [f"diff {letter}" for letter in layers], **more)
        made = image(name, 100, base, *(blob(letter, 5) for letter in layers))
        made = replace(made, annotations=notes or {})
        self.tag("app", name, made)
        return made


def column(audit: Audit, name: str, **named: Any) -> dict[str, Any]:
    found = audit.compliance(**named).set_index("tag")[name]
    return {str(tag): None if pd.isna(value) else value for tag, value in found.items()}


def test_labels_are_present_missing_or_the_bases() -> None:
    images = Images()
    base = {SOURCE: "https://base", LICENSES: "MIT", "empty": ""}
    images.made("base", "a", labels=base)
    images.made("same", "ab", labels=base)
    images.made("own", "ac", labels={**base, SOURCE: "https://app"})
    images.made("noted", "ad", labels=base, notes={LICENSES: "MIT", "other": "x"})
    images.made("bare", "ae")
    audit = images.audit()
    asked = {"require": [SOURCE, LICENSES, SOURCE, "empty"]}
    both = f"{SOURCE} {LICENSES}"
    assert column(audit, "labels_present", **asked) == {
        "base": both, "same": both, "own": both, "noted": both, "bare": "",
    }  # fmt: skip
    assert column(audit, "labels_missing", **asked) == {
        "base": "empty", "same": "empty", "own": "empty", "noted": "empty", "bare": f"{both} empty",
    }  # fmt: skip
    assert column(audit, "labels_inherited", **asked) == {
        "base": "", "same": both, "own": LICENSES, "noted": SOURCE, "bare": "",
    }  # fmt: skip
    assert column(audit, "labels_missing", require=LICENSES)["bare"] == LICENSES
    assert set(column(audit, "labels_missing", require=()).values()) == {""}
    assert len(column(audit, "labels_missing")["bare"].split()) == 3


def test_the_table_of_labels_tells_the_bases_as_compliance_does() -> None:
    images = Images()
    base = {SOURCE: "https://base", LICENSES: "MIT"}
    images.made("base", "a", labels=base)
    images.made("same", "ab", labels=base, notes={SOURCE: "https://base"})
    images.made("own", "ac", labels={SOURCE: "https://app", "new": "MIT"})
    images.made("next", "acd", labels={SOURCE: "https://app", LICENSES: "MIT"})
    audit = images.audit()
    tag = {digest(f"config of {name}"): name for name in ("base", "same", "own", "next")}
    told = audit.labels[audit.labels["source"] == "config-label"]
    found = {
        (tag[row["owner_digest"]], row["key"]): None
        if pd.isna(row["inherited"])
        else row["inherited"]
        for row in told.to_dict("records")
    }
    assert found == {
        ("base", SOURCE): None, ("base", LICENSES): None,
        ("same", SOURCE): True, ("same", LICENSES): True,
        ("own", SOURCE): False, ("own", "new"): False,
        ("next", SOURCE): True, ("next", LICENSES): False,
    }  # fmt: skip
    assert audit.labels.loc[audit.labels["source"] != "config-label", "inherited"].isna().all()
    names = [SOURCE, LICENSES, "new"]
    inherited = column(audit, "labels_inherited", require=names)
    # An annotation of the image's own is what compliance goes by.
    assert inherited == {"base": "", "same": LICENSES, "own": "", "next": SOURCE}


def test_a_base_that_is_not_alive_hands_nothing_down() -> None:
    images = Images()
    base = images.made("base", "a", labels={"team": "a"})
    app = images.made("app", "ab", labels={"team": "a"})
    told = images.audit().labels.set_index("owner_digest")["inherited"]
    assert told[app.config.digest]
    assert pd.isna(told[base.config.digest])
    alone = Images()
    alone.made("app", "ab", labels={"team": "a"})
    alone.hold("app", base)
    add_config(alone, base.config, ["diff a"], labels={"team": "a"})
    labels = alone.audit().labels
    assert len(labels) == 2
    assert labels["inherited"].isna().all()


DRAWN = st.tuples(
    st.text("ab", max_size=4),
    st.dictionaries(st.sampled_from("xy"), st.sampled_from(["", "1", "2"])),
)


@settings(max_examples=60)
@given(st.lists(DRAWN, min_size=1, max_size=8))
def test_labels_are_inherited_from_the_longest_list_of_layers_that_an_image_begins_with(
    drawn: list[tuple[str, dict[str, str]]],
) -> None:
    images = Images()
    made = [images.made(f"{n}", one, labels=labels) for n, (one, labels) in enumerate(drawn)]
    expected = set()
    for n, (layers, labels) in enumerate(drawn):
        below = [
            (-len(other), made[m].digest, drawn[m][1])
            for m, (other, _) in enumerate(drawn)
            if 0 < len(other) < len(layers) and layers.startswith(other)
        ]
        base = min(below, key=lambda one: one[:2])[2] if below else None
        config = made[n].config.digest
        expected |= {
            (config, k, None if base is None else base.get(k) == labels[k]) for k in labels
        }
    told = images.audit().labels
    inherited = told["inherited"].astype(object).where(told["inherited"].notna(), None)
    assert set(zip(told["owner_digest"], told["key"], inherited, strict=True)) == expected


def test_names_and_values_of_labels_are_taken_as_they_are() -> None:
    images = Images()
    name = 'he said "ä" \\ {}'
    images.made("odd", labels={name: "[1, 2]"})
    images.made("near", labels={"he said": name})
    assert column(images.audit(), "labels_present", require=[name]) == {"odd": name, "near": ""}


def test_more_labels_can_be_asked_for_than_a_number_has_digits() -> None:
    images = Images()
    names = [f"label {n}" for n in range(70)]
    images.made("some", labels=dict.fromkeys(names[::2], "x"))
    assert column(images.audit(), "labels_present", require=names)["some"] == " ".join(names[::2])


def signature(name: str, **more: Any) -> ImageManifest:
    return replace(image(name, 9, EMPTY), **more)


@pytest.mark.parametrize(
    ("kind", "signed"),
    [
        ("application/vnd.dev.sigstore.bundle.v0.3+json", True),
        ("application/vnd.cncf.notary.signature", True),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", True),
        ("application/spdx+json", False),
        (None, False),
    ],
)
def test_a_referrer_of_the_type_of_a_signature_signs(kind: str | None, signed: bool) -> None:
    images = Images()
    made, _ = images.made("signed"), images.made("other", "b")
    about = signature("S", subject=made.descriptor, declared_artifact_type=kind)
    images.hold("app", about)
    assert column(images.audit(), "signed") == {"signed": signed, "other": False}


@pytest.mark.parametrize(("end", "signed"), [(".sig", True), (".att", False), (".sbom", False)])
def test_a_tag_of_cosigns_signs_by_its_name(end: str, signed: bool) -> None:
    images = Images()
    made = images.made("signed")
    images.tag("app", referrers_tag(made.digest) + end, signature("S"))
    audit = images.audit()
    for policy in ("oci", "tagged-only"):
        assert column(audit.with_policy(policy), "signed")["signed"] is signed


def test_the_layers_of_cosign_and_the_lists_of_registries_tell_a_signature_too() -> None:
    images = Images()
    one, other = images.made("one"), images.made("other", "b")
    layer = blob("payload", 3, "application/vnd.dev.cosign.simplesigning.v1+json")
    images.hold("app", replace(image("S", 9, EMPTY, layer), subject=one.descriptor))
    listed = signature("L")
    images.hold("app", listed)
    images.inventory.add_referrer(
        "app", other.digest, listed.digest, size=9, source="api",
        artifact_type="application/vnd.cncf.notary.signature",
    )  # fmt: skip
    assert column(images.audit(), "signed") == {"one": True, "other": True}


def test_a_signature_of_an_index_signs_its_images_and_none_of_other_repositories() -> None:
    images = Images()
    made = images.made("alone")
    top = index("I", 9, replace(made.descriptor, platform=Platform("linux", "amd64")))
    images.tag("app", "index", top)
    images.tag("elsewhere", "same", made)
    images.hold(
        "app",
        signature(
            "S",
            subject=top.descriptor,
            declared_artifact_type="application/vnd.cncf.notary.signature",
        ),
    )
    assert column(images.audit(), "signed") == {"alone": False, "index": True, "same": False}


def test_who_runs_as_root() -> None:
    images = Images()
    users = ["", "root", "0", "0:0", "root:wheel", "00", "1000", "app", "1000:0", "rooty", "10"]
    for number, user in enumerate(users):
        images.made(f"{number:02}", user=user)
    images.made("windows", platform="windows/amd64")
    images.tag("app", "zz-unread", image("unread", 1, config("unread config", 1)))
    root = list(column(images.audit(), "root").values())
    assert root == [True] * 6 + [False] * 5 + [None, None]
    assert column(images.audit(), "user")["08"] == "1000:0"


def test_times_that_cannot_be_true_are_told() -> None:
    images = Images()
    images.made("epoch", created=datetime(1970, 1, 1, tzinfo=UTC))
    images.made("future", created=datetime(2500, 1, 1, tzinfo=UTC))
    images.made("good", created=datetime(2020, 1, 1, tzinfo=UTC))
    images.made("none", created=None)
    audit = images.audit()
    assert [tag for tag, odd in column(audit, "implausible").items() if odd] == ["epoch", "future"]
    assert column(audit, "created")["none"] is None


def test_layers_are_counted() -> None:
    images = Images()
    a = blob("a", 5)
    for name, layers, diff_ids in (
        ("127", [blob(f"{n}", 1) for n in range(127)], 127),
        ("128", [blob(f"{n}", 1) for n in range(128)], 128),
        ("repeated", [a, blob("b", 5), a, a], 4),
        ("wrong", [a], 2),
        ("foreign", [a, blob("f", 9, FOREIGN)], 2),
    ):
        base = config(f"config of {name}", 1)
        images.tag("app", name, image(name, 1, base, *layers))
        add_config(images, base, [f"{name} {n}" for n in range(diff_ids)])
    images.tag("app", "unread", image("unread", 1, config("unread config", 1), a))
    frame = images.audit().compliance().set_index("tag")
    assert frame["layer_count"].tolist() == [127, 128, 2, 4, 1, 1]
    assert frame.index[frame["too_many_layers"]].tolist() == ["128"]
    assert frame["repeated_layers"].tolist() == [0, 0, 0, 2, 0, 0]
    assert frame["foreign_layers"].tolist() == [0, 0, 1, 0, 0, 0]
    assert frame["layers_match"].isna().tolist() == [*[False] * 4, True, False]
    assert frame["layers_match"].dropna().tolist() == [True, True, True, True, False]


def test_whose_media_types_an_image_has() -> None:
    images = Images()
    docker = media_types.DOCKER_CONFIG
    docker_layer = blob("d", 1, "application/vnd.docker.image.rootfs.diff.tar.gzip")
    images.tag("app", "oci", image("oci", 1, config("o", 1), blob("a", 1)))
    mixed = image("mixed", 1, config("m", 1), docker_layer)
    images.tag("app", "mixed", mixed)
    plain = replace(image("docker", 1, config("d", 1, docker), docker_layer))
    images.tag("app", "docker", replace(plain, media_type=media_types.DOCKER_MANIFEST))
    images.tag("app", "schema1", OpaqueManifest(media_types.SCHEMA1, digest("old"), b"{}"))
    assert column(images.audit(), "media_types") == {
        "docker": "docker",
        "mixed": "mixed",
        "oci": "oci",
        "schema1": "schema1",
    }


def test_a_tag_has_a_row_for_each_image_that_is_held() -> None:
    images = Images()
    amd, arm = images.made("amd"), images.made("arm", "b", platform="linux/arm64")
    gone = Descriptor(media_types.OCI_MANIFEST, Digest(digest("gone")), 7)
    entries = [
        replace(arm.descriptor, platform=Platform("linux", "arm64")),
        replace(amd.descriptor, platform=Platform("linux", "amd64")),
        replace(gone, platform=Platform("linux", "s390x")),
    ]
    images.tag("both", "1", index("I", 9, *entries))
    images.hold("both", amd, arm)
    images.tag("both", "chart", image("chart", 1, config("c", 1, "application/example")))
    frame = images.audit().compliance()
    found = frame[frame["repository"] == "both"]
    assert found["platform"].tolist() == ["linux/amd64", "linux/arm64"]
    assert found["digest"].tolist() == [amd.digest, arm.digest]


def test_an_empty_registry_gives_an_empty_table_of_the_same_types() -> None:
    images = Images()
    images.made("1")
    empty = Building().audit()
    for asked in ((), (SOURCE,)):
        assert empty.compliance(asked).empty
        assert empty.compliance(asked).dtypes.equals(images.audit().compliance(asked).dtypes)
