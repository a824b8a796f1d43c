from __future__ import annotations

import errno
import inspect
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

import regnb
from regnb.audit.audit import Audit
from regnb.audit.keeping import content, forms, parts, snapshots
from regnb.errors import (
    AuditUnknownError,
    DiskFullError,
    InvalidDocumentError,
    MissingExtraError,
    NewerAuditError,
    SavedAuditError,
    SavedAuditWarning,
)
from regnb.frames.audit_schemas import AUDIT_TABLES
from regnb.model import media_types
from regnb.model.descriptor import ATTESTATION, REFERENCE_TYPE, Descriptor
from regnb.model.digest import Digest
from regnb.model.image_config import HistoryEntry, ImageConfig
from regnb.model.platform import Platform
from regnb.store import atomic
from regnb.walk.inventory import BY_ISIZE, BY_ZSTD_HEADER, Inventory
from tests.audit import test_examples
from tests.audit.building import FOREIGN, Building, blob, config, digest, image, index
from tests.audit.reference import Shelves
from tests.audit.test_usage import audit_of, shelves

IMAGE = image("M", 500, config("c1", 100), blob("A", 1000), blob("B", 300))
OTHER = image("N", 510, config("c2", 110), blob("A", 1000), blob("F", 7, FOREIGN))
WINDOWS = Platform("windows", "amd64", os_version="10.0.1", os_features=("win32k",))
LEVELS = ("registry", "repository", "tag")


class Clock:
    """Moves on by a second whenever it is looked at."""

    def __init__(self, start: datetime) -> None:
        self.now = int(start.timestamp() * 1e6)

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def entry(name: str, platform: Platform | None = None, **annotations: str) -> Descriptor:
    return Descriptor(
        media_types.OCI_MANIFEST, digest(name), 500, annotations=annotations, platform=platform
    )


def company(month: int = 1, registry: str = "registry.example") -> Building:
    """A bit of everything that an inventory can hold."""
    building = Building()
    clock = Clock(datetime(2026, month, 1, tzinfo=UTC))
    building.inventory = seen = Inventory(registry, url=f"https://{registry}", now=clock)
    seen.scope = "repositories team/*"
    attestation = image("att", 400, config("c-att", 90), blob("statement", 10))
    about = replace(image("sig", 450, config("c3", 2), blob("P", 20)), subject=IMAGE.descriptor)
    urls = replace(blob("U", 5), urls=("https://elsewhere.example/",), data=b"12345")
    doubtful = image("D", 600, config("c1", 100), urls, replace(urls, digest=digest("V")))
    top = index("I", 700, entry("M", WINDOWS), entry("att", None, **{REFERENCE_TYPE: ATTESTATION}),
                entry("gone", Platform("linux", "arm", "v7")))  # fmt: skip
    building.tag("team/app", f"v1.{month}.0", replace(top, annotations={"b": "2", "a": "\u00e9"}))
    building.hold("team/app", IMAGE, attestation, about)
    building.lack("team/app", top, digest("gone"))
    building.tag("team/app", f"sha256-{'0' * 64}", IMAGE)
    building.tag("base", "latest", OTHER)
    building.tag("base", "urls", doubtful)
    building.tag("base", "lie", image("lie", 9, config("c1", 7), blob("A", 1001)))
    seen.sizes.append(seen.digests.code(digest("A")), 999)
    seen.uncompressed.append(seen.digests.code(digest("A")), 2**32 - 1, BY_ISIZE)
    seen.uncompressed.append(seen.digests.code(digest("B")), 0, BY_ZSTD_HEADER)
    seen.mark_foreign(seen.digests.code(digest("U")))
    seen.mark_foreign(seen.digests.code(digest("V")))
    seen.mark_here(seen.digests.code(digest("V")))
    seen.add_lost_tag("base", "broken", "half a pair: \ud800")
    seen.add_listing("closed", "denied", -1)
    seen.add_failure(InvalidDocumentError("no list"), stage="tags", repository="closed")
    seen.add_referrer(
        "team/app", IMAGE.digest, about.digest, artifact_type=None, size=450, source="api"
    )
    for name, platform in (("c1", WINDOWS), ("c2", Platform("linux", "arm64", "v8"))):
        steps = (
            HistoryEntry(created_by="RUN make"),
            HistoryEntry(comment="none", empty_layer=True),
        )
        seen.add_config(
            ImageConfig(bytes(100), digest(name), platform, created=datetime(1, 1, 1, tzinfo=UTC),
                        labels={"owner": name}, history=steps, diff_ids=(digest(f"d-{name}"),))
        )  # fmt: skip
    return building


def assert_same(found: Audit, expected: Audit) -> None:
    for schema in AUDIT_TABLES:
        pd.testing.assert_frame_equal(getattr(found, schema.name), getattr(expected, schema.name))
    for level in LEVELS:
        pd.testing.assert_frame_equal(found.usage(level), expected.usage(level))
    assert found.policy == expected.policy
    assert found.complete == expected.complete
    assert found.card() == expected.card()


def assert_kept(found: Audit, expected: Audit) -> None:
    """The rows that a file could have lost."""
    for name in ("snapshot", "tags", "repository_manifests", "references", "history", "errors"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_every_table_and_answer_of_a_loaded_audit_is_as_it_was(tmp_path: Path) -> None:
    audit = company().audit()
    audit.save(tmp_path / "audits")
    loaded = regnb.load_audit(tmp_path / "audits")
    assert_same(loaded, audit)
    assert len(loaded.errors) == 2
    assert len(loaded.history) == 4


def test_an_audit_that_was_saved_before_layers_told_their_sizes_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    building = company()
    building.inventory.uncompressed = Inventory("registry.example").uncompressed
    audit = building.audit()
    with monkeypatch.context() as before:
        before.setattr(snapshots, "OF_SNAPSHOT", forms.OF_SNAPSHOT[:-1])
        audit.save(tmp_path)
    assert forms.OF_SNAPSHOT[-1] is forms.UNCOMPRESSED
    assert not list(tmp_path.rglob("uncompressed_sizes"))
    assert_same(regnb.load_audit(tmp_path), audit)


def test_the_sample_registry_is_as_it_was(tmp_path: Path, home: Path) -> None:
    with regnb.sample.connect() as reg:
        audit = reg.audit(progress=False)
    audit.save(tmp_path / "audits")
    assert_same(regnb.load_audit(tmp_path / "audits"), audit)


@settings(max_examples=10)
@given(shelves())
def test_registries_of_any_shape_are_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, shelves: Shelves
) -> None:
    folder = tmp_path_factory.mktemp("audits")
    audit = audit_of(shelves)
    audit.save(folder)
    assert_same(regnb.load_audit(folder), audit)


def test_an_empty_audit_is_as_it_was(tmp_path: Path) -> None:
    audit = Building().audit()
    audit.save(tmp_path)
    assert_same(regnb.load_audit(tmp_path), audit)


EXAMPLES = [
    test
    for name, test in vars(test_examples).items()
    if name.startswith("test_e") and not inspect.signature(test).parameters
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_worked_examples_hold_for_audits_that_were_saved_and_loaded(
    example: Callable[[], None],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audit_now = Building.audit
    loaded = []

    def audit(building: Building) -> Audit:
        folder = tmp_path_factory.mktemp("audits")
        audit_now(building).save(folder)
        loaded.append(regnb.load_audit(folder))
        return loaded[-1]

    monkeypatch.setattr(Building, "audit", audit)
    example()
    assert loaded


def test_every_column_of_an_inventory_is_kept() -> None:
    tables = [*forms.OF_SNAPSHOT, *(table for group in forms.OF_CONTENT for table in group)]
    kept = {table.rows: {cell.source for cell in table.cells} for table in tables}
    kept["documents"] |= {"first_edge", "edge_count"}  # as the edges come
    kept["edges"] |= {"foreign"}  # a flag: part of it is content, part of it is this registry's
    inventory = Inventory("registry.example")
    rows = {name: set(value.columns) for name, value in vars(inventory).items() if _is_rows(value)}
    assert kept == rows


def _is_rows(value: object) -> bool:
    return hasattr(value, "columns")


def test_the_policy_is_kept(tmp_path: Path) -> None:
    audit = company().audit().with_policy("tagged-only")
    audit.save(tmp_path)
    assert_same(regnb.load_audit(tmp_path), audit)


def test_saving_the_same_audit_twice_changes_nothing(tmp_path: Path) -> None:
    company().audit().save(tmp_path)
    before = files_of(tmp_path)
    company().audit().save(tmp_path)
    regnb.load_audit(tmp_path).save(tmp_path)
    assert files_of(tmp_path) == before


def test_a_loaded_audit_can_be_saved_elsewhere(tmp_path: Path) -> None:
    company().audit().save(tmp_path / "a")
    regnb.load_audit(tmp_path / "a").save(tmp_path / "b")
    assert_same(regnb.load_audit(tmp_path / "b"), company().audit())


def test_months_and_registries_lie_side_by_side_and_share_what_documents_say(
    tmp_path: Path,
) -> None:
    january = company().audit()
    january.save(tmp_path)
    before = files_of(tmp_path)
    building = company(2)
    building.tag("team/app", "new", image("new", 520, config("c1", 100), blob("Z", 3)))
    february, elsewhere = building.audit(), company(2, "other.example").audit()
    february.save(tmp_path)
    elsewhere.save(tmp_path)
    after = files_of(tmp_path)
    assert before.items() <= after.items()
    manifests = ds.dataset(tmp_path / "content" / "manifests").to_table().to_pandas()
    assert manifests["digest"].is_unique
    assert len(manifests) == len(february.manifests)
    new = [name for name in after if name.startswith("content/") and name not in before]
    assert sorted(Path(name).parent.name for name in new) == ["manifests", "references"]
    assert_same(regnb.load_audit(tmp_path, "registry.example"), february)
    assert_same(regnb.load_audit(tmp_path, "other.example"), elsewhere)
    assert_same(regnb.load_audit(tmp_path, at="2026-01"), january)


def test_what_another_audit_has_read_is_not_shown(tmp_path: Path) -> None:
    everything = company()
    everything.audit().save(tmp_path)
    bare = Building()
    bare.inventory = Inventory("registry.example", now=Clock(datetime(2026, 2, 1, tzinfo=UTC)))
    bare.tag("base", "latest", OTHER)
    audit = bare.audit()
    audit.save(tmp_path)
    loaded = regnb.load_audit(tmp_path)
    assert_same(loaded, audit)
    assert len(loaded.configs) == 0
    assert len(loaded.blobs) == len(audit.blobs)


def test_an_audit_that_goes_on_with_another_is_one_of_its_own(tmp_path: Path) -> None:
    building = company()
    stopped = building.audit()
    stopped.save(tmp_path)
    building.tag("team/app", "more", OTHER)
    finished = building.audit()
    assert finished.started_at == stopped.started_at
    finished.save(tmp_path)
    assert len(regnb.list_audits(tmp_path)) == 2
    assert_kept(regnb.load_audit(tmp_path), finished)


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (None, 3), ("2026", 3), ("2026-02", 2), ("2026-02-01", 2), ("2026-01-31 23:59", 1),
        (datetime(2026, 2, 1, 0, 0, 2, tzinfo=UTC), 2), (datetime(2026, 2, 1), 1),
    ],
)  # fmt: skip
def test_the_newest_audit_by_a_time_is_the_one_that_is_meant(
    tmp_path: Path, at: str | datetime | None, month: int
) -> None:
    for number in (2, 1, 3):
        company(number).audit().save(tmp_path)
    listed = regnb.list_audits(tmp_path)
    assert listed["started_at"].dt.month.tolist() == [1, 2, 3]
    assert regnb.load_audit(tmp_path, at=at).started_at.month == month
    name = str(listed["snapshot_id"][1])
    assert regnb.load_audit(tmp_path, at=name).started_at.month == 2


def test_an_audit_that_is_not_there_is_an_error_that_says_which_are(tmp_path: Path) -> None:
    with pytest.raises(AuditUnknownError, match="none at all"):
        regnb.load_audit(tmp_path)
    assert len(regnb.list_audits(tmp_path)) == 0
    for call in (regnb.load_audit, regnb.list_audits):
        with pytest.raises(AuditUnknownError, match="is no folder"):
            call(tmp_path / "nothing")
    company().audit().save(tmp_path)
    for wanted in ({"registry": "other"}, {"at": "2025"}):
        with pytest.raises(AuditUnknownError, match=r"registry\.example at 2026-01-01 00:00:01"):
            regnb.load_audit(tmp_path, **wanted)
    with pytest.raises(ValueError, match="yesterday"):
        regnb.load_audit(tmp_path, at="yesterday")


def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts so small that there are several of everything."""
    monkeypatch.setattr(content, "BATCH", 2)
    monkeypatch.setattr(snapshots, "PART_ROWS", 2)


def test_many_parts_are_one_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces(monkeypatch)
    company().audit().save(tmp_path)
    assert len(list((tmp_path / "content" / "references").iterdir())) == 4
    assert len(list((tmp_path / "snapshots").glob("*/tags/*"))) == 3
    assert_same(regnb.load_audit(tmp_path), company().audit())


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The folder as a process leaves it that is killed before each of its writes."""
    found: list[Path] = []
    audits = tmp_path / "audits"

    def write(path: Path, data: bytes) -> None:
        if path.is_relative_to(audits):
            stage = tmp_path / f"stage {len(found)}"
            shutil.copytree(audits, stage)
            (stage / path.relative_to(audits).parent / ".0123.tmp").write_bytes(b"half")
            found.append(stage)
        atomic.write_atomically(path, data)

    company(1).audit().save(tmp_path / "audits")
    with monkeypatch.context() as patched:
        patched.setattr(parts, "write_atomically", write)
        yield found


def test_a_save_that_is_killed_leaves_what_was_there_and_can_be_made_again(
    tmp_path: Path, stages: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces(monkeypatch)
    building = company(2)
    for name in ("n1", "n2", "n3"):
        new = image(name, 520, config(f"c-{name}", 9), blob(f"l-{name}", 3))
        building.tag("team/app", name, new)
        building.inventory.add_config(ImageConfig(bytes(9), digest(f"c-{name}"), WINDOWS))
    second = building.audit()
    second.save(tmp_path / "audits")
    monkeypatch.undo()
    assert len(stages) > 15
    first = company(1).audit()
    for stage in stages:
        assert_kept(regnb.load_audit(stage), first)
        second.save(stage)
        assert_kept(regnb.load_audit(stage), second)
        assert_kept(regnb.load_audit(stage, at="2026-01"), first)
        assert not list(stage.rglob("*.tmp"))
        assert not (stage / "unfinished").exists()
        digests = ds.dataset(stage / "content" / "manifests").to_table()["digest"].to_pylist()
        assert len(digests) == len(set(digests)) == len(second.manifests)
        owners = ds.dataset(stage / "content" / "references").to_table().to_pandas()
        assert not owners.duplicated(["manifest_digest", "kind", "position"]).any()


@pytest.mark.parametrize("number", range(14))
def test_a_full_disk_is_a_typed_error_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    company(1).audit().save(tmp_path)
    building = company(2)
    building.tag("team/app", "new", image("new", 520, config("c9", 100), blob("Z", 3)))
    building.inventory.add_config(ImageConfig(bytes(100), digest("c9"), WINDOWS))
    second, left = building.audit(), [number]
    write = atomic._write

    def full(path: Path, data: bytes, mode: int) -> None:
        if not left[0]:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "full")
        left[0] -= 1
        write(path, data, mode)

    monkeypatch.setattr(atomic, "_write", full)
    with pytest.raises(DiskFullError, match=r"part-.* cannot be written: no space is left"):
        second.save(tmp_path)
    monkeypatch.undo()
    assert_kept(regnb.load_audit(tmp_path), company(1).audit())
    second.save(tmp_path)
    assert_kept(regnb.load_audit(tmp_path), second)


def test_a_newer_file_is_an_error_that_says_to_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company(1).audit().save(tmp_path)
    with monkeypatch.context() as newer:
        newer.setattr(parts, "VERSION", forms.VERSION + 1)
        company(2).audit().save(tmp_path)
    with pytest.raises(NewerAuditError, match=r"2026-?02.*pip install --upgrade regnb"):
        regnb.load_audit(tmp_path)
    with pytest.warns(SavedAuditWarning, match="pip install --upgrade regnb"):
        (name,) = regnb.list_audits(tmp_path)["snapshot_id"]
    assert_kept(regnb.load_audit(tmp_path, at=name), company(1).audit())
    before = files_of(tmp_path)
    with pytest.raises(NewerAuditError, match="pip install --upgrade regnb"):
        company(2).audit().save(tmp_path)
    assert files_of(tmp_path) == before


def test_a_missing_file_is_named_and_saving_again_heals(tmp_path: Path) -> None:
    audit = company().audit()
    audit.save(tmp_path)
    parquet = [name for name in files_of(tmp_path) if name.endswith(".parquet")]
    assert len(parquet) == 15
    for name in parquet:
        folder = tmp_path / "whole"
        audit.save(folder)
        (folder / name).unlink()
        shown = re.escape(re.sub(r"(?<=/snapshot/)part-.*", "part-*.parquet", name))
        with pytest.raises(SavedAuditError, match=f"{shown} is missing"):
            regnb.load_audit(folder)
        audit.save(folder)
        assert_kept(regnb.load_audit(folder), audit)
        shutil.rmtree(folder)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    company().audit().save(tmp_path)
    files = {name: data for name, data in files_of(tmp_path).items() if name != ".lock"}
    for name, data in files.items():
        for place in range(0, len(data), len(data) // 6):
            spoiled = bytearray(data)
            spoiled[place] ^= 0xFF
            (tmp_path / name).write_bytes(spoiled)
            with pytest.raises(SavedAuditError, match=f"{name} is damaged"):
                regnb.load_audit(tmp_path)
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(SavedAuditError, match=f"{name} is damaged"):
            regnb.load_audit(tmp_path)
        (tmp_path / name).write_bytes(data)


@pytest.mark.parametrize("spoil", ["a column is missing", "no digests", "no parquet"])
def test_a_file_that_somebody_else_has_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    monkeypatch.setattr(parts, "_hash", lambda data: "0" * 16)
    company().audit().save(tmp_path)
    path = next((tmp_path / "content" / "manifests").iterdir())
    table = pq.read_table(path)
    if spoil == "no parquet":
        path.write_bytes(b"nothing of the kind")
    else:
        other = table.drop_columns("size")
        if spoil == "no digests":
            other = table.set_column(4, "config_digest", table["media_type"])
        parts.write_part(tmp_path, "content/manifests", parts.name_of(path), other)
    with pytest.raises(SavedAuditError, match=f"{path.name} is damaged"):
        regnb.load_audit(tmp_path)


def test_content_that_was_lost_is_no_audit_with_less_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_hash", lambda data: "0" * 16)
    company().audit().save(tmp_path)
    path = next((tmp_path / "content" / "configs").iterdir())
    parts.write_part(tmp_path, "content/configs", parts.name_of(path), pq.read_table(path)[:1])
    with pytest.raises(SavedAuditError, match=r"none of its configs is sha256:[0-9a-f]{64}"):
        regnb.load_audit(tmp_path)


def test_several_save_at_once(tmp_path: Path) -> None:
    audits = [company(month).audit() for month in range(1, 7)]
    threads = [threading.Thread(target=audit.save, args=(tmp_path,)) for audit in audits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(regnb.list_audits(tmp_path)) == 6
    manifests = ds.dataset(tmp_path / "content" / "manifests").to_table().to_pandas()
    assert manifests["digest"].is_unique
    for month, audit in enumerate(audits, 1):
        assert_same(regnb.load_audit(tmp_path, at=f"2026-{month:02}"), audit)


def test_other_tools_see_text_numbers_and_times(tmp_path: Path) -> None:
    company().audit().save(tmp_path)
    (tags,) = (tmp_path / "snapshots").glob("*/tags/*.parquet")
    schema = {field.name: str(field.type) for field in pq.read_schema(tags)}
    assert schema == {
        "registry": "string", "snapshot_id": "string", "repository": "string", "tag": "string",
        "digest": "string", "observed_at": "timestamp[us, tz=UTC]", "error": "string",
    }  # fmt: skip


def test_a_digest_of_another_algorithm_is_as_it_was(tmp_path: Path) -> None:
    building = Building()
    strange = Digest(f"sha512:{'0a' * 64}")
    layer = replace(blob("A", 1), digest=strange)
    building.tag("r", "1", image("M", 500, config("c", 1), layer))
    audit = building.audit()
    audit.save(tmp_path)
    assert_same(regnb.load_audit(tmp_path), audit)
    assert strange in set(audit.blobs["digest"])


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = company().audit()
    monkeypatch.setattr("regnb.audit.parquet.find_spec", lambda name: None)
    for call in (audit.save, regnb.load_audit, regnb.list_audits):
        with pytest.raises(MissingExtraError, match=r"pip install 'regnb\[parquet\]'"):
            call(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_importing_regnb_brings_neither_parquet_nor_dask() -> None:
    script = (
        "import sys, pandas; before = set(sys.modules); import regnb; "
        "regnb.load_audit, regnb.Audit; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    loaded = done.stdout.split()
    assert "regnb.audit.saved" in loaded
    # pandas imports the rest of pyarrow where it is installed.
    unwanted = ("pyarrow.parquet", "pyarrow.dataset", "dask", "distributed", "regnb.audit.keeping")
    assert [name for name in loaded if name.startswith(unwanted)] == []
