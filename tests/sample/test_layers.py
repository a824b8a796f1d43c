"""Synthetic layers are real archives, whatever is in them."""

from __future__ import annotations

import gzip as standard
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.sample.layers import OCI_LAYER, gzip, layer, made_up, tar


@given(st.binary(max_size=300))
def test_the_container_unpacks_to_what_went_in(raw: bytes) -> None:
    assert standard.decompress(gzip(raw)) == raw


@pytest.mark.parametrize("size", [0, 1, 0xFFFE, 0xFFFF, 0x10000, 3 * 0xFFFF])
def test_the_container_holds_any_number_of_blocks(size: int) -> None:
    raw = made_up("blocks", size)
    assert standard.decompress(gzip(raw)) == raw


def test_an_archive_holds_directories_files_and_links() -> None:
    raw = tar("seed", {"bin/": b"", "bin/busybox": 700, "bin/sh": "/bin/busybox", "etc/x": b"y"})
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        members = {member.name: member for member in archive}
        assert members["bin"].isdir()
        assert members["bin/busybox"].size == 700
        assert members["bin/busybox"].mode == 0o755
        assert members["bin/sh"].linkname == "/bin/busybox"
        found = archive.extractfile("etc/x")
        assert found is not None
        assert found.read() == b"y"
        assert {(m.uid, m.gid, m.uname, m.mtime) for m in archive} == {
            (0, 0, "root", 1_700_000_000)
        }


def test_another_seed_makes_other_bytes() -> None:
    assert layer("one", {"a": 100}).digest != layer("two", {"a": 100}).digest
    assert layer("one", {"a": 100}).digest == layer("one", {"a": 100}).digest


def test_a_layer_may_stay_uncompressed() -> None:
    plain = layer("plain", {"a": 100}, media_type=OCI_LAYER)
    assert plain.digest == plain.diff_id
