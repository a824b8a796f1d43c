from __future__ import annotations

import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.wire.gunzip import Gunzip


def decoded(encoded: bytes, size: int) -> list[bytes]:
    gunzip = Gunzip(io.BytesIO(encoded).read)
    return list(iter(lambda: gunzip.read(size), b""))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 200))
def test_s12_members_are_decoded_piece_by_piece(members: list[bytes], size: int) -> None:
    pieces = decoded(b"".join(map(gzip.compress, members)), size)
    assert b"".join(pieces) == b"".join(members)
    assert all(len(piece) <= size for piece in pieces)


def test_s11_a_bomb_grows_only_as_far_as_it_is_read() -> None:
    gunzip = Gunzip(io.BytesIO(gzip.compress(bytes(10**7))).read)
    assert [len(gunzip.read(100)) for _ in range(3)] == [100, 100, 100]


@pytest.mark.parametrize("cut", [1, 9, 15, -1])
def test_w_b5_a_member_that_breaks_off_is_noticed(cut: int) -> None:
    with pytest.raises(EOFError):
        decoded(gzip.compress(b"something")[:cut], 100)


@given(st.binary(min_size=2, max_size=100))
def test_s12_what_is_no_gzip_is_refused(garbage: bytes) -> None:
    with pytest.raises((zlib.error, EOFError)):
        decoded(b"no" + garbage, 100)
