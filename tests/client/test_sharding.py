from __future__ import annotations

import functools
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import regnb
from regnb import Audit, Client
from regnb.client import sharding, shards
from regnb.client.shards import Shard, crawl_shard
from regnb.core.registry import Registry
from regnb.errors import (
    AuthenticationRequiredError,
    CredentialError,
    DiskFullError,
    MissingExtraError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    StorageError,
    UnreachableError,
    WorkerError,
)
from regnb.frames.audit_schemas import AUDIT_TABLES
from regnb.sample import Served, serve
from regnb.walk.failures import Failure

TIMES = {"snapshot_id", "started_at", "finished_at", "observed_at"}


def assert_equal(found: Audit, expected: Audit) -> None:
    """Equal but for times, and the id of the snapshot (F13)."""
    for schema in AUDIT_TABLES:
        frames = [getattr(audit, schema.name) for audit in (found, expected)]
        frames = [frame.drop(columns=TIMES & set(frame.columns)) for frame in frames]
        pd.testing.assert_frame_equal(*frames)
    for level in ("registry", "repository", "tag"):
        pd.testing.assert_frame_equal(found.usage(level), expected.usage(level))


class Workers(ThreadPoolExecutor):
    """One thread that does one shard after the other, and writes down which.

    Attributes:
        begun: the repositories of the shards that were begun, in order.
        fail: called with those before a shard is walked; what it raises ends the shard.
    """

    def __init__(self, fail: Callable[[tuple[str, ...]], object] = lambda names: None) -> None:
        super().__init__(1)
        self.begun: list[tuple[str, ...]] = []
        self.fail = fail

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        def do(shard: Shard) -> str:
            names = shard.scope.names or ()
            self.begun.append(names)
            self.fail(names)
            return str(work(shard))

        return super().submit(do, *args, **options)

    @property
    def names(self) -> list[str]:
        return sorted(name for names in self.begun for name in names)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make five shards of the repositories of the sample registry."""
    monkeypatch.setattr(sharding, "SMALLEST", 3)


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers() as pool:
        yield pool


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    with serve() as registry:
        yield registry


@pytest.fixture
def reg(served: Served) -> Iterator[Client]:
    with regnb.connect(served.url) as client:
        yield client


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_audit_by_workers_equals_that_of_one_process(
    reg: Client, tmp_path: Path, pool: type[Executor]
) -> None:
    expected = reg.audit()
    with pool(2) as executor:  # type: ignore[call-arg]
        audit = reg.audit(executor=executor, folder=tmp_path / "audits")
    assert_equal(audit, expected)
    assert len(audit.errors) == 1
    pd.testing.assert_frame_equal(regnb.load_audit(tmp_path / "audits").tags, audit.tags)
    assert sorted(os.listdir(tmp_path / "audits")) == [".lock", "content", "snapshots"]


def test_globs_tags_and_choices_go_to_the_workers(
    reg: Client, tmp_path: Path, workers: Workers
) -> None:
    wanted: dict[str, Any] = {"tags": ["latest", "1.*"], "configs": False, "referrers": False}
    audit = reg.audit("team/*", executor=workers, folder=tmp_path, **wanted)
    assert_equal(audit, reg.audit("team/*", **wanted))
    assert len(audit.tags) > 1
    assert len(audit.configs) == 0
    assert audit.snapshot["scope"].item() == 'repositories: ["team/*"]; tags: ["1.*", "latest"]'
    some = reg.audit(["team/api", "team/web"], executor=workers, folder=tmp_path)
    assert_equal(some, reg.audit(["team/api", "team/web"]))


def test_workers_ask_layers_for_their_uncompressed_sizes_and_each_is_kept_once(
    reg: Client, tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = reg.audit(uncompressed=True)
    assert (expected.blobs["uncompressed_source"] == "isize").any()
    regnb.cache.clear()
    monkeypatch.setenv("REGNB_CACHE", "off")  # or the shards would share what layers told
    audit = reg.audit(uncompressed=True, executor=workers, folder=tmp_path)
    assert len(workers.begun) > 1
    assert_equal(audit, expected)
    (part,) = tmp_path.glob("snapshots/*/uncompressed_sizes/*.parquet")
    kept = pd.read_parquet(part)
    assert kept["digest"].is_unique
    assert len(kept) == (expected.blobs["uncompressed_source"] == "isize").sum()
    assert_equal(regnb.load_audit(tmp_path), audit)


def test_a_registry_without_repositories_is_an_empty_audit(
    home: Path, tmp_path: Path, workers: Workers
) -> None:
    with serve(fill=None) as empty, regnb.connect(empty.url) as client:
        audit = client.audit(executor=workers, folder=tmp_path)
    assert audit.complete
    assert len(audit.repositories) == 0
    assert len(regnb.list_audits(tmp_path)) == 1
    assert workers.begun == []


def test_the_largest_repositories_of_the_last_audit_come_first(
    reg: Client, tmp_path: Path, workers: Workers
) -> None:
    known = reg.audit(executor=workers, folder=tmp_path).repositories
    reg.audit(executor=workers, folder=tmp_path)
    tags = known.set_index("repository")["listed_tag_count"].fillna(0)
    assert tags.idxmax() not in workers.begun[0]  # the first audit knows no sizes
    again = [sum(tags[name] + 1 for name in names) for names in workers.begun[5:]]
    assert again == sorted(again, reverse=True)
    assert len(again) == 5


def test_many_repositories_are_dealt_evenly() -> None:
    names = [f"r{number:05}" for number in range(20_000)]
    counts = {"r00007": 30_000, "r00008": 500}
    hands = list(sharding._dealt(names, counts))
    assert sorted(name for hand in hands for name in hand) == names
    assert "r00007" in hands[0]
    assert max(len(hand) for hand in hands) <= sharding.LARGEST
    assert len(hands) == 80
    assert [len(hand) for hand in sharding._dealt(names[:7], {})] == [3, 2, 2]
    assert list(sharding._dealt([], {})) == []
    assert list(sharding._dealt("abcdef", {"f": 4})) == [tuple("abcde"), ("f",)]


def test_a_worker_that_fails_is_tried_once_more(reg: Client, tmp_path: Path) -> None:
    failed = set()

    def fail(names: tuple[str, ...]) -> None:
        if names not in failed:
            failed.add(names)
            raise RuntimeError("a hiccup")

    with Workers(fail) as workers:
        audit = reg.audit(executor=workers, folder=tmp_path)
    assert_equal(audit, reg.audit())
    assert len(workers.begun) == 10


def test_what_workers_cannot_read_are_rows_and_the_next_audit_reads_only_that(
    reg: Client, tmp_path: Path
) -> None:
    def fail(names: tuple[str, ...]) -> None:
        if "team/api" in names:
            raise RuntimeError("out of memory\x1b")

    with Workers(fail) as workers:
        audit = reg.audit(executor=workers, folder=tmp_path)
    (lost,) = {names for names in workers.begun if "team/api" in names}
    row = audit.errors.set_index("repository").loc["team/api"]
    assert row["code"] == "WorkerError"
    assert row["message"] == "A worker failed: RuntimeError: out of memory"
    assert not audit.complete
    assert audit.snapshot["stopped"].item() == "1 shard failed"
    status = audit.repositories.set_index("repository")["tags_status"]
    assert (status[list(lost)] == "error").all()
    assert (status.drop(list(lost)) != "error").all()
    pd.testing.assert_frame_equal(regnb.load_audit(tmp_path).errors, audit.errors)
    with Workers() as workers:
        again = reg.audit(executor=workers, folder=tmp_path)
    assert workers.begun == [lost]
    assert_equal(again, reg.audit())
    assert again.started_at < audit.finished_at
    assert regnb.list_audits(tmp_path)["finished"].tolist() == [False, True]
    assert not (tmp_path / "shards").exists()


@pytest.mark.parametrize(
    ("error", "answers", "begun"),
    [
        (UnreachableError("no more"), False, {3, 4}),  # 4 began before 3 was seen to have failed
        (UnreachableError("no more"), True, {5 + 3}),  # only a worker does not reach it: again
        (RateLimitedError("no more", status=429), True, {3, 4}),
    ],
)
def test_no_shard_is_begun_once_the_registry_takes_no_more_requests(
    served: Served, tmp_path: Path, *, error: RegistryError, answers: bool, begun: set[int]
) -> None:
    def fail(names: tuple[str, ...]) -> None:
        if names not in pool.begun[:2]:
            threading.Event().wait(0.3)
            raise error

    with regnb.connect(served.url) as reg, Workers(fail) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Registry, "answers", lambda registry: answers)
            audit = reg.audit(executor=pool, folder=tmp_path)
        done = {name for names in pool.begun[:2] for name in names}
        lost = audit.errors[audit.errors["message"] == "no more"]
        assert audit.snapshot["stopped"].item() == "3 shards failed"
        assert set(lost["repository"]) == set(audit.repositories["repository"]) - done
        again = reg.audit(executor=ThreadPoolExecutor(1), folder=tmp_path)
        assert_equal(again, reg.audit())
    assert len(pool.begun) in begun


def test_workers_that_all_fail_are_an_error(reg: Client, tmp_path: Path) -> None:
    def fail(names: tuple[str, ...]) -> None:
        raise RegistryUnavailableError("it is down", status=503)

    with Workers(fail) as workers, pytest.raises(RegistryUnavailableError, match="it is down"):
        reg.audit(executor=workers, folder=tmp_path)
    with pytest.raises(WorkerError, match="cannot schedule new futures"):
        reg.audit(executor=workers, folder=tmp_path)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Workers of which the third shard sees Ctrl-C, as the main thread does."""

    def fail(names: tuple[str, ...]) -> None:
        if len(workers.begun) == 3:
            stop.set()
            threading.Event().wait(0.3)

    def wait(*arguments: Any) -> Any:
        if stop.is_set():
            raise KeyboardInterrupt
        return now(*arguments)

    stop, now = threading.Event(), futures.wait
    workers = Workers(fail)
    monkeypatch.setattr(sharding, "wait", wait)
    return workers


def test_ctrl_c_cancels_what_has_not_begun_and_the_next_audit_goes_on(
    reg: Client, tmp_path: Path, interrupted: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with interrupted, pytest.raises(KeyboardInterrupt):
        reg.audit(executor=interrupted, folder=tmp_path)
    assert len(interrupted.begun) == 3  # the third came to its end when the pool was closed
    assert len(regnb.list_audits(tmp_path)) == 0
    monkeypatch.undo()
    with Workers() as workers:
        audit = reg.audit(executor=workers, folder=tmp_path)
    assert_equal(audit, reg.audit())
    assert not set(workers.names) & set(interrupted.names)


def test_in_a_notebook_ctrl_c_gives_what_was_read(
    reg: Client, tmp_path: Path, interrupted: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "in_kernel", lambda: True)
    with interrupted:
        audit = reg.audit(executor=interrupted, folder=tmp_path)
    assert not audit.complete
    assert audit.snapshot["stopped"].item() == "interrupted"
    assert set(audit.repositories["repository"]) <= set(interrupted.names)
    assert len(audit.repositories) >= 1


@pytest.mark.parametrize("stale", ["resume=False", "too old", "another scope"])
def test_what_is_of_no_use_any_more_is_read_anew(
    reg: Client,
    tmp_path: Path,
    interrupted: Workers,
    monkeypatch: pytest.MonkeyPatch,
    stale: str,
) -> None:
    with interrupted, pytest.raises(KeyboardInterrupt):
        reg.audit(executor=interrupted, folder=tmp_path)
    monkeypatch.undo()
    if stale == "too old":
        monkeypatch.setattr(sharding, "FRESH", timedelta(0))
    choices: dict[str, Any] = {"configs": False} if stale == "another scope" else {}
    choices |= {"resume": False} if stale == "resume=False" else {}
    with Workers() as workers:
        audit = reg.audit(executor=workers, folder=tmp_path, **choices)
    assert workers.names == sorted(audit.repositories["repository"])


def test_parts_that_overlap_are_not_counted_twice(
    reg: Client, tmp_path: Path, interrupted: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that an interrupt did not reach may write what the next call reads as well."""
    with interrupted, pytest.raises(KeyboardInterrupt):
        reg.audit(executor=interrupted, folder=tmp_path)
    monkeypatch.undo()
    (place,) = (tmp_path / "shards").iterdir()
    part = next(path for path in place.iterdir() if path.is_dir())
    (place / "twice").symlink_to(part)
    (place / "half").mkdir()
    with Workers() as workers:
        assert_equal(reg.audit(executor=workers, folder=tmp_path), reg.audit())


def test_two_calls_for_one_audit_do_not_spoil_each_other(reg: Client, tmp_path: Path) -> None:
    refused: list[StorageError] = []

    def call(names: tuple[str, ...]) -> None:
        with Workers() as others, pytest.raises(StorageError, match="in use by another") as caught:
            reg.audit(executor=others, folder=tmp_path)
        refused.append(caught.value)

    with Workers(call) as workers:
        assert_equal(reg.audit(executor=workers, folder=tmp_path), reg.audit())
    assert refused


def test_a_folder_that_workers_do_not_share_is_an_error_that_says_so(
    reg: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(shard: Shard) -> str:
        return str(tmp_path / "of another machine")

    monkeypatch.setattr(sharding, "crawl_shard", elsewhere)
    with Workers() as workers, pytest.raises(WorkerError, match="a folder that all workers share"):
        reg.audit(executor=workers, folder=tmp_path)


def test_a_worker_that_comes_late_writes_nothing(reg: Client, tmp_path: Path) -> None:
    late: list[Shard] = []

    class Keeping(Workers):
        def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
            late.extend(args)
            return super().submit(work, *args, **options)

    with Keeping() as workers:
        reg.audit(executor=workers, folder=tmp_path)
    with pytest.raises(WorkerError, match="the audit is over"):
        crawl_shard(late[0])
    assert not (tmp_path / "shards").exists()


def dies(shard: Shard) -> str:
    if "team/api" in (shard.scope.names or ()):
        os._exit(1)
    return crawl_shard(shard)


def test_a_process_that_dies_costs_no_audit(
    reg: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, ProcessPoolExecutor(1) as pool:
        patched.setattr(sharding, "crawl_shard", dies)
        audit = reg.audit(executor=pool, folder=tmp_path)
    assert not audit.complete
    assert "team/api" in set(audit.errors["repository"])
    assert "BrokenProcessPool" in audit.errors["message"].str.cat()
    with ProcessPoolExecutor(1) as pool:
        assert_equal(reg.audit(executor=pool, folder=tmp_path), reg.audit())


def password() -> tuple[str, str]:
    """What workers import."""
    return "alice", "secret of the tests"


@pytest.fixture
def guarded(home: Path) -> Iterator[Served]:
    with serve(users=dict([password()]), token_lifetime=300) as registry:
        yield registry


def test_workers_find_credentials_where_they_run(
    guarded: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, secret = password()
    monkeypatch.setenv("REGNB_REGISTRY", guarded.url.removeprefix("http://"))
    monkeypatch.setenv("REGNB_USERNAME", user)
    monkeypatch.setenv("REGNB_PASSWORD", secret)
    with regnb.connect(guarded.url) as client, ProcessPoolExecutor(1) as pool:
        assert_equal(client.audit(executor=pool, folder=tmp_path), client.audit())


def test_workers_import_the_function_that_gives_credentials(
    guarded: Served, tmp_path: Path
) -> None:
    client = regnb.connect(guarded.url, credentials=password)
    with client, ProcessPoolExecutor(1) as pool:
        assert_equal(client.audit(executor=pool, folder=tmp_path), client.audit())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"username": "alice", "password": "secret of the tests"}, "not passed on to workers"),
        ({"credentials": lambda: ("alice", "secret of the tests")}, "is no function of a module"),
        (
            {"credentials": functools.partial(print, "secret of the tests")},
            "partial is no function",
        ),
    ],
    ids=["a password", "a function without a name", "a function that holds one (S16)"],
)
def test_credentials_that_workers_cannot_have_are_an_error_before_the_first_request(
    tmp_path: Path, workers: Workers, options: dict[str, Any], why: str
) -> None:
    nowhere = regnb.connect("127.0.0.1:9", **options)
    with pytest.raises(CredentialError, match=why) as caught:
        nowhere.audit(executor=workers, folder=tmp_path)
    assert "REGNB_PASSWORD" in str(caught.value)
    assert "secret of the tests" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_login_of_this_process_is_for_its_threads_alone(
    guarded: Served, tmp_path: Path, workers: Workers
) -> None:
    with regnb.connect(guarded.url) as client:
        regnb.login(client, *password())
        assert_equal(client.audit(executor=workers, folder=tmp_path), client.audit())
        with (
            ProcessPoolExecutor(1) as pool,
            pytest.raises(CredentialError, match="stays in this process"),
        ):
            client.audit(executor=pool, folder=tmp_path)
        regnb.logout(client)


def test_workers_without_credentials_are_an_error(
    guarded: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_imported", lambda path: lambda: None)
    monkeypatch.setattr(shards, "_path_of", lambda function: "nobody:at_all")
    client = regnb.connect(guarded.url, credentials=password)
    with client, Workers() as pool, pytest.raises(AuthenticationRequiredError):
        client.audit(executor=pool, folder=tmp_path)


def test_what_a_worker_is_told_holds_options_and_no_secret(tmp_path: Path) -> None:
    client = regnb.connect("127.0.0.1:9", credentials=password, ca="ca.pem")
    core: Any = client.core
    target = shards.Target.of(core, same_process=False)
    told = pickle.dumps(target)
    assert b"secret of the tests" not in told
    assert b"alice" not in told
    assert target.provider == f"{__name__}:password"
    assert target.ca == os.path.abspath("ca.pem")
    again = pickle.loads(told).registry()
    assert (again.url, again.name, again.tls.ca) == (core.url, core.name, target.ca)
    assert again.provider is password


def test_half_of_the_arguments_or_budgets_are_refused(
    reg: Client, tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="executor and folder together"):
        reg.audit(executor=workers)
    with pytest.raises(ValueError, match="executor and folder together"):
        reg.audit(folder=tmp_path)
    with pytest.raises(ValueError, match="share no budget"):
        reg.audit(executor=workers, folder=tmp_path, max_requests=5)
    with pytest.raises(ValueError, match="is on disk"):
        regnb.connect("oci:images").audit(executor=workers, folder=tmp_path)
    monkeypatch.setattr("regnb.audit.parquet.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install"):
        reg.audit(executor=workers, folder=tmp_path)


def test_a_disk_that_is_full_at_the_end_takes_no_part_along(
    reg: Client, tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(audit: Audit, folder: Path) -> None:
        raise DiskFullError("no space is left")

    with monkeypatch.context() as patched:
        patched.setattr(Audit, "save", full)
        with pytest.raises(DiskFullError):
            reg.audit(executor=workers, folder=tmp_path)
    walked = len(workers.begun)
    again = reg.audit(executor=workers, folder=tmp_path)
    assert len(workers.begun) == walked == 5
    assert_equal(again, reg.audit())
    assert not (tmp_path / sharding.FOLDER).exists()


def test_a_part_with_what_may_be_read_later_is_walked_again(
    reg: Client, tmp_path: Path, interrupted: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with interrupted, pytest.raises(KeyboardInterrupt):
        reg.audit(executor=interrupted, folder=tmp_path)
    monkeypatch.undo()
    later = Failure(datetime.now(UTC), "tags", repository="x", retriable=True)
    monkeypatch.setattr(sharding, "failures_of", lambda folder, part: [later])
    with Workers() as workers:
        assert_equal(reg.audit(executor=workers, folder=tmp_path), reg.audit())
    assert len(workers.names) == 15  # all of them
