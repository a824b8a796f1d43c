from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.display import html
from regnb.display.card import Card, Section, Shown, Table
from regnb.options import option_context
from tests.hostile import PAYLOADS, flaws, skeleton


def everywhere(value: str) -> Card:
    """A card with a value in every position."""
    table = Table((value, "b"), ((value, 1), (value, value)), right=frozenset({1}))
    sections = (
        Section(value, table, open=True),
        Section(value, {value: value}),
        Section("note", value),
    )
    return Card(value, value, ((value, value),), sections, (value,))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_s17_text_of_strangers_stays_text_in_every_position_of_a_card(payload: str) -> None:
    card = everywhere(payload)
    assert flaws(card.html()) == []
    assert skeleton(card.html()) == skeleton(everywhere("harmless").html())
    for line in (card.line(), *card.text().splitlines()):
        assert line.isprintable()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_s17_text_of_strangers_stays_text_in_attributes(payload: str) -> None:
    cut, address = html.text(payload, 3), html.linked(f"https://example.com/{payload}")
    assert "title=" in cut
    for shown, plain in ((cut, "x"), (address, html.linked("https://example.com/x"))):
        assert flaws(shown) == []
        if "<a " in shown or shown is cut:
            assert [tag for tag, _ in skeleton(shown)] == [tag for tag, _ in skeleton(plain)]


def test_a_flaw_would_be_found() -> None:
    assert flaws("<p>fine</p>") == []
    assert flaws("<p onclick=x>") == ["p onclick"]
    assert flaws("<script>x</script>") == ["<script>"]
    assert flaws("<a href=javascript:x>y</a>") == ["href javascript:x"]
    assert flaws("<p>a\u202eb</p>") == ["'\\u202e'"]
    assert flaws("<span style=x>y</span>") == ["span ['style']"]
    assert skeleton("<b>x</b>") != skeleton("x")


@given(st.text(), st.integers(1, 50))
def test_any_text_is_escaped_and_cut(value: str, limit: int) -> None:
    assert flaws(html.text(value, limit)) == []
    assert flaws(html.linked(value)) == []


def test_what_does_not_show_is_shown_by_its_escape() -> None:
    assert html.text("a\u202eb\x1b") == "a\\u202eb\\u001b"


def test_s17_a_formula_is_not_typeset() -> None:
    assert "$" not in html.text("$x$ and $$y$$")
    assert "$" not in html.text("$" * 100)
    for begin in ("\\(", "\\[", "\\begin"):
        shown = html.text(f"{begin} x")
        assert begin not in shown
        assert "<span>&#92;</span>" in shown


def test_long_text_is_cut_and_the_pointer_shows_more() -> None:
    shown = html.text("x" * 100, 10)
    assert shown == f'<span title="{"x" * 100}">{"x" * 10}…</span>'


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "data:text/html,x", "//host/x", "http://[", "java\nscript:x"),
        *("https://host/\u202etxt.exe", "https:\n//host/", "https://host/" + "x" * 300),
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert html.linked(url) == html.text(url, html.WHOLE)
    assert "<a" not in html.linked(url)


def test_a_link_tells_the_other_side_nothing() -> None:
    assert html.linked("https://example.com/?a=1&b=<x>") == (
        '<a href="https://example.com/?a=1&amp;b=&lt;x&gt;" rel="noopener noreferrer" '
        'target="_blank">https://example.com/?a=1&amp;b=&lt;x&gt;</a>'
    )
    assert "<a href" in html.definitions({"source": "https://example.com/x"})


def test_a_long_table_says_how_much_more_there_is() -> None:
    rows = [(number,) for number in range(200)]
    with option_context(max_rows=20):
        shown = html.table(("n",), rows)
        text = Card("K", "t", sections=(Section("s", Table(("n",), tuple(rows[:200]))),)).text()
    assert shown.count("<tr>") == 1 + 20 + 1
    assert "… 180 more" in shown
    assert "… 180 more" in text


def test_the_two_renderings_of_a_card_end_at_the_same_row() -> None:
    pairs = {f"key {number}": "v" for number in range(5)}
    rows = tuple((name,) for name in pairs)
    sections = (Section("labels", pairs), Section("tags", Table(("tag",), rows)))
    card = Card("K", "t", tuple((f"fact {n}", n) for n in range(4)), sections)
    with option_context(max_rows=2):
        renderings = (card.text(), card.html())
    for shown in renderings:
        assert shown.count("key 1") == 2
        assert "key 2" not in shown
        assert shown.count("… 3 more") == 2
        assert "fact 3" in shown  # facts are few, and never left out


def test_a_long_name_does_not_widen_a_card_beyond_its_cells() -> None:
    text = Card("K", "t", (("x" * 5000, "long"), ("a", "short"))).text()
    assert max(map(len, text.splitlines())) < 100


def test_a_digest_in_a_table_can_be_copied_from_both_renderings() -> None:
    digest = "sha256:" + "ab" * 32
    card = Card("K", "t", sections=(Section("layers", Table(("digest",), ((digest,),))),))
    assert digest in card.text()
    assert digest in card.html()


def test_markup_is_not_escaped_twice() -> None:
    assert html.text(html.escape("<b>")) == "&lt;b&gt;"


def test_both_renderings_hold_the_same_facts_and_sections() -> None:
    sections = (
        Section("layers (1)", Table(("size",), (("5 MB",),)), open=True),
        Section("labels", {"team": "core"}),
        Section("remark", "a remark"),
    )
    card = Card("Manifest", "abc", (("digest", "sha256:1"),), sections, ("a note",))
    for rendering in (card.text(), card.html()):
        for part in ("Manifest", "abc", "digest", "sha256:1", "layers (1)", "5 MB", "labels"):
            assert part in rendering
        for part in ("team", "core", "remark", "a remark", "a note"):
            assert part in rendering
    assert "<details open><summary>layers" in card.html()
    assert "<details><summary>labels" in card.html()


def test_a_card_needs_no_style_sheet_script_or_picture() -> None:
    section = Section("s", Table(("a",), ((1,),)))
    markup = Card("K", "t", (("a", 1),), (section,)).html()
    for part in ("<style", "<script", "<svg", "<img", " id=", "var(--", "calc("):
        assert part not in markup
    assert 'class="dataframe"' in markup


def test_a_value_without_a_card_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Shown has no card"):
        Shown().card()
