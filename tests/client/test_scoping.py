"""What users may give to say which repositories and tags an audit is about, and what not."""

from __future__ import annotations

import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import regnb
from regnb.errors import ListingWarning
from regnb.sample import SampleClient


def names(audit: regnb.Audit) -> list[str]:
    found: list[str] = audit.repositories["repository"].tolist()
    return found


def test_a_table_gives_its_column_of_repositories(reg: SampleClient) -> None:
    catalog = reg.catalog()
    assert names(reg.audit(catalog, tags="latest")) == catalog["repository"].tolist()
    team = catalog["repository"][catalog["repository"].str.startswith("team/")]
    assert names(reg.audit(team, tags="latest")) == team.tolist()
    with pytest.raises(ValueError, match="needs a column 'repository'; this has: name, registry"):
        reg.audit(pd.DataFrame({"name": ["team/api"], "registry": ["sample"]}))
    with pytest.raises(TypeError, match="these hold nan"):
        reg.audit(pd.DataFrame({"repository": ["team/api", float("nan")]}))


def test_a_table_gives_its_column_of_tags(reg: SampleClient) -> None:
    tags = reg["team/api"].tags()
    one = tags[tags["tag"] == "v1.0.0"]
    audit = reg.audit("team/api", tags=one)
    found = audit.tags[audit.tags["kind"] == "normal"]
    assert found["tag"].tolist() == ["v1.0.0"]


def test_names_and_globs_can_stand_in_one_list_and_in_one_file(
    reg: SampleClient, tmp_path: Path
) -> None:
    expected = [*names(reg.audit("charts/*")), *names(reg.audit("team/w*"))]
    assert len(expected) > 1
    given = ["team/w*", "charts/*"]
    assert names(reg.audit(given)) == expected
    (tmp_path / "names.txt").write_text("\n".join(given), "utf-8")
    assert names(reg.audit(tmp_path / "names.txt")) == expected
    audit = reg.audit(["charts/*", "no/such"])
    assert audit.errors["repository"].tolist() == ["no/such"], "a name is asked for in any case"


@pytest.mark.parametrize("text", ["names.txt", "./names", "/tmp/x", "~/x", "C:\\x", "a.CSV"])
def test_a_text_is_no_path(reg: SampleClient, text: str) -> None:
    with pytest.raises(ValueError, match=r"use pathlib\.Path"):
        reg.audit(text)


def test_a_repository_of_such_a_name_can_stand_in_a_list(reg: SampleClient) -> None:
    assert reg.audit(["names.txt"]).errors["repository"].tolist() == ["names.txt"]


def test_a_file_that_is_no_text_is_named(reg: SampleClient, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("team/api\n", "utf-16")
    with pytest.raises(ValueError, match=r"names\.txt is no text in UTF-8"):
        reg.audit(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"repositories": 3}, "takes a name or a glob, several.*and not 3"),
        ({"repositories": b"team/api"}, "takes a name or a glob.*and not b'team/api'"),
        ({"repositories": ["a", 3]}, "takes a name or a glob.*these hold 3"),
        ({"tags": 3}, "takes a glob, several, or a compiled expression of text, and not 3"),
        ({"tags": ["a", None]}, "these hold None"),
        ({"tags": re.compile(b"v")}, "takes a glob.*and not re.compile"),
        ({"executor": 4}, r"executor= is a concurrent\.futures\.Executor, and not 4"),
        ({"max_seconds": "60"}, "max_seconds= is a number or None, and not '60'"),
    ],
)
def test_arguments_of_another_type_say_what_is_taken(
    reg: SampleClient, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        reg.audit(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("none*",), 'repositories: ["none*"]'),
        ((["team/api", "none*"],), 'repositories: ["none*"]'),
        (("team/api", "9.*"), 'tags: ["9.*"]'),
        (("team/api", ["v1.0.0", "none"]), 'tags: ["none"]'),
        (("team/api", re.compile("9", re.IGNORECASE)), 'tags: expression "9" (IGNORECASE)'),
    ],
)
def test_what_matches_nothing_is_a_warning(
    reg: SampleClient, tmp_path: Path, given: tuple[Any, ...], told: str
) -> None:
    repositories, tags = (*given, None)[:2]
    with pytest.warns(ListingWarning, match=f"^Nothing matches {re.escape(told)}.$") as caught:
        reg.audit(repositories, tags=tags)
    assert [one.filename for one in caught] == [__file__]
    with ThreadPoolExecutor(1) as workers, pytest.warns(ListingWarning) as caught:
        reg.audit(repositories, tags=tags, executor=workers, folder=tmp_path)
    assert [one.filename for one in caught] == [__file__]


def test_nothing_is_said_where_all_match_nothing_is_asked_for_or_it_was_stopped(
    reg: SampleClient,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reg.audit(["team/*", "team/api"], tags=["latest", "v1*"])
        reg.audit([], tags=[])
        assert not reg.audit("none*", max_requests=0).complete
