"""Plans carried out: what is asked, in which order, and what is left when it goes wrong."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import regnb
from regnb.audit.audit import Audit
from regnb.audit.kernel.seen import Seen
from regnb.audit.plans.plan import DeletionPlan
from regnb.errors import (
    ConfirmationError,
    DeletionDisabledError,
    DeletionError,
    DeniedError,
    OtherRegistryError,
    PlanOutdatedError,
    ReadOnlyError,
    UntagUnsupportedError,
)
from regnb.model.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from regnb.sample import serve, server
from regnb.sample.messages import RefusedError, Request, Response
from regnb.sample.names import digest_of
from regnb.sample.server import Served
from regnb.sample.storage import Manifest
from tests.audit.building import Building

HOME = "team/app"
Refuses = Callable[[str, str], HTTPStatus | None]


class Shop:
    """A registry that is filled by hand, whose requests are kept, and some of them refused."""

    def __init__(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        self.storage, self.url = served.storage, served.url
        self.asked: list[tuple[str, str]] = []
        self.refuses: Refuses = lambda method, reference: None
        respond: Callable[..., Response] = server.__dict__["respond"]

        def kept(request: Request, *others: Any) -> Response:
            reference = request.path.rpartition("/")[2]
            self.asked.append((request.method, reference))
            if status := self.refuses(request.method, reference):
                return RefusedError(status, "DENIED", "not today").response()
            return respond(request, *others)

        monkeypatch.setattr(server, "respond", kept)

    def put(self, document: Mapping[str, Any], *tags: str, home: str = HOME) -> str:
        raw = json.dumps({"schemaVersion": 2, **document}).encode()
        manifest = Manifest.read(raw, str(document["mediaType"]))
        self.storage.put_manifest(home, manifest, tags=tags)
        return manifest.digest

    def image(self, name: str, *tags: str, subject: str = "", home: str = HOME) -> str:
        config = {"mediaType": OCI_CONFIG, "digest": digest_of(name.encode()), "size": len(name)}
        document = {"mediaType": OCI_MANIFEST, "config": config, "layers": []}
        about = {"subject": pointer(subject)} if subject else {}
        return self.put(document | about, *tags, home=home)

    def index(self, entries: list[str], *tags: str) -> str:
        named = [pointer(entry) for entry in entries]
        return self.put({"mediaType": OCI_INDEX, "manifests": named}, *tags)

    def untags_nothing(self) -> None:
        """Be like docker-registry 2.8.2."""
        self.refuses = lambda method, reference: (
            HTTPStatus.BAD_REQUEST if method == "DELETE" and ":" not in reference else None
        )

    def tags(self) -> set[str]:
        return set(self.storage.tags(HOME))

    def holds(self, *digests: str) -> list[bool]:
        return [self.storage.manifest(HOME, digest) is not None for digest in digests]

    def deleted(self) -> list[str]:
        """What was asked to be deleted, but for what nobody can have made."""
        asked = [reference for method, reference in self.asked if method == "DELETE"]
        return [reference for reference in asked if not reference.startswith("regnb-asks-")]


def pointer(digest: str) -> dict[str, Any]:
    return {"mediaType": OCI_MANIFEST, "digest": digest, "size": 300}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with serve(None) as served:
        yield Shop(served, monkeypatch)


@pytest.fixture
def client(shop: Shop) -> Iterator[regnb.Client]:
    with regnb.connect(shop.url) as connected:
        yield connected


def plan_for(client: regnb.Client, *tags: str, semantics: Any = "untag") -> DeletionPlan:
    audit = client.audit(configs=False)
    return audit.plan_delete([f"{HOME}:{tag}" for tag in tags], semantics=semantics)


def go(plan: DeletionPlan, **options: Any) -> dict[str, str]:
    """Carry a plan out; the status of each reference."""
    log = plan.execute(confirm=len(plan), **options)
    return dict(zip(log["reference"], log["status"], strict=True))


def test_nothing_is_asked_without_the_right_number(shop: Shop, client: regnb.Client) -> None:
    shop.image("one", "1", "latest")
    plan = plan_for(client, "1", "latest")
    shop.asked.clear()
    for wrong in (0, 1, 3, True):
        with pytest.raises(ConfirmationError, match=r"execute\(confirm=2\)"):
            plan.execute(confirm=wrong)
    assert shop.asked == []
    assert plan.log.empty


@pytest.mark.parametrize("wrong", [True, np.True_, 1.0, "1", None])
def test_what_is_equal_to_a_number_is_none(shop: Shop, client: regnb.Client, wrong: Any) -> None:
    shop.image("one", "1")
    plan = plan_for(client, "1")
    shop.asked.clear()
    with pytest.raises(ConfirmationError, match=r"execute\(confirm=1\)"):
        plan.execute(confirm=wrong)
    assert shop.asked == []
    assert len(plan.execute(confirm=np.int64(1))) == 1  # type: ignore[arg-type]


def test_tags_are_taken_away_and_manifests_stay(shop: Shop, client: regnb.Client) -> None:
    one, two = shop.image("one", "1", "latest"), shop.image("two", "2")
    plan = plan_for(client, "1", "2")
    log = plan.execute(confirm=2)
    assert sorted(log["reference"]) == ["1", "2"]
    assert set(log["means"]) == {"untag"}
    assert set(log["status"]) == {"deleted"}
    assert log["deleted_at"].notna().all()
    assert log["error"].isna().all()
    assert shop.tags() == {"latest"}
    assert shop.holds(one, two) == [True, True]
    assert log.equals(plan.log)


def test_everything_is_looked_at_before_anything_is_deleted(
    shop: Shop, client: regnb.Client
) -> None:
    for number in range(20):
        shop.image(f"image {number}", str(number))
    plan = plan_for(client, *map(str, range(20)))
    shop.asked.clear()
    go(plan)
    methods = [method for method, _ in shop.asked]
    # First a tag that nobody has made, to learn whether tags can be taken away at all.
    assert methods == ["DELETE"] + ["HEAD"] * 20 + ["DELETE"] * 20
    assert shop.asked[0][1].startswith("regnb-asks-")


def test_done_twice_is_done_once(shop: Shop, client: regnb.Client) -> None:
    shop.image("one", "1")
    plan = plan_for(client, "1", semantics="delete-digest")
    go(plan)
    log = plan.log
    assert plan.execute(confirm=1).equals(log)


def test_a_tag_that_moved_or_vanished_ends_it_before_anything_is_deleted(
    shop: Shop, client: regnb.Client
) -> None:
    for tag in "123":
        shop.image(f"image {tag}", tag)
    plan = plan_for(client, "1", "2", "3")
    moved = shop.image("other", "1")
    shop.storage.delete_tag(HOME, "2")
    with pytest.raises(PlanOutdatedError, match="Nothing was deleted") as caught:
        go(plan)
    assert list(caught.value.names) == [f"{HOME}:1", f"{HOME}:2"]
    assert f"is now {moved}" in str(caught.value)
    assert shop.tags() == {"1", "3"}
    assert shop.deleted() == []


def test_a_manifest_that_vanished_ends_it(shop: Shop, client: regnb.Client) -> None:
    child = shop.image("child")
    shop.index([child], "1")
    plan = client.audit(configs=False).plan_delete(digests=f"{HOME}@{child}")
    assert "1 index that stays loses an entry" in plan.warnings[0]
    shop.storage.delete_manifest(HOME, child)
    with pytest.raises(PlanOutdatedError, match=f"@{child} is gone"):
        go(plan)


def test_a_tag_that_came_onto_a_digest_is_not_lost_with_it(
    shop: Shop, client: regnb.Client
) -> None:
    one = shop.image("one", "1")
    plan = plan_for(client, "1", semantics="delete-digest")
    shop.image("one", "release")
    with pytest.raises(PlanOutdatedError, match="app:release names a manifest"):
        go(plan)
    assert shop.holds(one) == [True]


def test_an_index_that_came_and_needs_what_goes_is_not_broken(
    shop: Shop, client: regnb.Client
) -> None:
    one = shop.image("one", "1")
    plan = plan_for(client, "1", semantics="delete-digest")
    inner = shop.index([one])
    shop.index([inner], "multi")
    with pytest.raises(PlanOutdatedError, match="app:multi needs a manifest"):
        go(plan)
    shop.storage.delete_tag(HOME, "multi")
    shop.image("harmless", "new")
    assert go(plan) == {one: "deleted"}
    assert shop.tags() == {"new"}


def test_what_came_and_leads_to_too_much_to_look_at_counts_as_needing_what_goes(
    shop: Shop, client: regnb.Client
) -> None:
    one = shop.image("one", "1")
    plan = plan_for(client, "1", semantics="delete-digest")
    deep = shop.index([one])
    shop.index([deep, *(digest_of(f"entry {number}".encode()) for number in range(1500))], "huge")
    shop.asked.clear()
    with pytest.raises(PlanOutdatedError, match=r"app:huge leads to more than 1,000 manifests"):
        go(plan)
    assert shop.deleted() == []
    assert shop.holds(one) == [True]
    assert len(shop.asked) < 10


def test_what_came_and_has_many_entries_that_are_not_there_needs_nothing(
    shop: Shop, client: regnb.Client
) -> None:
    one = shop.image("one", "1")
    plan = plan_for(client, "1", semantics="delete-digest")
    gone = [digest_of(f"entry {number}".encode()) for number in range(20)]
    shop.index([shop.index(gone), *gone], "new")
    assert go(plan) == {one: "deleted"}
    assert shop.tags() == {"new"}


def test_where_tags_are_not_taken_away_their_manifests_are_deleted_parents_first(
    shop: Shop, client: regnb.Client
) -> None:
    child = shop.image("child", "amd")
    top = shop.index([child], "1", "latest")
    plan = plan_for(client, "1", "latest", "amd")
    shop.untags_nothing()
    assert go(plan) == {top: "deleted", child: "deleted"}
    assert shop.deleted() == [top, child]
    assert shop.holds(top, child) == [False, False]


def test_where_that_would_take_more_nothing_is_deleted(shop: Shop, client: regnb.Client) -> None:
    child = shop.image("child", "amd")
    shop.index([child], "1")
    shop.image("two", "2", "latest")
    shop.image("three", "3")
    plan = plan_for(client, "amd", "2", "3")
    shop.untags_nothing()
    with pytest.raises(UntagUnsupportedError) as caught:
        go(plan)
    assert f"{HOME}:2, {HOME}:amd. Nothing" in str(caught.value)
    assert f"{HOME}:3" not in str(caught.value)
    assert "delete-digest" not in str(caught.value)
    assert "refuses to execute" in str(plan)
    assert shop.deleted() == []


@pytest.mark.parametrize("policy", ["oci", "distribution-2.8", "tagged-only"])
def test_an_entry_of_an_index_that_stays_is_not_deleted_in_place_of_its_tag(
    shop: Shop, client: regnb.Client, policy: str
) -> None:
    child = shop.image("child", "amd")
    shop.index([child], "1")
    plan = client.audit(configs=False).with_policy(policy).plan_delete(f"{HOME}:amd")
    shop.untags_nothing()
    with pytest.raises(UntagUnsupportedError, match="app:amd") as caught:
        go(plan)
    assert "delete-digest" not in str(caught.value)


def test_a_registry_that_takes_no_tags_away_refuses_to_lose_another_tag(
    shop: Shop, client: regnb.Client
) -> None:
    shop.image("one", "v3", "latest")
    plan = plan_for(client, "latest")
    shop.untags_nothing()
    with pytest.raises(UntagUnsupportedError, match="app:latest") as caught:
        go(plan)
    assert "delete-digest" not in str(caught.value)


def test_it_does_not_refuse_to_lose_a_tag_of_what_is_about_an_image_if_told_so(
    shop: Shop, client: regnb.Client
) -> None:
    sbom = shop.image("sbom", "sbom", subject=shop.image("one", "1"))
    plan = plan_for(client, "sbom")
    shop.untags_nothing()
    with pytest.raises(UntagUnsupportedError, match="semantics='delete-digest'"):
        go(plan)
    assert go(plan_for(client, "sbom", semantics="delete-digest")) == {sbom: "deleted"}


def test_a_policy_that_keeps_manifests_is_not_overruled(shop: Shop, client: regnb.Client) -> None:
    shop.image("one", "1")
    audit = client.audit(configs=False).with_policy("distribution-keep-untagged")
    plan = audit.plan_delete(f"{HOME}:1")
    shop.untags_nothing()
    with pytest.raises(UntagUnsupportedError, match="delete-digest"):
        go(plan)


def test_a_signature_goes_with_its_image_and_alone(shop: Shop, client: regnb.Client) -> None:
    one = shop.image("one", "1")
    tag = f"{one.replace(':', '-')}.sig"
    signature = shop.image("signature", tag)
    shop.untags_nothing()
    alone = client.audit(configs=False).plan_delete([f"{HOME}:{tag}"])
    assert go(alone) == {signature: "deleted"}
    signature = shop.image("signature", tag)
    assert go(plan_for(client, "1")) == {signature: "deleted", one: "deleted"}
    assert shop.deleted()[1:] == [signature, one]


def test_a_list_of_referrers_goes_first_and_does_not_come_back(
    shop: Shop, client: regnb.Client
) -> None:
    one = shop.image("one", "1")
    referrer = shop.image("sbom", "sbom", subject=one)
    listed = shop.index([referrer], one.replace(":", "-"))
    plan = plan_for(client, "1", "sbom", semantics="delete-digest")
    assert go(plan) == {listed: "deleted", referrer: "deleted", one: "deleted"}
    assert shop.deleted() == [listed, referrer, one]
    assert shop.tags() == set()


def test_what_fails_leaves_the_others_and_can_be_done_again(
    shop: Shop, client: regnb.Client
) -> None:
    for number in range(9):
        shop.image(f"image {number}", str(number))
    plan = plan_for(client, *map(str, range(9)))
    shop.refuses = lambda method, reference: (
        HTTPStatus.FORBIDDEN if (method, reference) == ("DELETE", "4") else None
    )
    with pytest.raises(DeletionError, match="1 deletion of 9 could not be done") as caught:
        go(plan)
    log = caught.value.log.set_index("reference")
    assert log["status"].value_counts().to_dict()["deleted"] == 8
    assert log.loc["4", "status"] == "failed"
    assert "403" in log.loc["4", "error"] or "not today" in log.loc["4", "error"]
    assert shop.tags() == {"4"}
    shop.refuses = lambda method, reference: None
    done = plan.log.set_index("reference")["deleted_at"].drop("4")
    assert set(go(plan).values()) == {"deleted"}
    assert plan.log.set_index("reference")["deleted_at"].drop("4").equals(done)
    assert shop.tags() == set()


def test_entries_of_an_index_that_could_not_be_deleted_are_left(
    shop: Shop, client: regnb.Client
) -> None:
    leaf = shop.image("leaf", "leaf")
    inner = shop.index([leaf], "inner")
    top = shop.index([inner], "top")
    other = shop.image("other", "other")
    plan = plan_for(client, "top", "inner", "leaf", "other", semantics="delete-digest")
    shop.refuses = lambda method, reference: (
        HTTPStatus.FORBIDDEN if (method, reference) == ("DELETE", top) else None
    )
    with pytest.raises(DeletionError, match="3 deletions of 4"):
        go(plan)
    status = plan.log.set_index("reference")["status"].to_dict()
    assert status == {top: "failed", inner: "skipped", leaf: "skipped", other: "deleted"}
    shop.refuses = lambda method, reference: None
    assert set(go(plan).values()) == {"deleted"}


def test_what_stands_in_the_way_of_all_is_raised_itself(shop: Shop, client: regnb.Client) -> None:
    for number in range(9):
        shop.image(f"image {number}", str(number))
    plan = plan_for(client, *map(str, range(9)), semantics="delete-digest")
    shop.refuses = lambda method, reference: (
        HTTPStatus.METHOD_NOT_ALLOWED if method == "DELETE" else None
    )
    with pytest.raises(DeletionDisabledError):
        go(plan)
    assert len(shop.deleted()) < 9
    assert shop.tags() == set(map(str, range(9)))


def test_who_may_not_delete_learns_it_first(shop: Shop, client: regnb.Client) -> None:
    shop.image("one", "1")
    plan = plan_for(client, "1")
    shop.refuses = lambda method, reference: HTTPStatus.FORBIDDEN if method == "DELETE" else None
    with pytest.raises(DeniedError):
        go(plan)
    assert plan.log.empty


def test_an_interrupt_keeps_the_log_and_the_next_call_goes_on(
    shop: Shop, client: regnb.Client
) -> None:
    for number in range(30):
        shop.image(f"image {number}", f"{number:02}")
    plan = plan_for(client, *(f"{number:02}" for number in range(30)))

    def interrupts(method: str, reference: str) -> None:
        if (method, reference) == ("DELETE", "11"):
            signal.raise_signal(signal.SIGINT)

    shop.refuses = interrupts
    with pytest.raises(KeyboardInterrupt):
        go(plan)
    begun = plan.log
    assert 0 < len(begun) <= 30
    assert set(begun["status"]) <= {"deleted", "unknown"}
    shop.refuses = lambda method, reference: None
    status = go(plan)
    assert len(status) == 30
    assert set(status.values()) <= {"deleted", "gone"}
    assert shop.tags() == set()


def test_an_audit_that_knows_no_registry_needs_a_client_of_the_same(
    shop: Shop, client: regnb.Client
) -> None:
    shop.image("one", "1")
    audit = client.audit(configs=False)
    alone = Audit(Seen(audit._levels.inventory))
    plan = alone.plan_delete(alone.tags)
    with pytest.raises(OtherRegistryError, match="client="):
        go(plan)
    with (
        serve(None) as another,
        regnb.connect(another.url) as wrong,
        pytest.raises(OtherRegistryError, match="connected to"),
    ):
        go(plan, client=wrong)
    assert go(plan, client=client) == {"1": "deleted"}


def test_a_plan_of_a_saved_audit_is_carried_out_by_a_client_of_the_same_registry(
    tmp_path: Path,
) -> None:
    with serve() as served, regnb.connect(served.url) as registry:
        audit = registry.audit(progress=False)
        audit.save(tmp_path / "audits")
        names = ["library/alpine:3.20", "library/python:3.12.6"]
        plan = regnb.load_audit(tmp_path / "audits").plan_delete(names)
        assert plan.to_frame().equals(audit.plan_delete(names).to_frame())
        assert plan.freed == audit.plan_delete(names).freed > 0
        with pytest.raises(OtherRegistryError, match="client="):
            go(plan)
        assert go(plan, client=registry) == {"3.20": "deleted", "3.12.6": "deleted"}
        assert plan.execute(confirm=2, client=registry).equals(plan.log)
        assert sorted(served.storage.tags("library/alpine")) == ["3.19", "3.20.3", "latest"]
        # Another load knows nothing of that, and finds the registry changed.
        again = regnb.load_audit(tmp_path / "audits").plan_delete(names)
        with pytest.raises(PlanOutdatedError, match=r"library/alpine:3\.20 is gone"):
            go(again, client=registry)


def test_another_view_of_an_audit_still_knows_its_registry(
    shop: Shop, client: regnb.Client
) -> None:
    shop.image("one", "1")
    audit = client.audit(configs=False).with_policy("tagged-only")
    assert go(audit.plan_delete(audit.tags)) == {"1": "deleted"}


def test_nothing_is_deleted_from_images_on_disk(client: regnb.Client, tmp_path: Path) -> None:
    with regnb.sample.connect() as sample:
        sample["library/alpine:3.19"].pull(tmp_path / "images", progress=False)
    with regnb.connect(f"oci:{tmp_path / 'images'}") as disk:
        plan = disk.audit().plan_delete(repositories="*")
        with pytest.raises(ReadOnlyError, match="images on disk"):
            go(plan)


def test_an_empty_plan_asks_nothing(shop: Shop, client: regnb.Client) -> None:
    shop.image("one", "1")
    plan = plan_for(client)
    shop.asked.clear()
    assert plan.execute(confirm=0).empty
    assert shop.asked == []
    with pytest.raises(OtherRegistryError):
        Building().audit().plan_delete([]).execute(confirm=0)
