"""The answers about contents on the sample registry: each has something to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

import regnb
from regnb.audit.audit import Audit

ANSWERS: dict[str, Callable[[Audit], pd.DataFrame]] = {
    "ages": Audit.ages,
    "base_images": Audit.base_images,
    "base_images_known": lambda audit: audit.base_images(audit),
    "compliance": Audit.compliance,
    "orphans": Audit.orphans,
    "platforms": Audit.platforms,
    "recompressed": Audit.recompressed,
    "stale": Audit.stale,
    "stale_running": lambda audit: audit.stale(None, running=["sample/team/api:v1.0.0"]),
}


@pytest.fixture(scope="module")
def audit() -> Iterator[Audit]:
    with regnb.sample.connect() as reg:
        yield reg.audit(progress=False)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_sample_has_an_answer_to_every_question(audit: Audit, name: str) -> None:
    frame = ANSWERS[name](audit)
    assert len(frame) > 0
    assert set(frame["registry"]) == {"sample"}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_audit_that_was_kept_answers_the_same(audit: Audit, name: str, tmp_path: Path) -> None:
    audit.save(tmp_path)
    kept = regnb.load_audit(tmp_path)
    pd.testing.assert_frame_equal(ANSWERS[name](kept), ANSWERS[name](audit))


def test_one_layer_of_the_sample_is_stored_twice(audit: Audit) -> None:
    row = audit.recompressed().iloc[0]
    assert (row["copies"], row["waste"]) == (2, 4_067_698)
    assert row["total"] - row["smallest"] == row["waste"]


def test_the_reports_of_the_sample_stand_on_an_outdated_base(audit: Audit) -> None:
    frame = audit.base_images()
    outdated = frame[frame["outdated"].fillna(False).astype(bool)]
    assert set(outdated["repository"]) == {"team/reports"}
    assert set(outdated["base_name"]) == {"docker.io/library/python:3.12"}
    worker = frame[frame["repository"] == "team/worker"]
    assert set(worker["base_name"]) == {"sample/library/python:3.12"}
    assert set(worker["evidence"]) == {"chain"}


def test_the_orphans_of_the_sample(audit: Audit) -> None:
    frame = audit.orphans()
    assert list(zip(frame["repository"], frame["kind"], strict=True)) == [
        ("platform/agent", "index"),
        ("team/reports", "attachment"),
        ("team/reports", "referrer"),
    ]
    assert (frame["frees"] > 0).all()


def test_the_platforms_of_the_sample(audit: Audit) -> None:
    frame = audit.platforms()
    assert set(frame.loc[frame["differs"], "repository"]) == {"platform/agent"}
    single = frame[frame["single_platform"]]
    assert ("legacy/docker", "amd64") in set(zip(single["repository"], single["tag"], strict=True))
    assert set(frame["state"]) == {"present", "absent", "missing"}


def test_the_rules_that_the_sample_breaks(audit: Audit) -> None:
    frame = audit.compliance()
    assert set(frame.loc[frame["implausible"], "tag"]) == {"epoch", "future"}
    assert set(frame.loc[frame["signed"], "repository"]) == {"team/api"}
    assert set(frame.loc[frame["labels_inherited"] != "", "repository"]) == {"team/reports"}
    assert frame["root"].value_counts().to_dict()[True] > 0
    assert set(frame["media_types"]) == {"docker", "oci"}


def test_the_fair_bytes_of_all_ages_are_what_the_registry_stores(audit: Audit) -> None:
    frame = audit.ages()
    stored = audit.usage(by="registry")["stored"].item()
    assert frame["fair"].sum() == pytest.approx(stored, rel=1e-12)
    assert frame["tag_count"].sum() == len(audit.usage(by="tag"))
    assert frame.set_index("age").loc["implausible", "tag_count"] == 2
