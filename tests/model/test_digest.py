from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.errors import DigestMismatchError, InvalidDigestError, UnsupportedDigestError
from regnb.model.digest import Digest, proven

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_nothing_is_the_known_one() -> None:
    assert Digest.of(b"") == EMPTY
    assert Digest.of(b"").short == "sha256:e3b0c44298fc"
    assert Digest.of(b"", "sha512").algorithm == "sha512"
    assert len(Digest.of(b"", "sha512").encoded) == 128


def test_a_digest_is_text_and_survives_pickling() -> None:
    digest = Digest(EMPTY)
    assert digest == EMPTY
    assert {digest: 1}[Digest(EMPTY)] == 1
    assert type(pickle.loads(pickle.dumps(digest))) is Digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "a" * 32,  # S13: cut short
        "sha256:" + "A" * 64,  # S13: upper case
        "sha256:" + "g" * 64,
        EMPTY + "\n",
        EMPTY + "0",
        "sha256:../../x",  # S15
        "sha256:" + "../" * 21 + "a",
        "SHA256:" + "a" * 64,
        "sha512:" + "a" * 64,
        ":" + "a" * 64,
        "a" * 64,
        "sha256:" + "٣" * 64,  # digits, but not ours
        "other:" + "a" * 31,
        "blake3:" + "A" * 64,
    ],
)
def test_s13_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigestError):
        Digest(text)


def test_an_algorithm_that_nobody_knows_is_kept_but_verifies_nothing() -> None:
    digest = Digest("blake3:" + "a" * 64)
    with pytest.raises(UnsupportedDigestError, match="blake3"):
        digest.verifier()
    with pytest.raises(UnsupportedDigestError):
        Digest.of(b"", "md5")


@given(st.lists(st.binary(max_size=50)), st.sampled_from(["sha256", "sha512"]))
def test_a_stream_is_verified_however_it_is_cut(pieces: list[bytes], algorithm: str) -> None:
    verifier = Digest.of(b"".join(pieces), algorithm).verifier()
    for piece in pieces:
        verifier.update(piece)
    verifier.check()
    assert verifier.size == sum(map(len, pieces))
    verifier.update(b"more")
    assert not verifier.verified()


def test_s13_other_bytes_are_refused_with_both_digests() -> None:
    verifier = Digest(EMPTY).verifier()
    verifier.update(b"x")
    with pytest.raises(DigestMismatchError, match="2d711642b726") as caught:
        verifier.check(method="GET", url="http://localhost/v2/")
    assert EMPTY in str(caught.value)
    assert caught.value.method == "GET"


def test_w_m1_bytes_prove_their_digest_or_have_one_made() -> None:
    assert proven(b"x", None) == Digest.of(b"x")
    assert proven(b"x", Digest.of(b"x", "sha512")).algorithm == "sha512"
    with pytest.raises(DigestMismatchError):
        proven(b"y", Digest.of(b"x"))
    with pytest.raises(UnsupportedDigestError):
        proven(b"x", Digest("blake3:" + "a" * 64))


@given(st.text(max_size=100))
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        digest = Digest(text)
    except InvalidDigestError:
        return
    assert f"{digest.algorithm}:{digest.encoded}" == text
