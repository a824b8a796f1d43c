"""Base images: by annotation, by layers, among known images, by label, and not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.arrays import Links
from regnb.audit.kernel.chains import Chains
from regnb.model.image_config import HistoryEntry
from regnb.model.manifest import ImageManifest
from tests.audit.building import Building, blob, config, digest, image, index
from tests.audit.configs import add_config

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"


class Images(Building):
    """A registry of images, each given by its repository, tag and layers."""

    def image(
        self,
        repository: str,
        tag: str | None,
        layers: str,
        *,
        notes: Mapping[str, str] | None = None,
        steps: int = 0,
        attestation: bool = False,
        **more: Any,
    ) -> ImageManifest:
        """An image whose layers are the letters of `layers`; `None` for what has no tag."""
        name = f"{repository} {tag} {layers} {notes} {more}"
        base = config(f"config of {name}", 100)
        blobs = [blob(letter, 10) for letter in layers]
        made = replace(image(name, 50, base, *blobs), annotations=notes or {})
        history = tuple(HistoryEntry(created_by=f"step {n}") for n in range(steps))
        if attestation:
            more["platform"] = "unknown/unknown"
        add_config(self, base, [f"diff {x}" for x in layers], **{"history": history, **more})
        if tag is None:
            self.hold(repository, made)
        else:
            self.tag(repository, tag, made)
        return made


def row(audit: Audit, made: ImageManifest, known: Any = None) -> dict[str, Any]:
    found = audit.base_images(known).set_index("digest").loc[made.digest]
    plain = {}
    for name, value in found.items():
        known = None if pd.isna(value) else value
        plain[str(name)] = bool(known) if isinstance(known, np.bool_) else known
    return plain


def test_the_longest_beginning_that_is_an_image_is_the_base() -> None:
    images = Images()
    images.image("alpine", "3", "a")
    python = images.image("python", "3.12", "abc")
    app = images.image("team/app", "1", "abcde")
    audit = images.audit()
    found = row(audit, app)
    assert found["evidence"] == "chain"
    assert found["base_digest"] == python.digest
    assert found["base_name"] == "registry.example/python:3.12"
    assert (found["layer_count"], found["base_layer_count"]) == (5, 3)
    assert (found["layers_agree"], found["outdated"]) == (True, False)
    assert found["current_digest"] == python.digest
    assert row(audit, python)["base_layer_count"] == 1


def test_an_image_from_scratch_and_one_without_layers_have_no_base() -> None:
    images = Images()
    empty = images.image("scratch", "1", "")
    alone = images.image("alone", "1", "xy")
    audit = images.audit()
    for made in (empty, alone):
        found = row(audit, made)
        assert (found["evidence"], found["base_digest"], found["outdated"]) == (None, None, None)
        assert found["sibling_count"] == 0


def test_a_beginning_that_is_no_image_and_other_orders_of_layers_do_not_count() -> None:
    images = Images()
    images.image("base", "1", "ba")
    app = images.image("app", "1", "abc")
    assert row(images.audit(), app)["evidence"] is None


def test_siblings_are_told_apart_from_the_base() -> None:
    images = Images()
    base = images.image("z/base", "1", "ab", steps=2)
    labelled = images.image("a/labelled", "1", "ab", steps=3, labels={"team": "a"})
    app = images.image("app", "1", "abc", steps=4)
    audit = images.audit()
    assert row(audit, labelled)["evidence"] is None
    assert row(audit, labelled)["sibling_count"] == 1
    found = row(audit, app)
    assert found["base_digest"] == base.digest
    assert (found["base_sibling_count"], found["sibling_count"]) == (1, 0)


def test_of_siblings_as_long_the_oldest_is_the_base_and_then_the_first_by_name() -> None:
    images = Images()
    images.image("a", "1", "ab", created=datetime(2025, 5, 1, tzinfo=UTC))
    old = images.image("b", "1", "ab", created=datetime(2024, 5, 1, tzinfo=UTC))
    images.image("a", "0", "ab", created=None)
    app = images.image("app", "1", "abc")
    assert row(images.audit(), app)["base_digest"] == old.digest


def test_recompressed_layers_change_no_chain() -> None:
    images = Images()
    base = images.image("base", "1", "ab")
    again = config("again", 10)
    made = image("app", 5, again, blob("a'", 9), blob("b'", 9), blob("c", 9))
    images.tag("app", "1", made)
    add_config(images, again, ["diff a", "diff b", "diff c"])
    assert row(images.audit(), made)["base_digest"] == base.digest


def test_attestations_and_what_is_not_alive_are_neither_rows_nor_bases() -> None:
    images = Images()
    attestation = images.image("r", "att", "a", attestation=True)
    dead = images.image("r", None, "ab")
    app = images.image("r", "1", "abc")
    audit = images.audit()
    assert row(audit, app)["evidence"] is None
    digests = set(audit.base_images()["digest"])
    assert not {attestation.digest, dead.digest} & digests


def notes(name: str | None = None, base: str | None = None) -> dict[str, str]:
    return {key: text for key, text in ((BASE_NAME, name), (BASE_DIGEST, base)) if text}


def test_an_annotation_wins_and_its_name_is_looked_up_where_it_leads() -> None:
    images = Images()
    old = images.image("base", "1.0", "ab")
    new = images.image("base", "1", "aB")
    name = "registry.example/base:1"
    stale = images.image("app", "stale", "abc", notes=notes(name, old.digest))
    fresh = images.image("app", "fresh", "aBc", notes=notes(name, new.digest))
    audit = images.audit()
    found = row(audit, stale)
    assert (found["evidence"], found["base_name"]) == ("annotation", name)
    assert (found["base_digest"], found["base_layer_count"]) == (old.digest, 2)
    assert (found["layers_agree"], found["outdated"]) == (True, True)
    assert found["current_digest"] == new.digest
    assert row(audit, fresh)["outdated"] is False


def test_a_name_of_another_registry_counts_where_its_repository_holds_the_base() -> None:
    images = Images()
    old = images.image("library/base", "1.0", "ab")
    images.image("library/base", "1", "aB")
    mirrored = images.image("app", "1", "abc", notes=notes("base:1", old.digest))
    other = images.image("app", "2", "abd", notes=notes("quay.io/base:1", old.digest))
    strange = images.image("app", "3", "abe", notes=notes("base:1", digest("of another one")))
    audit = images.audit()
    assert row(audit, mirrored)["outdated"] is True
    assert row(audit, other)["outdated"] is None
    assert row(audit, strange)["outdated"] is None


def test_an_annotation_with_a_name_alone_is_held_against_the_layers() -> None:
    images = Images()
    images.image("base", "1", "ab")
    name = notes("registry.example/base:1")
    fresh = images.image("app", "fresh", "abc", notes=name)
    stale = images.image("app", "stale", "xbc", notes=name)
    audit = images.audit()
    assert row(audit, fresh)["outdated"] is False
    assert row(audit, stale)["outdated"] is True
    assert row(audit, stale)["layers_agree"] is None


def test_an_annotation_may_name_an_index_and_the_layers_may_say_otherwise() -> None:
    images = Images()
    amd, arm = images.image("base", None, "ab"), images.image("base", None, "xy")
    both = index("both", 9, amd.descriptor, arm.descriptor)
    images.tag("base", "1", both)
    said = notes("registry.example/base:1", both.digest)
    app = images.image("app", "1", "xyz", notes=said)
    lying = images.image("app", "2", "nop", notes=said)
    audit = images.audit()
    assert row(audit, app)["base_layer_count"] == 2
    assert (row(audit, app)["layers_agree"], row(audit, app)["outdated"]) == (True, False)
    assert row(audit, lying)["layers_agree"] is False
    assert row(audit, amd)["tag"] == "1"


@pytest.mark.parametrize("name", ["", "//no name", "registry.example/gone:1", "x@sha256:1"])
def test_a_name_that_leads_nowhere_is_no_error(name: str) -> None:
    images = Images()
    app = images.image("app", "1", "abc", notes=notes(name, "no digest"))
    found = row(images.audit(), app)
    assert (found["evidence"], found["base_digest"]) == ("annotation", "no digest")
    assert (found["outdated"], found["layers_agree"]) == (None, None)


def test_a_label_counts_only_where_layers_tell_nothing() -> None:
    images = Images()
    inherited = {BASE_NAME: "registry.example/scratch:1"}
    base = images.image("base", "1", "ab", labels=inherited)
    app = images.image("app", "1", "abc", labels=inherited)
    audit = images.audit()
    assert row(audit, base)["evidence"] == "label"
    assert row(audit, base)["base_name"] == "registry.example/scratch:1"
    assert row(audit, app)["evidence"] == "chain"


def test_the_first_step_is_told_and_its_comment_is_the_weakest_evidence() -> None:
    images = Images()
    steps = (HistoryEntry(created_by="# debian.sh", comment="debuerreotype 0.15"), HistoryEntry())
    made = images.image("debian", "12", "a", history=steps)
    bare = images.image("bare", "1", "b", history=(HistoryEntry(created_by="ADD rootfs"),))
    audit = images.audit()
    assert row(audit, made)["evidence"] == "history"
    assert row(audit, made)["first_step"] == "debuerreotype 0.15"
    assert (row(audit, bare)["evidence"], row(audit, bare)["first_step"]) == (None, "ADD rootfs")


def layers_table(reference: str, layers: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "registry": "docker.io",
            "repository": "library/base",
            "reference": reference,
            "manifest_digest": digest(f"known {layers}"),
            "position": range(len(layers)),
            "diff_id": [f"diff {letter}" for letter in layers],
        }
    )


def test_a_known_image_is_the_base_where_it_has_more_of_the_layers() -> None:
    images = Images()
    images.image("alpine", "3", "a")
    app = images.image("app", "1", "abc")
    audit = images.audit()
    known = pd.concat([layers_table("2", "xy"), layers_table("1", "ab").iloc[::-1]])
    found = row(audit, app, known)
    assert (found["evidence"], found["base_layer_count"]) == ("known", 2)
    assert found["base_name"] == "docker.io/library/base:1"
    assert found["outdated"] is False
    assert row(audit, app, layers_table("1", "a"))["evidence"] == "chain"
    broken = layers_table("1", "ab")
    broken.loc[1, "diff_id"] = None
    assert row(audit, app, broken)["evidence"] == "chain"


def test_known_images_tell_what_an_annotated_name_names_now() -> None:
    images = Images()
    said = notes("base:1", digest("known ab"))
    fresh = images.image("app", "1", "abc", notes=said)
    audit = images.audit()
    assert row(audit, fresh, layers_table("1", "ab"))["outdated"] is False
    found = row(audit, fresh, layers_table("1", "aB"))
    assert (found["outdated"], found["current_digest"]) == (True, digest("known aB"))


def test_an_earlier_audit_tells_which_tag_has_left_the_base() -> None:
    before, now = Images(), Images()
    old = before.image("base", "1", "ab")
    now.tag("base", "1.0", old)
    add_config(now, old.config, ["diff a", "diff b"])
    new = now.image("base", "1", "aB")
    app = now.image("app", "1", "abc")
    audit = now.audit()
    assert row(audit, app)["outdated"] is False
    found = row(audit, app, before.audit())
    assert (found["evidence"], found["base_digest"]) == ("chain", old.digest)
    assert found["base_name"] == "registry.example/base:1"
    assert (found["outdated"], found["current_digest"]) == (True, new.digest)


def test_an_earlier_audit_knows_a_base_that_is_gone_from_here() -> None:
    before, now = Images(), Images()
    old = before.image("base", "1", "ab")
    new = now.image("base", "1", "aB")
    app = now.image("app", "1", "abc")
    found = row(now.audit(), app, before.audit())
    assert (found["evidence"], found["base_digest"]) == ("known", old.digest)
    assert (found["outdated"], found["current_digest"]) == (True, new.digest)


def test_a_table_that_lists_no_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="position, diff_id"):
        Images().audit().base_images(layers_table("1", "a").drop(columns=["position", "diff_id"]))


def test_an_image_whose_config_was_not_read_has_a_row() -> None:
    building = Building()
    made = image("bare", 1, config("unread", 5), blob("a", 2))
    building.tag("r", "1", made)
    found = row(building.audit(), made)
    assert (found["layer_count"], found["evidence"], found["os"]) == (1, None, None)


def test_an_empty_registry_gives_an_empty_table_of_the_same_types() -> None:
    full = Images()
    full.image("app", "1", "abc")
    empty = Building().audit().base_images()
    assert empty.empty
    assert empty.dtypes.equals(full.audit().base_images().dtypes)


CHAINS = st.lists(st.text("abc", max_size=5), max_size=10)


@settings(max_examples=150)
@given(CHAINS, CHAINS)
def test_bases_equal_those_of_plain_texts(chains: Sequence[str], known: Sequence[str]) -> None:
    images = Images()
    made = {n: images.image("r", f"{n}", chain) for n, chain in enumerate(chains)}
    tables = [layers_table(f"k{n}", chain) for n, chain in enumerate(known)]
    frame = images.audit().base_images(pd.concat(tables) if tables else None)
    table = frame.set_index("digest")
    for number, chain in enumerate(chains):
        found = table.loc[made[number].digest]

        def longest(among: Sequence[str], chain: str = chain) -> int:
            return max((len(c) for c in among if c != chain and chain.startswith(c)), default=0)

        own, other = longest(chains), longest(known)
        assert found["sibling_count"] == (chains.count(chain) - 1 if chain else 0)
        expected = None if not max(own, other) else "chain" if own >= other else "known"
        assert (None if pd.isna(found["evidence"]) else found["evidence"]) == expected
        if expected:
            assert found["base_layer_count"] == max(own, other)
            base = chain[: max(own, other)]
            of_own = {made[n].digest for n, c in enumerate(chains) if c == base}
            right = of_own if expected == "chain" else {digest(f"known {base}")}
            assert found["base_digest"] in right


@given(st.lists(st.text("ab", max_size=6), min_size=1, max_size=8))
def test_the_tree_of_chains_knows_every_beginning(lists: list[str]) -> None:
    rows = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    letters = np.array([ord(letter) for one in lists for letter in one], dtype=np.int64)
    chains = Chains.of(Links.of(rows, letters, len(lists)))
    for i, one in enumerate(lists):
        assert (chains.full[i] < 0) == (not one)
        for j, other in enumerate(lists):
            if one and other:
                assert (chains.full[i] == chains.full[j]) == (one == other)
                begins = chains.begins(chains.full[[i]], chains.full[[j]])
                assert begins.tolist() == [other.startswith(one)]
