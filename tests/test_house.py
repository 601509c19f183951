"""The house holds together: packages are complete, imports run one way, models do not solve, only results write."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("data", "models", "runners", "results")
MAY_IMPORT = {
    "data": {"data"},
    "models": {"data", "models"},
    "results": {"data", "results"},
    "runners": {"data", "models", "results", "runners"},
}
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported_modules(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


def test_every_package_on_disk_is_packaged_from_its_folder() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT).as_posix() for path in FILES if path.name == "__init__.py"}
    expected = {"breakaway." + folder.replace("/", "."): folder for folder in folders}
    assert set(declared["packages"]) == set(expected)
    assert declared["package-dir"] == expected


def test_folders_with_modules_are_packages() -> None:
    assert all((path.parent / "__init__.py").exists() for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for name in imported_modules(ast.parse(path.read_text())):
        parts = name.split(".")
        assert parts[0] not in ROOMS, f"{name} would be a second copy of the module"
        if parts[0] == "breakaway" and len(parts) > 1:
            assert parts[1] in MAY_IMPORT[room], f"{room} must not import {name}"


def calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in functions}


@pytest.mark.parametrize("path", sorted((ROOT / "models").rglob("*.py")), ids=lambda path: path.name)
def test_models_do_not_solve_or_read(path: Path) -> None:
    assert not calls(path) & {"SolverFactory", "solve", "solve_model", "read_csv", "open", "read_text"}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.relative_to(ROOT).parts[0] in ("data", "models")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_data_and_models_write_no_files(path: Path) -> None:
    assert not calls(path) & {"write_text", "write_bytes", "to_csv", "savefig", "mkdir"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_functions_are_small(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    too_long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= 60]
    assert not too_long, f"longer than 60 lines: {', '.join(too_long)}"
