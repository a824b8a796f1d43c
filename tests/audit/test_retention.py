"""Which tags rules keep: the example of the definitions, each way to combine, and plain Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.seen import Seen
from regnb.audit.plans.retention import retention
from regnb.audit.plans.rules import Rule, expire, keep
from regnb.model.image_config import ImageConfig
from regnb.model.platform import Platform
from regnb.model.reference import referrers_tag
from tests.audit.building import Building, blob, config, image, index
from tests.audit.test_ages import Clocked

LINUX = Platform("linux", "amd64")
Decided = dict[str, tuple[str, str]]


class Dated(Building):
    """Images that are as many days old as they are told."""

    def push(self, repository: str, tag: str, name: str, days: float | None) -> None:
        self.tag(
            repository,
            tag,
            image(name, 500, config(f"config {name}", 100), blob(f"layer {name}", 1000)),
        )
        moment = None if days is None else datetime.now(UTC) - timedelta(days=days)
        raw, made = bytes(100), config(f"config {name}", 100).digest
        found = ImageConfig(raw, made, LINUX, created=moment)
        if days is None or found.digest not in self.dated:
            self.dated.add(found.digest)
            self.inventory.add_config(found)

    def __init__(self) -> None:
        super().__init__()
        self.dated: set[str] = set()

    def decide(self, *rules: Rule, combine: str = "harbor") -> Decided:
        self.audit()
        table = retention(Levels(Seen(self.inventory)), rules, combine=combine).table
        names = table["repository"] + ":" + table["tag"]
        pairs = zip(table["decision"], table["reason"], strict=True)
        return dict(zip(names, pairs, strict=True))

    def kept(self, *rules: Rule, combine: str = "harbor") -> set[str]:
        decided = self.decide(*rules, combine=combine)
        return {name.partition(":")[2] for name, (what, _) in decided.items() if what == "keep"}


def versions() -> Dated:
    building = Dated()
    for age, (tag, name) in enumerate([("v3", "c"), ("v2", "b"), ("v1", "a")]):
        building.push("r", tag, name, age)
    building.push("r", "latest", "c", 0)
    return building


def test_e13_the_last_two_are_two_images_or_two_tags() -> None:
    assert versions().kept(keep(last=2)) == {"latest", "v3", "v2"}
    assert versions().kept(keep(last=2, count="tag")) == {"latest", "v3"}
    assert versions().kept(keep(last=0)) == set()


def test_of_equal_times_the_last_by_name_is_the_last() -> None:
    # v3 and latest are one image: by name, with numbers as numbers, v3 comes after latest.
    assert versions().kept(keep(last=1, count="tag")) == {"v3"}


def test_age_and_number_each_keep_and_say_so() -> None:
    decided = versions().decide(keep(last=1, newer_than="36h"))
    assert decided["r:v3"] == ("keep", "one of the last 1, and newer than 36h")
    assert decided["r:v2"] == ("keep", "newer than 36h")
    assert decided["r:v1"] == ("delete", "no rule keeps it")


def test_filters_take_the_whole_tag_or_none_of_it() -> None:
    assert versions().kept(keep(matching=r"v\d")) == {"v1", "v2", "v3"}
    assert versions().kept(keep(matching="v")) == set()
    assert versions().kept(keep(glob=["v1*", "late*"])) == {"v1", "latest"}


def test_versions_are_in_the_order_of_their_precedence() -> None:
    building = Dated()
    for number, tag in enumerate(["1.10.0", "1.9.0", "2.0.0-rc.1", "latest"]):
        building.push("r", tag, str(number), number)
    rule = keep(last=1, order="semver", semver="<2")
    assert building.kept(rule) == {"1.10.0"}
    decided = building.decide(keep(last=1, order="semver"))
    assert decided["r:2.0.0-rc.1"] == ("keep", "one of the last 1")
    assert decided["r:latest"] == ("keep", "its time or version is not known")


@pytest.mark.parametrize("days", [None, 365 * 40, -30])
def test_what_has_no_believable_time_is_kept_and_takes_no_place(days: float | None) -> None:
    building = versions()
    building.push("r", "reproducible", "d", days)
    decided = building.decide(keep(last=1, newer_than="1h"))
    assert decided["r:reproducible"] == ("keep", "its time or version is not known")
    assert decided["r:v3"][0] == "keep"
    assert decided["r:v2"][0] == "delete"
    assert "reproducible" in building.kept(expire(older_than="1h"), combine="ar")


def test_an_index_is_as_young_as_its_youngest_entry() -> None:
    building = Dated()
    building.push("r", "old", "a", 100)
    building.push("r", "young", "b", 1)
    entries = [image(n, 500, config(f"config {n}", 100), blob(f"layer {n}", 1000)) for n in "ab"]
    building.tag("r", "both", index("I", 700, *(entry.descriptor for entry in entries)))
    assert building.kept(keep(newer_than="2d")) == {"young", "both"}


def test_attachments_take_no_place_and_get_no_decision() -> None:
    building = versions()
    signed = image("c", 500, config("config c", 100), blob("layer c", 1000))
    building.push("r", f"{referrers_tag(signed.digest)}.sig", "signature", 0)
    assert building.kept(keep(last=1)) == {"v3", "latest"}


def test_repositories_that_no_rule_is_about_are_left_alone() -> None:
    building = versions()
    building.push("other", "1", "x", 500)
    decided = building.decide(keep(last=1, repositories="r"))
    assert decided["other:1"] == ("keep", "no rule is about it")
    assert decided["r:v1"][0] == "delete"


def test_ar_keeps_beat_deletes_and_alone_delete_nothing() -> None:
    building = versions()
    rules = (expire(older_than="1h"), keep(last=1))
    building.push("r", "older", "d", 3)
    assert building.kept(*rules, combine="ar") == {"v3", "latest"}
    assert building.kept(keep(last=1), combine="ar") == {"v1", "v2", "v3", "latest", "older"}
    decided = building.decide(*rules, combine="ar")
    assert decided["r:v1"] == ("delete", "older than 1h")
    assert decided["r:v3"] == ("keep", "one of the last 1")


def test_ecr_the_first_rule_that_a_tag_falls_under_decides() -> None:
    building = versions()
    rules = (expire(beyond=2, matching="v[12]"), expire(beyond=1))
    # v1 and v2 fall under the first rule, and are counted by the second all the same.
    decided = building.decide(*rules, combine="ecr")
    assert {name for name, (what, _) in decided.items() if what == "keep"} == {
        "r:v1",
        "r:v2",
        "r:v3",
        "r:latest",
    }
    building.push("r", "x", "x", 5)
    assert building.decide(*rules, combine="ecr")["r:x"] == ("delete", "not one of the last 1")
    assert building.kept(keep(last=1), combine="ecr") == {"v3", "latest"}


def test_gitlab_takes_latest_names_number_and_age_off_the_list_in_turn() -> None:
    building = Dated()
    for number, tag in enumerate(["latest", "main", "build-5", "build-4", "build-3", "release"]):
        building.push("r", tag, tag, 10 * number)
    rules = (
        expire(matching=r"build-.*|release|latest", older_than="25d"),
        keep(matching="release"),
        keep(last=1),
    )
    # The number counts what is left then: build-5, although latest is younger.
    assert building.kept(*rules, combine="gitlab") == {"latest", "main", "release", "build-5"}
    assert building.kept(rules[0], combine="gitlab") == {"latest", "main", "build-5"}


def test_a_tag_that_goes_is_told_how_many_of_its_digest_stay_and_what_all_would_free() -> None:
    building = versions()
    building.audit()
    rules = [keep(glob="latest")]
    table = retention(Levels(Seen(building.inventory)), rules, combine="harbor").table
    rows = table.set_index("tag")
    assert rows["kept_with_digest"].to_dict() == {"latest": 0, "v1": 0, "v2": 0, "v3": 1}
    assert rows["freed_if_all"].tolist() == [1600] * 4
    assert rows["rule"].fillna("").to_dict()["latest"] == "keep(glob='latest')"


def test_an_empty_registry_has_a_typed_empty_table() -> None:
    full, empty = versions(), Dated()
    tables = []
    for building in (full, empty):
        building.audit()
        levels = Levels(Seen(building.inventory))
        tables.append(retention(levels, [keep(last=1)], combine="harbor").table)
    assert tables[1].empty
    assert tables[0].dtypes.equals(tables[1].dtypes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"last": -1}, "0 or more"),
        ({"last": float("inf")}, "0 or more"),
        ({"last": float("nan")}, "0 or more"),
        ({"last": 2.0}, "0 or more"),
        ({"last": "x"}, "'x' is no number of tags"),
        ({"last": True}, "0 or more"),
        ({"newer_than": 90}, "no age"),
        ({"newer_than": "3 moons"}, "'90d'"),
        ({"newer_than": timedelta(days=-1)}, "no age"),
        ({"matching": "("}, "no regular expression"),
        ({"semver": "soon"}, "no range"),
        ({"order": "size"}, "created, semver, natural"),
        ({"count": "layer"}, "digest, tag"),
    ],
)
def test_what_no_rule_can_mean_is_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        keep(**arguments)  # type: ignore[arg-type]


def test_a_number_of_numpy_is_a_number_and_one_that_is_huge_keeps_all() -> None:
    rule = keep(last=np.int64(2))
    assert str(rule) == "keep(last=2)"
    assert type(rule.number) is int
    assert versions().kept(rule) == versions().kept(keep(last=2))
    assert versions().kept(keep(last=10**30)) == {"v1", "v2", "v3", "latest"}


def test_what_is_as_old_as_the_age_to_the_microsecond_is_kept() -> None:
    # Later than 2038 a float of seconds no longer tells all microseconds.
    now = datetime(2040, 6, 1, microsecond=14, tzinfo=UTC)
    assert int(now.timestamp() * 1_000_000) % 1000 != 14
    building = Clocked(now)
    building.made("old", now - timedelta(days=90))
    building.made("older", now - timedelta(days=90, microseconds=1))
    decisions = building.audit().retention(keep(newer_than="90d")).decisions
    assert decisions is not None
    assert decisions["decision"].tolist() == ["keep", "delete"]


@pytest.mark.parametrize(
    ("rules", "combine", "words"),
    [
        ([expire()], "harbor", "combine='ar', 'ecr' or 'gitlab'"),
        ([], "harbor", "one rule or more"),
        ([keep()], "quay", "harbor, zot, ar, ecr, gitlab"),
    ],
)
def test_what_cannot_be_combined_is_refused(rules: list[Rule], combine: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        retention(Levels(Seen(Dated().inventory)), rules, combine=combine)


TAGS = st.dictionaries(
    st.tuples(st.sampled_from("pq"), st.sampled_from(["a", "b", "c1", "c10", "c9"])),
    st.sampled_from("uvwxyz"),
    max_size=9,
)


@settings(max_examples=80)
@given(TAGS, st.integers(0, 4), st.sampled_from(["digest", "tag"]))
def test_the_last_ones_are_those_of_plain_python(
    tags: dict[tuple[str, str], str], last: int, count: str
) -> None:
    ages = {name: days // 2 for days, name in enumerate("uvwxyz")}
    building = Dated()
    for (repository, tag), name in tags.items():
        building.push(repository, tag, f"{name}", ages[name])
    moments = {n: building_time(building, n) for n in set(tags.values())}
    order = {"a": 0, "b": 1, "c1": 2, "c9": 3, "c10": 4}
    kept = set()
    for repository in "pq":
        mine = sorted(
            (tag for owner, tag in tags if owner == repository),
            key=lambda tag: (moments[tags[repository, tag]], order[tag]),
            reverse=True,
        )
        units = [tags[repository, tag] if count == "digest" else tag for tag in mine]
        wanted = list(dict.fromkeys(units))[:last]
        kept |= {
            f"{repository}:{tag}" for tag, unit in zip(mine, units, strict=True) if unit in wanted
        }
    decided = building.decide(keep(last=last, count=count))  # type: ignore[arg-type]
    assert {name for name, (what, _) in decided.items() if what == "keep"} == kept


def building_time(building: Dated, name: str) -> int:
    digest = building.inventory.digests.code(config(f"config {name}", 100).digest)
    configs = building.inventory.configs
    row = configs.column("digest").tolist().index(digest)
    return int(configs.column("created")[row])


def test_the_plan_of_a_policy_deletes_what_its_decisions_say_and_frees_what_a_deletion_would() -> (
    None
):
    audit = versions().audit()
    plan = audit.retention(keep(last=1))
    assert plan.decisions is not None
    gone = plan.decisions[plan.decisions["decision"] == "delete"]
    assert plan.to_frame()["tag"].tolist() == gone["tag"].tolist() == ["v1", "v2"]
    assert plan.freed == audit.plan_delete(tags=gone).freed == 2 * 1600
    assert audit.plan_delete(tags=gone).decisions is None
