from __future__ import annotations

import pytest

from regnb.core.wire.address import Origin, origin
from regnb.core.wire.neighbourhood import Neighbourhood, NotAdmitted, resolve
from tests.core.wire.names import Names

HOME: Origin = ("https", "registry.test", 443)
ABROAD: Origin = ("https", "cdn.test", 443)
AT = {
    "public": "8.8.8.8",
    "private": "10.0.0.8",
    "loopback": "127.0.0.8",
    "link-local": "169.254.0.8",
}
NAMES = Names(registry_test="8.8.8.8")


def admits(near: Neighbourhood, *addresses: str, target: Origin = ABROAD) -> bool:
    try:
        near.admit(target, addresses)
    except NotAdmitted:
        return False
    return True


def admits_by_name(near: Neighbourhood, url: str) -> bool:
    try:
        near.admit_by_name(origin(url))
    except NotAdmitted:
        return False
    return True


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("to", AT)
def test_s5_a_registry_leads_to_the_internet_and_to_its_own_kind(at: str, to: str) -> None:
    near = Neighbourhood(HOME, resolve=NAMES)
    near.reached(HOME, AT[at])
    assert admits(near, AT[to]) is (to == "public" or (to == at and at != "link-local"))
    assert admits_by_name(near, f"https://{AT[to]}:5000/") is admits(near, AT[to])


def test_s5_all_addresses_of_a_host_count() -> None:
    near = Neighbourhood(HOME, resolve=NAMES)
    assert admits(near, "8.8.8.8", "2606:4700::1")
    assert not admits(near, "8.8.8.8", "127.0.0.1")
    assert not admits(near, "8.8.8.8", "::ffff:10.0.0.1")


@pytest.mark.parametrize("address", AT.values())
def test_s5_the_registry_itself_may_be_anywhere(address: str) -> None:
    assert admits(Neighbourhood(HOME, resolve=NAMES), address, target=HOME)


def test_s5_a_registry_that_was_far_away_once_stays_so() -> None:
    near = Neighbourhood(HOME, resolve=NAMES)
    near.reached(HOME, "10.0.0.1")
    assert admits(near, "10.0.0.2")
    near.reached(HOME, "8.8.8.8")
    near.reached(HOME, "10.0.0.1")
    assert not admits(near, "10.0.0.2")


def test_s5_only_the_registry_tells_where_the_registry_is() -> None:
    near = Neighbourhood(HOME, resolve=NAMES)
    near.reached(ABROAD, "10.0.0.1")
    near.reached(("https", "registry.test", 8443), "10.0.0.1")
    assert not admits(near, "10.0.0.2")


def test_s5_a_registry_that_was_not_reached_is_looked_up_once_and_only_if_it_matters() -> None:
    names = Names(registry_test="10.0.0.1 10.0.0.2")
    near = Neighbourhood(HOME, resolve=names)
    assert admits(near, "8.8.8.8")
    assert not names.asked
    assert admits(near, "10.0.0.3")
    assert not admits(near, "127.0.0.1")
    assert names.asked["registry.test"] == 1
    assert not admits(
        Neighbourhood(HOME, resolve=Names(registry_test="10.0.0.1 8.8.8.8")), "10.1.1.1"
    )


def test_s5_a_registry_of_an_unknown_name_is_taken_for_a_public_one() -> None:
    def unknown(host: str, port: int) -> list[object]:
        raise OSError

    near = Neighbourhood(HOME, resolve=unknown)  # type: ignore[arg-type]  # gives nothing
    assert not admits(near, "10.0.0.1")
    assert admits(near, "8.8.8.8")


def test_s5_whom_the_caller_trusts_may_be_near_but_not_forbidden() -> None:
    near = Neighbourhood(HOME, resolve=NAMES, trusts=ABROAD.__eq__)
    assert admits(near, "10.0.0.1")
    assert admits(near, "127.0.0.1")
    assert not admits(near, "169.254.169.254")
    assert not admits(near, "10.0.0.1", target=("https", "cdn.test", 8443))


@pytest.mark.parametrize(
    ("url", "admitted"),
    [
        ("https://localhost/", False),
        ("https://LOCALHOST./", False),
        ("https://a.localhost/", False),
        ("https://127.0.0.1./", False),
        ("https://localhost.example/", True),
        ("https://cdn.test/", True),
        ("https://2130706433/", True),  # only the system says what it means
    ],
)
def test_s5_names_of_this_machine_are_no_secret(url: str, admitted: bool) -> None:
    near = Neighbourhood(HOME, resolve=NAMES)
    assert admits_by_name(near, url) is admitted
    local = Neighbourhood(("http", "localhost", 5000), resolve=NAMES)
    assert admits_by_name(local, url)


def test_s5_the_system_reads_addresses_in_many_ways() -> None:
    near = Neighbourhood(HOME, resolve=NAMES)
    for host in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1"):
        found = [str(address[0]) for _, address in resolve(host, 443)]
        assert found == ["127.0.0.1"]
        assert not admits(near, *found)
