"""The vectors of the reference grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.errors import (
    InvalidDigestError,
    InvalidReferenceError,
    NameTooLongError,
    NameUppercaseError,
)
from regnb.model.digest import Digest
from regnb.model.reference import (
    Reference,
    check_path,
    check_tag,
    parse,
    parse_any,
    parse_docker,
    parse_normalized,
    referrers_tag,
)

HEX = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
DIGEST = Digest(f"sha256:{HEX}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test_com", Reference("", "test_com")),
        ("test.com:tag", Reference("", "test.com", "tag")),
        ("test.com:5000", Reference("", "test.com", "5000")),
        ("192.168.0.1:80", Reference("", "192.168.0.1", "80")),
        ("test.com/repo:tag", Reference("test.com", "repo", "tag")),
        ("test:5000/repo", Reference("test:5000", "repo")),
        ("test:5000/repo:tag", Reference("test:5000", "repo", "tag")),
        (f"test:5000/repo@{DIGEST}", Reference("test:5000", "repo", None, DIGEST)),
        (f"test:5000/repo:tag@{DIGEST}", Reference("test:5000", "repo", "tag", DIGEST)),
        ("a/b/c", Reference("a", "b/c")),
        ("foo/foo_bar.com:8080", Reference("foo", "foo_bar.com", "8080")),
        ("foo__bar/a--b.c", Reference("", "foo__bar/a--b.c")),
        ("sub-dom1.foo.com/bar/baz/quux", Reference("sub-dom1.foo.com", "bar/baz/quux")),
        ("xn--n3h.com/myimage:xn--n3h.com", Reference("xn--n3h.com", "myimage", "xn--n3h.com")),
        ("[2001:db8::1]:5000/repo", Reference("[2001:db8::1]:5000", "repo")),
        ("[2001:db8::1]/repo:tag", Reference("[2001:db8::1]", "repo", "tag")),
        ("Docker.io/app:" + "A" * 128, Reference("Docker.io", "app", "A" * 128)),
        ("a" * 255, Reference("", "a" * 255)),
        ("example.com/" + "a" * 255, Reference("example.com", "a" * 255)),
    ],
)
def test_parse_takes_a_reference_apart(text: str, expected: Reference) -> None:
    assert parse(text) == expected
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        f"@{DIGEST}",
        "-docker/x",
        "docker-/x:y:z",
        "_x/_y",
        "a..b/c",
        "a_.b/c",
        "a///b",
        "docker/",
        "/docker",
        "https://github.com/docker/docker",
        "aa/asdf$$^/aa",
        "repo:" + "a" * 129,
        "repo:.tag",
        "repo:tag\n",
        "repo\n",
        "repo:tag ",
        "repo:täg",
        "[fc00::1]",
        "[fc00::1]:5000",
        "fc00::1:5000/x",
        "[fe80::1%eth0]:5000/repo",
        "[fe80::192.0.2.33]:5000/repo",
        "repo@sha256:short",
    ],
)
def test_parse_refuses_what_is_no_reference(text: str) -> None:
    with pytest.raises(InvalidReferenceError):
        parse(text)


@pytest.mark.parametrize("text", ["Uppercase:tag", "test:5000/Uppercase/lowercase:tag", "aa/Bb/c"])
def test_parse_says_when_it_is_the_case(text: str) -> None:
    with pytest.raises(NameUppercaseError, match="lower case"):
        parse(text)


@pytest.mark.parametrize("text", ["a" * 256, "example.com/" + "a" * 256, "a/" * 129 + "a:tag"])
def test_a_path_has_255_characters_at_most(text: str) -> None:
    with pytest.raises(NameTooLongError, match="255"):
        parse(text)


def test_a_path_alone_has_255_characters_at_most() -> None:
    assert check_path("a" * 255) == "a" * 255
    with pytest.raises(NameTooLongError):
        check_path("a" * 256)


def test_who_writes_a_url_is_told_what_to_leave_out() -> None:
    with pytest.raises(InvalidReferenceError, match="scheme"):
        parse_normalized("https://example.com/app")


@pytest.mark.parametrize(
    "digest",
    [f"sha256:{HEX[:34]}", f"sha256:{HEX.upper()}", f"sha512:{HEX}", f"sha256:{HEX}00"],
)
def test_s13_a_digest_of_the_wrong_length_or_case_is_refused(digest: str) -> None:
    for read in (parse, parse_normalized, parse_docker):
        with pytest.raises(InvalidDigestError):
            read(f"repo@{digest}")


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("index.docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("library/foo/bar", "docker.io/library/foo/bar", "library/foo/bar"),
        ("dmcgowan/myapp:1", "docker.io/dmcgowan/myapp:1", "dmcgowan/myapp:1"),
        ("test_com/foo", "docker.io/test_com/foo", "test_com/foo"),
        ("localhost", "docker.io/library/localhost", "localhost"),
        ("example.com", "docker.io/library/example.com", "example.com"),
        ("localhost/foo", "localhost/foo", "localhost/foo"),
        ("localhost:5000/foo", "localhost:5000/foo", "localhost:5000/foo"),
        ("LOCALDOMAIN/debian", "LOCALDOMAIN/debian", "LOCALDOMAIN/debian"),
        ("Docker/docker", "Docker/docker", "Docker/docker"),
        ("FOO/bar", "FOO/bar", "FOO/bar"),
        ("gcr.io/a/b", "gcr.io/a/b", "gcr.io/a/b"),
        (f"docker.io/{HEX}", f"docker.io/library/{HEX}", None),  # alone it would be an id
        ("docker.io/foo.bar/baz", "docker.io/foo.bar/baz", None),  # alone: another registry
        ("test.com:5000", "docker.io/library/test.com:5000", "test.com:5000"),
        ("192.168.0.1:80", "docker.io/library/192.168.0.1:80", "192.168.0.1:80"),
        ("test:5000/repo", "test:5000/repo", None),
        (HEX[:63], f"docker.io/library/{HEX[:63]}", HEX[:63]),
        (f"ubuntu@{DIGEST}", f"docker.io/library/ubuntu@{DIGEST}", f"ubuntu@{DIGEST}"),
        ("127.0.0.1:5000/docker/docker", "127.0.0.1:5000/docker/docker", None),
        ("[2001:db8::1]:5000/docker/docker", "[2001:db8::1]:5000/docker/docker", None),
    ],
)
def test_parse_normalized_reads_as_docker_does(text: str, full: str, familiar: str | None) -> None:
    reference = parse_normalized(text)
    assert str(reference) == full
    assert reference.familiar == (familiar or full)


@pytest.mark.parametrize("text", ["docker/Docker", "test:5000/Uppercase/x:tag", "Ubuntu"])
def test_parse_normalized_says_when_it_is_the_case(text: str) -> None:
    with pytest.raises(NameUppercaseError):
        parse_normalized(text)


@pytest.mark.parametrize(
    "text", ["", ":tag", "https://github.com/docker", "docker///docker", "-docker", "[fc00::1]"]
)
def test_parse_normalized_refuses(text: str) -> None:
    with pytest.raises(InvalidReferenceError):
        parse_normalized(text)


def test_64_hexadecimal_digits_are_the_id_of_an_image_and_no_name() -> None:
    with pytest.raises(InvalidReferenceError, match="id of an image"):
        parse_normalized(HEX)
    assert parse_any(HEX) == Reference("", "", None, DIGEST)
    assert parse_any(DIGEST) == Reference("", "", None, DIGEST)
    assert str(parse_any(DIGEST)) == DIGEST
    assert parse_any("ubuntu") == parse_normalized("ubuntu")


def test_parse_docker_drops_the_tag_beside_a_digest_and_adds_latest_beside_nothing() -> None:
    assert parse_docker(f"repo:tag@{DIGEST}").tag is None
    assert parse_docker(f"repo:tag@{DIGEST}").digest == DIGEST
    assert parse_docker("repo:1.0").tag == "1.0"
    assert str(parse_docker("repo")) == "docker.io/library/repo:latest"


def test_the_default_tag_is_added_only_where_nothing_else_is() -> None:
    assert parse("a/b").with_default_tag().tag == "latest"
    assert parse("a/b:1").with_default_tag().tag == "1"
    assert parse(f"a/b@{DIGEST}").with_default_tag().tag is None
    assert parse_any(DIGEST).with_default_tag().tag is None


def test_a_reference_gains_a_tag_or_a_digest() -> None:
    reference = parse("test:5000/repo")
    assert str(reference.with_tag("1").with_digest(DIGEST)) == f"test:5000/repo:1@{DIGEST}"
    assert reference.name == "test:5000/repo"
    with pytest.raises(InvalidReferenceError):
        reference.with_tag("-1")
    with pytest.raises(InvalidDigestError):
        reference.with_digest("sha256:1")


@pytest.mark.parametrize(
    ("text", "pattern", "matched"),
    [
        ("docker.io/library/mysql:5.7", "mysql", True),
        ("docker.io/library/mysql:5.7", "my*", True),
        ("docker.io/library/mysql:5.7", "mysql:5.?", True),
        ("docker.io/library/mysql:5.7", "mysql:[45].7", True),
        ("docker.io/library/mysql:5.7", "mysql:[^45].7", False),
        ("docker.io/library/mysql:5.7", "mysql:[9-1].7", False),
        ("docker.io/library/mysql:5.7", "mysql:[\\d].7", False),
        ("docker.io/library/mysql:5.7", "mysql:[", False),
        ("docker.io/library/mysql:5.7", "mysql:[0--~~5].7", True),
        ("docker.io/library/mysql:5.7", "foo", False),
        ("quay.io/a/b:1", "quay.io/*/b", True),
        ("quay.io/a/b:1", "quay.io/*", False),
    ],
)
def test_familiar_match_knows_shell_patterns(text: str, pattern: str, matched: bool) -> None:
    assert parse_normalized(text).familiar_match(pattern) is matched


@pytest.mark.parametrize(
    ("digest", "tag"),
    [
        ("sha256:" + "a" * 64, "sha256-" + "a" * 64),
        ("sha512:" + "a" * 128, "sha512-" + "a" * 64),
        (
            "test+algorithm+using+algorithm+separators+and+lots+of+characters+to+excercise+overall"
            "+truncation:alsoSome=InTheEncodedSectionToShowHyphenReplacementAndLotsAndLotsOf"
            "CharactersToExcerciseEncodedTruncation",
            "test-algorithm-using-algorithm-s-"
            "alsoSome-InTheEncodedSectionToShowHyphenReplacementAndLotsAndLot",
        ),
    ],
)
def test_r2_referrers_have_a_tag_made_of_the_digest(digest: str, tag: str) -> None:
    assert referrers_tag(Digest(digest)) == tag
    assert check_tag(tag) == tag


def test_parse_any_takes_a_commit_beside_a_name_for_a_tag() -> None:
    commit = "3f786850e387550fdab836ed7e6dc881de23001b"
    assert parse_any(f"app:{commit}") == Reference("docker.io", "library/app", commit)


def test_a_digest_without_a_name_takes_no_tag() -> None:
    with pytest.raises(InvalidReferenceError, match="no repository"):
        parse_any(DIGEST).with_tag("1")


@pytest.mark.parametrize("path", ["../x", "a/../b", "a/%2e%2e/b", "a?b", "a#b", "A", "a/", "a:1"])
def test_u6_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidReferenceError):
        check_path(path)


@pytest.mark.parametrize("tag", ["", "..", "a/b", "a:b", "a b", "a\r\nb", "-a", "a" * 129, "é"])
def test_t10_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidReferenceError):
        check_tag(tag)


COMPONENT = st.from_regex(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", fullmatch=True)
PATHS = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join).filter(lambda p: len(p) < 255)
TAGS = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DOMAINS = st.sampled_from(["docker.io", "example.com", "localhost:5000", "[::1]:80", "UPPER"])


@given(DOMAINS, PATHS, TAGS.filter(lambda t: t is None or t.isascii()), st.booleans())
def test_what_is_written_is_read_back(
    domain: str, path: str, tag: str | None, digest: bool
) -> None:
    reference = Reference(domain, path, tag, DIGEST if digest else None)
    assert parse(str(reference)) == reference
    full = parse_normalized(str(reference))
    assert full == reference or full.path == f"library/{path}"
    assert parse_normalized(full.familiar) == full


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
    | st.text("aA0.:/@-_[]", max_size=30)
)
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    for read in (parse, parse_normalized, parse_any, parse_docker):
        try:
            reference = read(text)
        except (InvalidReferenceError, InvalidDigestError):
            continue
        assert read(str(reference)) == reference
