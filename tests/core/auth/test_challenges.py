from __future__ import annotations

import base64
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.auth.challenges import Challenge, parse_challenges
from regnb.core.auth.logins import Basic
from regnb.core.wire.secret import Secret


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (['Basic realm="Registry"'], [("basic", {"realm": "Registry"})]),
        (["BASIC"], [("basic", {})]),
        (
            ['Negotiate, Basic realm="a, b"'],
            [("negotiate", {}), ("basic", {"realm": "a, b"})],
        ),
        (
            ['Bearer realm="https://a.example/token",service="s"', "Basic realm=x"],
            [
                ("bearer", {"realm": "https://a.example/token", "service": "s"}),
                ("basic", {"realm": "x"}),
            ],
        ),
        (
            ['Bearer realm="r" , scope="repository:a:pull,push", Basic realm="q\\"q"'],
            [
                ("bearer", {"realm": "r", "scope": "repository:a:pull,push"}),
                ("basic", {"realm": 'q"q'}),
            ],
        ),
        (
            ["Bearer realm=https://a.example/token?x=1,service=s"],
            [("bearer", {"realm": "https://a.example/token?x=1", "service": "s"})],
        ),
        (['Basic realm="a", realm="b"'], [("basic", {"realm": "a"})]),
        (
            ['Negotiate YII+/a==, Basic realm="x"'],
            [("negotiate", {}), ("basic", {"realm": "x"})],
        ),
        (["Negotiate abcdef, Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        ([", ,"], []),
        ([""], []),
    ],
)
def test_a2_and_w_a2_challenges_are_read_from_all_values(
    values: list[str], found: list[tuple[str, dict[str, str]]]
) -> None:
    assert parse_challenges(values) == [Challenge(*one) for one in found]


@pytest.mark.parametrize(
    "piece",
    [",", " ", "a ", "a=", 'a="', 'a="b"', "Basic ", "Basic a=,", '"', "\\", "a", "=", ' ="\\",'],
)
def test_s9_a_header_as_long_as_any_is_read_at_once(piece: str) -> None:
    line = piece * (65_536 // len(piece))
    assert len(parse_challenges([line, f'Bearer realm="{line}'])) <= 65_536


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255)), max_size=3))
def test_w_a2_no_header_breaks_the_parser(values: list[str]) -> None:
    for challenge in parse_challenges(values):
        assert challenge.scheme == challenge.scheme.lower() != ""


_words = st.text("abcXYZ019", min_size=1, max_size=8)


@given(
    st.lists(
        st.tuples(
            _words,
            st.dictionaries(_words.map(str.lower), st.text('a" ,=\\/:'), min_size=1, max_size=3),
        ),
        max_size=3,
    )
)
def test_w_a2_what_is_written_by_the_book_is_read_back(
    challenges: list[tuple[str, dict[str, str]]],
) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    line = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert parse_challenges([line]) == [Challenge(s.lower(), p) for s, p in challenges]


def test_a14_basic_is_the_pair_in_base64() -> None:
    header = Basic("robot", "pass:wörd").header()
    assert header.startswith("Basic ")
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "robot:pass:wörd"


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("x", ""), ("a:b", "x")])
def test_a14_half_a_pair_is_refused(username: str, password: str) -> None:
    with pytest.raises(ValueError, match="go together"):
        Basic(username, password)


def test_s16_credentials_show_nothing_and_are_not_pickled() -> None:
    credentials = Basic("robot", "hunter2")
    shown = f"{credentials!r} {credentials} {credentials.header()!r} {Secret('hunter2')!r}"
    assert "hunter2" not in shown
    assert "robot" not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(credentials)
