from __future__ import annotations

import pytest

from regnb.core.auth.logins import Basic, IdentityToken, RegistryToken, login_with


def test_b_a17_the_user_token_announces_an_identity_token() -> None:
    assert login_with("<token>", "refresh", source="x") == IdentityToken("refresh")
    assert login_with("robot", "hunter2", source="x") == Basic("robot", "hunter2")


def test_where_a_login_came_from_is_no_part_of_it() -> None:
    found = login_with("robot", "hunter2", source="~/.docker/config.json")
    assert found.source == "~/.docker/config.json"
    assert hash(found) == hash(Basic("robot", "hunter2"))


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "tökén", "a\x00"])
def test_s20_a_registry_token_fits_into_a_header(token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        RegistryToken(token)


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
def test_s10_half_a_surrogate_pair_is_no_login(half: str) -> None:
    for make in (lambda: Basic(half, "x"), lambda: Basic("x", half), lambda: IdentityToken(half)):
        with pytest.raises(ValueError, match="Unicode text"):
            make()


@pytest.mark.parametrize("username", ["a:b", "\ud800"])
def test_w_a8_the_name_beside_an_identity_token_is_one_that_can_be_sent(username: str) -> None:
    with pytest.raises(ValueError, match=r"colon|Unicode"):
        IdentityToken("t", username=username)


def test_an_identity_token_is_not_empty() -> None:
    with pytest.raises(ValueError, match="identity token"):
        login_with("<token>", "", source="x")


@pytest.mark.parametrize(
    "username",
    ["robot$team+ci", "org+name", "$oauthtoken", "AWS", "_json_key", "oauth2accesstoken"],
)
def test_3_4_the_names_of_robots_are_taken_as_they_are(username: str) -> None:
    assert login_with(username, "x", source="").username == username
