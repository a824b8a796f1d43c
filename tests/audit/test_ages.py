"""How old tags are, which have not moved, and which nothing uses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regnb.audit.audit import Audit
from regnb.audit.plans.rules import keep
from regnb.errors import InvalidDocumentError
from regnb.model.manifest import ImageManifest
from regnb.model.reference import referrers_tag
from regnb.walk.inventory import Inventory
from regnb.walk.moments import microseconds_at
from tests.audit.building import Building, blob, config, image, index
from tests.audit.configs import add_config

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Clocked(Building):
    """A registry that is looked at when `now` says."""

    def __init__(self, now: datetime = NOW, registry: str = "registry.example") -> None:
        super().__init__()
        moment = microseconds_at(now)
        self.inventory = Inventory(registry, now=lambda: moment)

    def made(self, tag: str, created: datetime | None, *, size: int = 10) -> ImageManifest:
        made = self.entry(tag, created, size=size)
        self.tag("app", tag, made)
        return made

    def entry(self, name: str, created: datetime | None, *, size: int = 10) -> ImageManifest:
        base = config(f"config of {name}", 0)
        add_config(self, base, created=created)
        return image(f"{name} of {size}", size, base)


def test_ages_are_told_by_count_and_by_fair_bytes() -> None:
    building = Clocked()
    young = building.made("young", NOW - 3 * DAY, size=100)
    building.tag("app", "also-young", young)
    building.made("week", NOW - 7 * DAY, size=20)
    building.made("old", NOW - 4000 * DAY, size=300)
    building.made("future", NOW + DAY + timedelta(seconds=1), size=7)
    building.made("ahead", NOW + DAY, size=1)
    building.made("epoch", datetime(1970, 1, 1, tzinfo=UTC), size=5)
    building.made("before", datetime(2013, 3, 19, 23, 59, 59, tzinfo=UTC), size=5)
    building.made("first", datetime(2013, 3, 20, tzinfo=UTC), size=2)
    building.made("undated", None, size=11)
    frame = building.audit().ages().set_index("age")
    filled = frame[frame["tag_count"] > 0]
    assert filled["tag_count"].to_dict() == {
        "under 7 days": 3,
        "7 to 30 days": 1,
        "5 years or more": 2,
        "implausible": 3,
        "unknown": 1,
    }
    assert filled["fair"].tolist() == [101, 20, 302, 17, 11]
    assert filled["fair"].sum() == building.audit().usage("registry")["stored"].item()
    assert frame["tag_percent"].sum() == frame["fair_percent"].sum() == pytest.approx(100)
    assert frame["from_days"].dropna().tolist() == [0, 7, 30, 90, 180, 365, 730, 1825]
    assert frame["to_days"].dropna().tolist() == [7, 30, 90, 180, 365, 730, 1825]


def test_every_bin_is_there_also_for_an_empty_registry() -> None:
    empty, full = Building().audit(), Clocked()
    full.made("1", NOW)
    assert empty.ages()["tag_count"].tolist() == [0] * 10
    assert empty.ages()["fair_percent"].tolist() == [0.0] * 10
    assert empty.ages().dtypes.equals(full.audit().ages().dtypes)
    assert empty.stale().empty
    assert empty.stale().dtypes.equals(full.audit().stale(None, running=[]).dtypes)


def test_answers_agree_on_where_the_time_of_an_index_comes_from() -> None:
    building = Clocked()
    epoch, future = datetime(1970, 1, 1, tzinfo=UTC), NOW + 2 * DAY
    entries = {
        "implausible": (epoch, datetime(1980, 1, 1, tzinfo=UTC), future),
        "children": (epoch, NOW - DAY),
        "unknown": (None, None),
    }
    for tag, times in entries.items():
        made = [building.entry(f"{tag} {number}", time) for number, time in enumerate(times)]
        building.tag("app", tag, index(tag, 9, *(one.descriptor for one in made)))
        building.hold("app", *made)
    building.made("config", NOW - DAY)
    audit = building.audit()
    decisions = audit.retention(keep(last=1)).decisions
    assert decisions is not None
    sources = {"children": "children", "config": "config", "implausible": "implausible"}
    for frame in (decisions, audit.stale(None)):
        told = frame.set_index("tag")["time_source"].astype(object)
        assert told.dropna().to_dict() == sources
        assert told.index[told.isna()].tolist() == ["unknown"]
    counts = audit.ages().set_index("age")["tag_count"]
    assert counts[["implausible", "unknown"]].tolist() == [1, 1]


def test_a_time_is_possible_until_a_day_after_the_audit_to_the_microsecond() -> None:
    now = NOW + timedelta(microseconds=900_001)
    building = Clocked(now)
    building.made("ahead", now + DAY)
    building.made("too far", now + DAY + timedelta(microseconds=1))
    audit = building.audit()
    told = audit.stale(None).set_index("tag")["time_source"]
    assert told.to_dict() == {"ahead": "config", "too far": "implausible"}
    assert sorted(audit.configs["created_plausible"]) == [False, True]


def test_what_is_kept_without_a_tag_is_of_unknown_age() -> None:
    building = Clocked()
    building.made("1", NOW)
    building.hold("app", building.entry("untagged", NOW, size=40))
    frame = building.audit().with_policy("distribution-keep-untagged").ages().set_index("age")
    assert frame.loc["unknown", "fair"] == 40
    assert frame.loc["unknown", "tag_count"] == 0


def stale(audit: Audit, *arguments: Any, **named: Any) -> list[str]:
    return audit.stale(*arguments, **named)["tag"].tolist()


def test_tags_are_stale_from_an_age_on_the_oldest_first() -> None:
    building = Clocked()
    for days in (179, 180, 181, 400):
        building.made(f"{days}", NOW - days * DAY)
    building.made("undated", None)
    building.made("epoch", datetime(1970, 1, 1, tzinfo=UTC))
    building.tag("app", referrers_tag(blob("x", 1).digest) + ".sig", building.entry("s", None))
    audit = building.audit()
    assert stale(audit) == ["400", "181", "180"]
    assert stale(audit, "2w") == ["400", "181", "180", "179"]
    assert stale(audit, timedelta(days=200)) == ["400"]
    assert stale(audit, None) == ["400", "181", "180", "179", "epoch", "undated"]
    with pytest.raises(ValueError, match="is no age"):
        audit.stale("soon")


def test_where_a_time_comes_from_is_told() -> None:
    building = Clocked()
    old, young = (building.entry(f"{n}", NOW - n * DAY) for n in (300, 200))
    epoch = building.entry("epoch", datetime(1970, 1, 1, tzinfo=UTC))
    building.tag("app", "index", index("I", 9, old.descriptor, young.descriptor))
    building.tag("app", "all-epoch", index("J", 9, epoch.descriptor))
    building.hold("app", old, young, epoch)
    building.made("plain", NOW - 250 * DAY)
    building.tag("app", "bare", index("K", 9))
    frame = building.audit().stale(None).set_index("tag")
    assert frame["time_source"].dropna().to_dict() == {
        "index": "children",
        "all-epoch": "implausible",
        "plain": "config",
    }
    assert frame["age_days"].dropna().to_dict() == {"index": 200, "plain": 250}
    assert frame.loc["all-epoch", "claimed"] == pd.Timestamp(0, tz="UTC")
    assert frame["created"].isna().to_dict()["all-epoch"]


def test_earlier_audits_know_better_than_the_claim() -> None:
    first, second, now = Clocked(NOW - 300 * DAY), Clocked(NOW - 100 * DAY), Clocked()
    ancient, fresh = NOW - 900 * DAY, NOW - 2 * DAY
    for building in (first, second, now):
        building.made("still", fresh)  # rebuilt with a time of its own
    first.made("moved", fresh, size=1)
    second.made("moved", ancient, size=2)
    now.made("moved", ancient, size=3)
    first.made("settled", fresh, size=1)
    second.made("settled", fresh, size=2)
    now.made("settled", fresh, size=2)
    now.made("new", ancient)
    audit, earlier = now.audit(), [first.audit(), second.audit()]
    frame = audit.stale(None, since=earlier).set_index("tag")
    assert frame["unmoved_days"].dropna().to_dict() == {"still": 300, "settled": 100}
    moved = (pd.Timestamp(NOW) - frame["moved_after"].dropna()).dt.days.to_dict()
    assert moved == {"moved": 100, "new": 100, "settled": 300}
    assert stale(audit) == ["moved", "new"]
    assert stale(audit, since=earlier) == ["still"]
    assert sorted(stale(audit, "100d", since=earlier)) == ["moved", "new", "settled", "still"]
    assert stale(audit, "101d", since=earlier[1]) == []
    assert stale(audit, "100d", since=earlier[:1]) == ["moved", "new", "still"]


def test_a_tag_that_an_audit_could_not_see_has_not_moved() -> None:
    unlisted, filtered, broken, stopped = (Clocked(NOW - 90 * DAY) for _ in range(4))
    unlisted.inventory.add_listing("app", "denied", -1)
    filtered.inventory.scope = "tags=v1"
    filtered.inventory.add_listing("app", "ok", 0)
    broken.inventory.add_listing("app", "ok", 1)
    broken.inventory.add_lost_tag("app", "1", "why")
    stopped.inventory.add_listing("app", "ok", 1)
    now = Clocked()
    now.made("1", NOW - 400 * DAY)
    audit, earlier = now.audit(), [one.audit() for one in (unlisted, filtered, broken, stopped)]
    stopped.inventory.finish(finished=False)
    frame = audit.stale(since=earlier)
    assert frame["moved_after"].isna().all()
    seen = Clocked(NOW - 90 * DAY)
    seen.inventory.add_listing("app", "ok", 0)
    assert audit.stale(since=seen.audit()).empty
    assert frame["tag"].tolist() == ["1"]


def test_audits_of_another_registry_or_of_later_are_refused() -> None:
    audit = Clocked().audit()
    with pytest.raises(ValueError, match=r"of other\.example, not of registry\.example"):
        audit.stale(since=Clocked(NOW - DAY, "other.example").audit())
    with pytest.raises(ValueError, match=r"has to be an earlier audit: one that had ended by 20"):
        audit.stale(since=Clocked(NOW + DAY).audit())


@pytest.mark.parametrize("wrong", [None, "2026-11", 3])
def test_what_is_no_audit_says_how_to_get_one(wrong: Any) -> None:
    audit = Clocked().audit()
    for since in (wrong, [wrong]):
        with pytest.raises(TypeError, match=f"not {wrong!r}; regnb.load_audit gives one"):
            audit.stale(since=since)
    with pytest.raises(TypeError, match=f"not {wrong!r}; regnb.load_audit gives one"):
        audit.since(wrong)


def cluster() -> tuple[Audit, dict[str, str]]:
    building = Clocked()
    digests = {tag: building.made(tag, NOW, size=n).digest for n, tag in enumerate("abc", 1)}
    child = building.entry("child", NOW)
    top = index("I", 9, child.descriptor)
    building.tag("app", "both", top)
    building.hold("app", child)
    building.tag("library/app", "a", image("official", 3, config("o", 1)))
    configured = config("config of a", 0).digest
    return building.audit(), {**digests, "child": child.digest, "config": configured}


def used(audit: Audit, running: Any) -> list[str]:
    frame = audit.stale(None, running=running)
    found = frame[~frame["unused"].astype(bool)]
    return sorted((found["repository"] + ":" + found["tag"]).tolist())


def test_names_of_running_images_are_matched_by_tag_and_by_digest() -> None:
    audit, digests = cluster()
    assert audit.stale(None)["unused"].isna().all()
    assert used(audit, []) == []
    assert used(audit, ["registry.example/app:a", "other.example/app:b"]) == ["app:a"]
    assert used(audit, ["app:b"]) == ["app:b"]
    assert used(audit, ["app:a"]) == ["app:a"]  # what docker.io/library/app:a is, is elsewhere
    assert used(audit, ["registry.example/library/app:a"]) == ["library/app:a"]
    assert used(audit, [f"registry.example/app@{digests['c']}"]) == ["app:c"]
    assert used(audit, [f"registry.example/app:a@{digests['c']}"]) == ["app:c"]
    pulled = f"docker-pullable://registry.example/app@{digests['child']}"
    assert used(audit, [pulled]) == ["app:both"]
    assert used(audit, [digests["config"]]) == ["app:a"]
    assert used(audit, [f"registry.example/else@{digests['c']}", "//", ""]) == []


def test_names_that_nothing_here_has_are_told() -> None:
    audit, digests = cluster()
    names = ["registry.example/app:gone", "registry.example/app:a", "nginx:1", "registry.example/x"]
    frame = audit.stale(None, running=[*names, f"registry.example/x@{digests['a']}"])
    assert frame.attrs["regnb"]["unmatched"] == sorted(
        ["registry.example/app:gone", "registry.example/x", f"registry.example/x@{digests['a']}"]
    )


def pods(*images: str) -> dict[str, Any]:
    spec = {"initContainers": [{"image": images[0]}], "containers": [{"image": images[1]}]}
    state = {"containerStatuses": [{"image": "ignored", "imageID": images[2]}]}
    return {"kind": "List", "items": [{"kind": "Pod", "spec": spec, "status": state}]}


def test_what_kubectl_prints_is_read_as_text_as_objects_and_from_a_file(tmp_path: Path) -> None:
    audit, digests = cluster()
    host = "registry.example"
    listed = pods(f"{host}/app:a", f"{host}/app:b", f"{host}/app@{digests['child']}")
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(listed), "utf-8")
    for running in (listed, json.dumps(listed), path, str(path)):
        assert used(audit, running) == ["app:a", "app:b", "app:both"]
    assert used(audit, json.dumps(["app:a", "app:b"])) == ["app:a", "app:b"]


def test_tables_and_series_of_names_are_read() -> None:
    audit, _ = cluster()
    names = ["registry.example/app:a", None]
    assert used(audit, pd.Series(names)) == ["app:a"]
    assert used(audit, pd.DataFrame({"image": names, "n": [1, 2]})) == ["app:a"]
    assert used(audit, pd.DataFrame({"reference": names})) == ["app:a"]
    with pytest.raises(ValueError, match="'image' or 'reference'"):
        audit.stale(running=pd.DataFrame({"name": names}))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    audit, _ = cluster()
    with pytest.raises(FileNotFoundError, match="neither JSON nor a file"):
        audit.stale(running="registry.example/app:a")
    with pytest.raises(InvalidDocumentError):
        audit.stale(running="{broken")
    for wrong in (5, b"app:a"):
        with pytest.raises(TypeError, match="running= is names of images"):
            audit.stale(running=wrong)  # type: ignore[arg-type] # that is the point
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000, "utf-8")
    with pytest.raises(InvalidDocumentError):
        audit.stale(running=path)
