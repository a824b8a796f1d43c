from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.links import next_link


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (['</v2/_catalog?n=2&last=b>; rel="next"'], "/v2/_catalog?n=2&last=b"),
        (["</a>; rel=next"], "/a"),
        (["</a>;rel=NEXT"], "/a"),
        (['</a>; title="x; rel=next"; rel="prev"'], None),
        (['</a>; rel="prev", </b>; rel="next"'], "/b"),
        (['</a>; rel="first"', '</b>; rel="next"'], "/b"),
        (['</a;b,c?x=<y>; rel="next"'], "/a;b,c?x=<y"),
        (['</a>; rel="last next"'], "/a"),
        (['</a>; rel="prev"; rel="next"'], None),
        (['</a>; rel="n\\ext"'], "/a"),
        (["</a>"], None),
        (["/a; rel=next"], None),
        (["</a; rel=next"], None),
        ([], None),
    ],
)
def test_w_t2_only_a_link_to_the_next_page_is_followed(
    values: list[str], target: str | None
) -> None:
    assert next_link(values) == target


@given(
    st.lists(
        st.text('<>;,="\\ relnxt/', max_size=200) | st.text(st.characters(max_codepoint=255)),
        max_size=3,
    )
)
def test_w_t2_no_link_header_breaks_the_parser(values: list[str]) -> None:
    target = next_link(values)
    assert target is None or any(target in value for value in values)


@given(st.text(st.characters(codec="ascii", exclude_characters=">"), max_size=40))
def test_w_t2_a_link_by_the_book_is_read_back(target: str) -> None:
    assert next_link([f'<x>; rel=prev, <{target}>; title="<no>"; rel="next"']) == target.strip()
