from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.display import html
from regnb.display.card import Card, Section, Shown, Table
from regnb.options import option_context
from tests.hostile import PAYLOADS, flaws


@pytest.mark.parametrize("payload", PAYLOADS)
def test_s17_text_of_strangers_stays_text_in_every_position_of_a_card(payload: str) -> None:
    table = Table((payload, "b"), ((payload, 1), (payload, payload)), right=frozenset({1}))
    sections = (
        Section(payload, table, open=True),
        Section(payload, {payload: payload}),
        Section("note", payload),
    )
    card = Card(payload, payload, ((payload, payload),), sections, (payload,))
    assert flaws(card.html()) == []
    for line in (card.line(), *card.text().splitlines()):
        assert line.isprintable()


def test_a_flaw_would_be_found() -> None:
    assert flaws("<p>fine</p>") == []
    assert flaws("<p onclick=x>") == ["p onclick"]
    assert flaws("<script>x</script>") == ["<script>"]
    assert flaws("<a href=javascript:x>y</a>") == ["href javascript:x"]
    assert flaws("<p>a\u202eb</p>") == ["'\\u202e'"]


@given(st.text(), st.integers(1, 50))
def test_any_text_is_escaped_and_cut(value: str, limit: int) -> None:
    assert flaws(html.text(value, limit)) == []
    assert flaws(html.link(value, value)) == []


def test_what_does_not_show_is_shown_by_its_escape() -> None:
    assert html.text("a\u202eb\x1b") == "a\\u202eb\\u001b"


def test_a_formula_is_not_typeset() -> None:
    assert "$" not in html.text("$x$ and $$y$$")
    assert "$" not in html.text("$" * 100)


def test_long_text_is_cut_and_the_pointer_shows_more() -> None:
    shown = html.text("x" * 100, 10)
    assert shown == f'<span title="{"x" * 100}">{"x" * 10}…</span>'


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//host/x", "http://["])
def test_only_web_addresses_become_links(url: str) -> None:
    assert "<a" not in html.link(url, "label")
    assert "label" in html.link(url, "label")


def test_a_link_tells_the_other_side_nothing() -> None:
    assert html.link("https://example.com/?a=1&b=2", "<x>") == (
        '<a href="https://example.com/?a=1&amp;b=2" rel="noopener noreferrer" '
        'target="_blank">&lt;x&gt;</a>'
    )


def test_a_long_table_says_how_much_more_there_is() -> None:
    rows = [(number,) for number in range(200)]
    with option_context(max_rows=20):
        shown = html.table(("n",), rows)
        text = Card("K", "t", sections=(Section("s", Table(("n",), tuple(rows[:200]))),)).text()
    assert shown.count("<tr>") == 1 + 20 + 1
    assert "… 180 more" in shown
    assert "… 180 more" in text


def test_a_bar_stays_within_its_box() -> None:
    assert "width:50%" in html.bar(0.5)
    assert "width:100%" in html.bar(7)
    assert "width:0%" in html.bar(-1)


def test_markup_is_not_escaped_twice() -> None:
    assert html.text(html.bar(0.5)) == html.bar(0.5)


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
