from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.wire.address import origin, parse_address
from regnb.core.wire.gate import Gate

HERE = parse_address("https://registry.example/prefix/")
GATE = Gate(HERE)
PAGE = "https://registry.example/prefix/v2/team/app/tags/list?n=2"
PATH = "/prefix/v2/team/app/tags/list"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (f"{PATH}?n=2&last=a%2Fb==", f"https://registry.example{PATH}?n=2&last=a%2Fb=="),
        ("?last=%7Eopaque+x", f"https://registry.example{PATH}?last=%7Eopaque+x"),
        (f"https://registry.example:443{PATH}?a", f"https://registry.example:443{PATH}?a"),
        ("/prefix/v2/other?cursor=1", "https://registry.example/prefix/v2/other?cursor=1"),
        # A proxy changed what the registry believes its address to be.
        (f"http://registry.example{PATH}?a", f"https://registry.example{PATH}?a"),
        (f"http://10.0.0.8:5000{PATH}?a=b", f"https://registry.example{PATH}?a=b"),
        # Another prefix for the same listing, as Nexus sends it.
        (
            "https://registry.example/repository/x/v2/team/app/tags/list?last=b",
            f"https://registry.example{PATH}?last=b",
        ),
        ("/v2/team/app/tags/list?last=b", f"https://registry.example{PATH}?last=b"),
    ],
)
def test_w_c2_a_link_is_followed_verbatim_or_re_rooted_here(target: str, url: str) -> None:
    assert GATE.next_page(PAGE, target) == url


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://registry.example:8443/other",
        "https://robot:x@registry.example/prefix/v2/team/app/tags/list",
        "/prefix/v2/../../admin",
        "/prefix/v2/%2e%2e/admin",
        "/prefix/v2/..%5cadmin",
        "file:///etc/passwd",
        "//evil.example/",
        "https://[bad",
        "/elsewhere",
    ],
)
def test_s7_a_link_that_leads_away_is_refused(target: str) -> None:
    assert GATE.next_page(PAGE, target) is None


@given(st.text(max_size=60))
def test_s7_no_link_leaves_the_registry(target: str) -> None:
    url = GATE.next_page(PAGE, target)
    assert url is None or origin(url) == HERE.origin
