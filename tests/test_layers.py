"""The import direction, as a table: a module imports only from the rows above its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import pytest

ROWS = [  # lowest first
    {"errors", "options"},
    {"display"},
    {"model"},
    {"interfaces"},
    {"core", "store"},
    {"progress", "workers"},
    {"walk", "transfer", "frames"},
    {"audit"},
    {"client"},
    {"sample"},
]
RANK = {room: rank for rank, rooms in enumerate(ROWS) for room in rooms}
RELATIVE = "a relative import"
PACKAGE = Path(__file__).parents[1] / "regnb"


def room_of(path: Path, package: Path) -> str:
    return path.relative_to(package).with_suffix("").parts[0]


def imported_rooms(source: str, package: str) -> Iterator[str]:
    """The rooms that a module imports, at its top or inside its functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield RELATIVE
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            inside = name.removeprefix(f"{package}.")
            if inside != name:
                yield inside.split(".")[0]


# Inside of core: the wire knows no registry, and what logs in knows no endpoints. Inside of audit:
# numbers, then tables of them, then what keeps them, then answers, then plans.
INNER_ROWS = {
    "core": ["wire", "auth"],
    "audit": ["kernel", "tables", "keeping", "answers", "plans"],
}


def wrong_inner_imports(package: Path, room: str, rows: list[str]) -> list[str]:
    """Imports between the parts of a room that point upwards; what is in no part is above all."""
    found = []
    for rank, part in enumerate(rows):
        for path in sorted((package / room / part).rglob("*.py")):
            others = set(imported_rooms(path.read_text("utf-8"), f"{package.name}.{room}"))
            allowed = set(rows[: rank + 1])
            found += [f"{part} imports {other}" for other in sorted(others - allowed)]
    return found


def wrong_imports(package: Path) -> list[str]:
    found = []
    for path in sorted(package.rglob("*.py")):
        room = room_of(path, package)
        if room == "__init__":
            continue
        others = imported_rooms(path.read_text("utf-8"), package.name)
        for other in (o for o in others if o in RANK or o == RELATIVE):
            if other not in RANK or (other != room and RANK[other] >= RANK[room]):
                found.append(f"{path.relative_to(package)}: {room} imports {other}")
    return found


def test_imports_point_downwards() -> None:
    assert wrong_imports(PACKAGE) == []


@pytest.mark.parametrize("room", INNER_ROWS)
def test_imports_inside_of_a_room_point_downwards(room: str) -> None:
    assert wrong_inner_imports(PACKAGE, room, INNER_ROWS[room]) == []


def test_a_planted_wrong_inner_import_is_found(tmp_path: Path) -> None:
    wire = tmp_path / "regnb" / "core" / "wire"
    wire.mkdir(parents=True)
    (wire / "x.py").write_text("from regnb.core.auth.y import z\nfrom regnb.core import tags\n")
    wrong = wrong_inner_imports(tmp_path / "regnb", "core", INNER_ROWS["core"])
    assert wrong == ["wire imports auth", "wire imports tags"]


def test_every_module_has_a_room_and_every_room_a_module() -> None:
    rooms = {room_of(path, PACKAGE) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms == set(RANK)


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("from regnb import sample", "sample"),
        ("import regnb.sample", "sample"),
        ("def late():\n    from regnb.sample import serve", "sample"),
        ("from ..model import digest", "a relative import"),
    ],
)
def test_a_planted_wrong_import_is_found(tmp_path: Path, line: str, other: str) -> None:
    core = tmp_path / "regnb" / "core"
    core.mkdir(parents=True)
    (core / "tags.py").write_text(line)
    assert wrong_imports(tmp_path / "regnb") == [f"core/tags.py: core imports {other}"]


FORBIDDEN = {
    "display": {"pandas", "requests", "tqdm", "IPython", "numpy"},
    "model": {"pandas", "requests", "tqdm", "IPython", "numpy"},
    "core": {"pandas", "tqdm", "IPython", "numpy"},
    "store": {"pandas", "requests", "tqdm", "IPython", "numpy"},
    "walk": {"pandas", "requests", "tqdm", "IPython"},
    "sample": {"pandas", "requests", "tqdm", "IPython", "numpy"},
}


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_does_without_what_it_does_not_need(room: str) -> None:
    modules = [PACKAGE / f"{room}.py", *(PACKAGE / room).rglob("*.py")]
    found = set()
    for path in (m for m in modules if m.exists()):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    assert found & FORBIDDEN[room] == set()


def test_s25_nothing_that_a_registry_sends_can_run_as_code() -> None:
    risky = {"eval", "exec", "compile", "__import__", "pickle", "marshal", "yaml", "shelve"}
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.func.id] if _calls_by_name(node) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in risky]
    assert found == []


def _calls_by_name(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_the_sample_server_shares_no_code_with_the_client() -> None:
    rooms = set()
    for path in (PACKAGE / "sample").rglob("*.py"):
        if path.name != "__init__.py":
            rooms |= set(imported_rooms(path.read_text("utf-8"), "regnb")) - {"sample"}
    assert rooms == set()
