"""Layers that are stored twice, with exact numbers and against plain dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.model.descriptor import Descriptor
from tests.audit.building import FOREIGN, Building, blob, config, digest, image
from tests.audit.configs import add_config

D, F = digest("D"), digest("F")


def built(*images: tuple[str, Sequence[Descriptor], Sequence[str]]) -> Building:
    """Images by name, each with layers and the diff_ids that its config lists."""
    building = Building()
    for name, layers, diff_ids in images:
        base = config(f"config of {name}", 100)
        building.tag("r", name, image(name, 500, base, *layers))
        add_config(building, base, diff_ids)
    return building


def test_e12_the_waste_is_all_but_the_smallest_copy() -> None:
    copies = [blob(str(size), size) for size in (1000, 950, 800)]
    unique = blob("unique", 70)
    images = [(f"{n}", [copy, unique], [D, F]) for n, copy in enumerate(copies)]
    found = built(*images).audit().recompressed()
    assert found["diff_id"].tolist() == [D]
    assert found["copies"].tolist() == [3]
    assert found["total"].tolist() == [2750]
    assert found["smallest"].tolist() == [800]
    assert found["waste"].tolist() == [1950]
    assert not found["deliberate"].any()
    assert found["digests"].tolist() == [" ".join(copy.digest for copy in reversed(copies))]
    assert found["media_types"].tolist() == [copies[0].media_type]
    assert found.attrs["regnb"]["skipped_images"] == 0


def test_images_whose_layers_and_diff_ids_differ_in_number_are_skipped_and_told() -> None:
    one, other = blob("one", 10), blob("other", 20)
    building = built(("1", [one], [D]), ("2", [other], [D]), ("3", [one, other], [F]))
    found = building.audit().recompressed()
    assert found["waste"].tolist() == [20]
    assert found.attrs["regnb"]["skipped_images"] == 1


def test_an_image_without_config_is_skipped_and_told() -> None:
    building = built(("1", [blob("one", 10)], [D]))
    building.tag("r", "bare", image("bare", 1, config("unread", 5), blob("other", 20)))
    found = building.audit().recompressed()
    assert found.empty
    assert found.attrs["regnb"]["skipped_images"] == 1


def test_a_layer_of_which_configs_disagree_is_left_out() -> None:
    one, other = blob("one", 10), blob("other", 20)
    building = built(("1", [one], [D]), ("2", [other], [D]), ("3", [one], [F]))
    found = building.audit().recompressed()
    assert found.empty
    assert found.attrs["regnb"]["skipped_layers"] == 1


def test_what_is_not_alive_or_lies_elsewhere_wastes_nothing() -> None:
    one, elsewhere = blob("one", 10), blob("elsewhere", 30, FOREIGN)
    building = built(("1", [one], [D]), ("2", [elsewhere], [D]))
    base = config("config of dead", 1)
    building.hold("r", image("dead", 1, base, blob("dead layer", 20)))
    add_config(building, base, [D])
    assert building.audit().recompressed().empty
    kept = building.audit().with_policy("distribution-keep-untagged").recompressed()
    assert kept["total"].tolist() == [30]


STARGZ = {"containerd.io/snapshot/stargz/toc.digest": "sha256:0"}
CHUNKED = {"io.github.containers.zstd-chunked.manifest-position": "1:2:3:1"}


@pytest.mark.parametrize(
    ("notes", "types", "deliberate"),
    [
        (({}, STARGZ), ("", ""), True),
        (({}, STARGZ, CHUNKED), ("", "", ""), True),
        (({}, {}, STARGZ), ("", "", ""), False),
        ((STARGZ, STARGZ), ("", ""), False),
        (({}, {}), ("+encrypted", "+encrypted"), True),
        (({}, {}), ("", "+encrypted"), True),
        (({}, {"note": "plain"}), ("", ""), False),
    ],
)
def test_copies_that_differ_on_purpose_are_flagged(
    notes: tuple[dict[str, str], ...], types: tuple[str, ...], deliberate: bool
) -> None:
    layers = [
        replace(one, media_type=one.media_type + more, annotations=note)
        for note, more, one in zip(
            notes, types, (blob(f"{n}", n + 5) for n in range(9)), strict=False
        )
    ]
    found = (
        built(*((f"{n}", [layer], [D]) for n, layer in enumerate(layers))).audit().recompressed()
    )
    assert found["deliberate"].tolist() == [deliberate]


def test_an_empty_registry_gives_an_empty_table_of_the_same_types() -> None:
    full = built(("1", [blob("a", 1)], [D]), ("2", [blob("b", 1)], [D])).audit().recompressed()
    empty = Building().audit().recompressed()
    assert empty.empty
    assert len(full) == 1
    assert empty.dtypes.equals(full.dtypes)


LAYERS = st.sampled_from([blob(f"layer {n}", 10 + n * n) for n in range(6)])
DIFF_IDS = st.sampled_from([digest(f"diff {n}") for n in range(4)])
IMAGES = st.lists(
    st.tuples(st.lists(LAYERS, max_size=3), st.lists(DIFF_IDS, max_size=3)), max_size=8
)


@settings(max_examples=150)
@given(IMAGES)
def test_all_numbers_equal_those_of_plain_dictionaries(
    images: list[tuple[list[Descriptor], list[str]]],
) -> None:
    found = built(*((f"{n}", *pair) for n, pair in enumerate(images))).audit().recompressed()
    claims: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    for layers, diff_ids in images:
        if len(layers) == len(diff_ids):
            for layer, diff_id in zip(layers, diff_ids, strict=True):
                claims.setdefault(layer.digest, set()).add(diff_id)
                sizes[layer.digest] = layer.size
    stored: dict[str, list[int]] = {}
    for name, claimed in claims.items():
        if len(claimed) == 1:
            stored.setdefault(next(iter(claimed)), []).append(sizes[name])
    expected = {d: sum(s) - min(s) for d, s in stored.items() if len(s) > 1}
    assert dict(zip(found["diff_id"], found["waste"], strict=True)) == expected
    assert found["waste"].is_monotonic_decreasing
    assert found.attrs["regnb"]["skipped_layers"] == sum(len(c) > 1 for c in claims.values())
