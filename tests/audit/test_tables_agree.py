"""What tables say of each other, against plain sets and loops over the same inventory."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pandas as pd
from hypothesis import given, settings

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import PRESETS
from regnb.audit.kernel.seen import Seen
from regnb.model.manifest import ImageManifest, Index
from regnb.walk.inventory import Inventory
from tests.audit.drawing import GONE, REFERENCE_DIGEST, Drawn, registries


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def pairs(frame: pd.DataFrame, *names: str) -> set[tuple[object, ...]]:
    return set(zip(*(frame[name] for name in names), strict=True))


def members(inventory: Inventory, present: int) -> set[tuple[str, str]]:
    found = inventory.members
    names, digests = inventory.repositories.values, inventory.digests.values
    every = zip(*(found.columns[one] for one in ("repository", "digest", "present")), strict=True)
    return {(names[one], digests[digest]) for one, digest, there in every if there == present}


@settings(max_examples=20)
@given(registries())
def test_members_are_what_repositories_hold_lack_or_should_hold(drawn: Drawn) -> None:
    inventory = drawn.inventory()
    audit = Audit(Seen(inventory))
    frame = audit.repository_manifests
    held, lacked = members(inventory, 1), members(inventory, 0)
    assert pairs(frame[frame["present"].fillna(False)], "repository", "digest") == held
    assert pairs(frame[~frame["present"].fillna(True)], "repository", "digest") == lacked
    indexes = {str(one.digest): one for one in drawn.documents if isinstance(one, Index)}
    children = {
        (repository, entry.digest)
        for repository, digest in held
        for entry in (indexes[digest].manifests if digest in indexes else ())
    }
    about = pairs(audit.referrers, "repository", "digest")
    assert pairs(frame[frame["is_child"]], "repository", "digest") == children
    assert pairs(frame[frame["is_referrer"]], "repository", "digest") == about
    assert pairs(frame, "repository", "digest") == held | lacked | children | about
    tags = audit.tags[audit.tags["digest"].notna()]
    counts = Counter(zip(tags["repository"], tags["digest"], strict=True))
    for row in rows(frame):
        assert row["tag_count"] == counts[row["repository"], row["digest"]]


@settings(max_examples=20)
@given(registries())
def test_references_and_layers_are_those_of_the_documents(drawn: Drawn) -> None:
    audit = Audit(Seen(drawn.inventory()))
    expected = set()
    for one in drawn.documents:
        if isinstance(one, ImageManifest):
            layers = [("layer", position, layer) for position, layer in enumerate(one.layers)]
            named = [*layers, ("config", 0, one.config)]
        else:
            named = [("child", n, entry) for n, entry in enumerate(one.references())]
        named += [("subject", 0, one.subject)] if one.subject else []
        expected |= {(one.digest, kind, n, to.digest, to.size) for kind, n, to in named}
    names = ("manifest_digest", "kind", "position", "digest", "size")
    assert pairs(audit.references, *names) == expected
    of_layers = audit.references[audit.references["kind"] == "layer"].reset_index(drop=True)
    shared = [name for name in audit.layers if name in of_layers]
    pd.testing.assert_frame_equal(audit.layers[shared], of_layers[shared])
    known = {row["digest"]: row["diff_id_count"] for row in rows(audit.configs)}
    diff_ids = {(r["config_digest"], r["position"]): r["diff_id"] for r in rows(audit.diff_ids)}
    documents = {row["digest"]: row for row in rows(audit.manifests)}
    for row in rows(audit.layers):
        document = documents[row["manifest_digest"]]
        config = document["config_digest"]
        fits = known.get(config) == document["layer_count"]
        expected_id = diff_ids[config, row["position"]] if fits else None
        assert row["diff_id"] == expected_id or (expected_id is None and pd.isna(row["diff_id"]))


@settings(max_examples=20)
@given(registries())
def test_blobs_count_the_rows_of_other_tables(drawn: Drawn) -> None:
    seen = Seen(drawn.inventory())
    for name in ("oci", "distribution-2.8", "distribution-keep-untagged"):
        policy = PRESETS[name]
        audit = Audit(seen, policy=policy)
        blobs, references, held = audit.blobs, audit.references, audit.repository_blobs
        live = blobs[blobs["live"]]
        assert live["size"].sum() == audit.usage("registry")["stored"].sum()
        assert pairs(live, "digest") == pairs(held[held["live"]], "digest")
        assert not (live["foreign"]).any()
        naming = references[references["kind"] != "subject"]
        by_digest = Counter(digest for _, digest in pairs(naming, "manifest_digest", "digest"))
        repositories = Counter(held["digest"])
        for row in rows(blobs):
            assert row["manifest_count"] == by_digest[row["digest"]]
            assert row["repository_count"] == repositories[row["digest"]]
            assert row["tag_count"] <= len(audit.tags)
            assert row["live"] or not row["tag_count"]
            named = set(references.loc[references["digest"] == row["digest"], "kind"])
            assert (row["is_config"], row["is_layer"]) == ("config" in named, "layer" in named)
            assert row["is_layer"] == (not pd.isna(row["compression"]))
        depths = audit.repository_manifests
        assert (depths["live"] <= depths["depth"].notna()).all()


@settings(max_examples=20)
@given(registries())
def test_labels_are_all_that_documents_and_configs_say(drawn: Drawn) -> None:
    audit = Audit(Seen(drawn.inventory()))
    spoken: Counter[tuple[object, ...]] = Counter()
    sayings = [("config-label", r["digest"], r["labels"], r["digest"]) for r in rows(audit.configs)]
    for row in rows(audit.manifests):
        source = "index-annotation" if row["kind"] == "index" else "manifest-annotation"
        sayings.append((source, row["digest"], row["annotations"], row["digest"]))
    for row in rows(audit.references):
        said = (row["manifest_digest"], row["annotations"], row["digest"])
        sayings.append(("descriptor-annotation", *said))
    for source, owner, text, digest in sayings:
        told = {} if pd.isna(text) else json.loads(str(text))
        # Keys that cannot be told apart once they are stored are one, the later.
        for key, value in {key.replace("\ud800", "?"): told[key] for key in told}.items():
            spoken[source, owner, key, value, digest] += 1
    names = ("source", "owner_digest", "key", "value", "digest")
    assert Counter(zip(*(audit.labels[one] for one in names), strict=True)) == spoken


@settings(max_examples=20)
@given(registries())
def test_steps_of_builds_have_the_chains_of_the_specification(drawn: Drawn) -> None:
    audit = Audit(Seen(drawn.inventory()))
    of_config = {
        digest: frame["diff_id"].tolist()
        for digest, frame in audit.diff_ids.groupby("config_digest")
    }
    for digest, frame in audit.history.groupby("config_digest"):
        diff_ids = of_config.get(digest, [])
        made = frame[~frame["empty_layer"]]
        assert made["layer_position"].tolist() == list(range(len(made)))
        assert frame.loc[frame["empty_layer"], "layer_position"].isna().all()
        if len(made) != len(diff_ids):
            assert frame["diff_id"].isna().all()
            assert frame["chain_id"].isna().all()
            continue
        assert made["diff_id"].tolist() == diff_ids
        assert made["chain_id"].tolist() == chains(diff_ids)


def chains(diff_ids: list[str]) -> list[str]:
    found: list[str] = []
    for diff_id in diff_ids:
        below = f"{found[-1]} {diff_id}".encode() if found else b""
        found.append(f"sha256:{hashlib.sha256(below).hexdigest()}" if found else diff_id)
    return found


@settings(max_examples=20)
@given(registries())
def test_referrers_are_what_any_source_says_and_the_first_of_them_is_told(drawn: Drawn) -> None:
    inventory = drawn.inventory()
    audit = Audit(Seen(inventory))
    held = members(inventory, 1)
    order = ["api", "fallback-tag", "cosign-tag", "subject-field", "buildx-index"]
    said: dict[tuple[object, ...], str] = {}

    def say(repository: str, subject: str, digest: str, source: str) -> None:
        key = (repository, subject, digest)
        said[key] = min(said.get(key, source), source, key=order.index)

    listed = inventory.referrers
    for n in range(len(listed)):
        cell = {name: column[n] for name, column in listed.columns.items()}
        digests, source = inventory.digests.values, inventory.texts.values[cell["source"]]
        where = inventory.repositories.values[cell["repository"]]
        say(where, digests[cell["subject"]], digests[cell["digest"]], source)
    documents = {str(one.digest): one for one in drawn.documents}
    for repository, digest in held:
        if named := documents[digest].subject:
            say(repository, named.digest, digest, "subject-field")
        if isinstance(one := documents[digest], Index):
            for entry in one.manifests:
                about = entry.annotations.get(REFERENCE_DIGEST, "")
                if entry.is_attestation and about.startswith("sha256:"):
                    say(repository, about, entry.digest, "buildx-index")
    for row in rows(audit.tags[audit.tags["subject"].notna() & audit.tags["digest"].notna()]):
        repository, subject, digest = (str(row[n]) for n in ("repository", "subject", "digest"))
        document = documents[digest]
        if row["kind"] == "cosign":
            say(repository, subject, digest, "cosign-tag")
        elif isinstance(document, Index):
            for entry in document.manifests:
                say(repository, subject, entry.digest, "fallback-tag")
    found = rows(audit.referrers)
    assert {(r["repository"], r["subject"], r["digest"]): r["source"] for r in found} == said
    tagged = pairs(audit.tags[audit.tags["digest"].notna()], "repository", "digest")
    for row in found:
        assert row["subject_present"] == ((row["repository"], row["subject"]) in held)
        assert row["tagged"] == ((row["repository"], row["digest"]) in tagged)
    assert not set(GONE) & set(audit.manifests["digest"])
