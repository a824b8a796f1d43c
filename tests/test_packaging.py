"""What pyproject.toml, constraints.txt and environment.yml say of each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


def names(requirements: list[object]) -> set[str]:
    """The names of packages, without versions, extras and what is included from elsewhere."""
    texts = [r for r in requirements if isinstance(r, str) and not r.startswith("regnb[")]
    return {re.split(r"[\s\[<>=!~;]", text, maxsplit=1)[0].lower() for text in texts}


def test_the_extras_and_groups_are_the_promised_ones() -> None:
    assert set(EXTRAS) == {"widgets", "plot", "parquet", "style", "dask", "notebook"}
    assert set(PROJECT["dependency-groups"]) == {"test", "lint", "docs", "browser", "bench"}


def test_every_direct_requirement_is_pinned() -> None:
    wanted = names(PROJECT["project"]["dependencies"])
    for requirements in (*EXTRAS.values(), *PROJECT["dependency-groups"].values()):
        wanted |= names(requirements)
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = {line.split("==")[0] for line in lines if line and not line.startswith("#")}
    assert wanted - pins == set()


def test_constraints_hold_names_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.]*", line), line


def test_environment_yml_installs_this_project_with_its_notebook_extra() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    python, pip, packages = environment["dependencies"]
    assert pip == "pip"
    assert packages == {"pip": ["--constraint constraints.txt", "-e .[notebook]"]}
    minimum = PROJECT["project"]["requires-python"].removeprefix(">=").split(".")
    assert [int(n) for n in python.removeprefix("python=").split(".")] >= [int(n) for n in minimum]


def test_the_notebook_extra_holds_the_extras_that_a_notebook_shows() -> None:
    included = next(r for r in EXTRAS["notebook"] if r.startswith("regnb["))
    assert set(included.removeprefix("regnb[").removesuffix("]").split(",")) == {
        "widgets",
        "plot",
        "parquet",
        "style",
    }
