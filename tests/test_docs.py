"""README and docs pages hold: their programs and commands are run, their links lead somewhere, nothing lacks a page.

In a console block a line ``...`` stands for any lines; times and residuals may differ. A fenced block whose language is
followed by a path is a file, written before the next command.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import pytest
from application_cases import run_page

from breakaway.runners.cli import ANSWERED, BAD_INPUT, NO_ANSWER, UNEXPECTED, main, parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
WITH_PROGRAMS = [
    "comparison",
    "ntu",
    "public_goods",
    "implementation",
    "../README",
    "strategic_form",
    "surplus_functions",
    "viability",
    "exact_search",
    "corrections",
    "verify",
]
WITH_PROGRAMS_ELSEWHERE = {
    "abatement",
    "augmented_mechanism",
    "axioms",
    "best_response",
    "coalition_deviation",
    "coalitional_nash",
    "column_generation",
    "compte_jehiel",
    "core",
    "cournot",
    "deception_search",
    "descent_direction",
    "descent_step",
    "egalitarian",
    "group_welfare",
    "groups",
    "imputation",
    "interim",
    "interior_reward",
    "lindahl",
    "lorenz_dominance",
    "nucleolus",
    "kalai_smorodinsky",
    "pareto_improvement",
    "patterns",
    "positive_size",
    "reading_answers",
    "required_worth",
    "research_race",
    "reward_set",
    "shapley",
    "solvers",
    "symmetric_transport",
    "theorems",
    "whistle_blowing",
}
"""Pages whose programs the tests of their own parts run."""

HELPER_MODELS = {
    "blocks": "components that several models share",
    "public_goods": "expressions and rows that several models share",
    "small_groups": "components that several models share",
    "unblocked": "components that several models share",
    "chain_flow": "a formulation of coalitional_nash, described on its page",
    "solver_probes": "tiny models with known answers, by which solvers are probed",
}
"""Modules of ``models`` that are no concept of their own, and why."""

BLOCK = re.compile(r"^```(\w+)(?: ([\w./-]+))?\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def ident(page: Path | str) -> str:
    return Path(page).name


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# --- programs and commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", WITH_PROGRAMS, ids=ident)
def test_programs_print_what_the_page_says(stem: str) -> None:
    pairs = run_page(stem)
    assert pairs
    for written, obtained in pairs:
        assert obtained == written


def test_no_program_is_left_out() -> None:
    known = {ident(stem) for stem in WITH_PROGRAMS} | WITH_PROGRAMS_ELSEWHERE
    assert {page.stem for page in PAGES if "```python" in page.read_text(encoding="utf-8")} == known


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield (path, content) of the files and (command, output) of the console blocks of a page, in order."""
    for language, path, body in BLOCK.findall(text):
        if path:
            yield path, body
        elif language == "console":
            for command in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                first, _, output = command.partition("\n")
                yield f"$ {first}", output


def normal(text: str) -> str:
    """Blot out times and residuals, and the blanks whose number depends on them."""
    text = re.sub(r"largest residual [\d.e-]+", "largest residual R", " ".join(text.split(" ")))
    text = re.sub(r"\b[\d.]+ m?s\.", "T s.", text)
    lines = [re.sub(r"(?<=  )\d+\.\d{3}(?=  )", "T", line) for line in text.rstrip().splitlines()]
    return "\n".join(re.sub(r" +", " ", line).rstrip() if "  T  " in line else line for line in lines) + "\n"


def pattern(written: str) -> str:
    """Return the regular expression of an output in which ``...`` stands for any lines."""
    parts = re.split(r"^\.\.\.\n", normal(written), flags=re.MULTILINE)
    return r"(?s:.*?)".join(map(re.escape, parts))


@pytest.mark.parametrize("page", [p for p in PAGES if "```console" in p.read_text(encoding="utf-8")], ids=ident)
def test_commands_print_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = 0
    for what, content in steps(page.read_text(encoding="utf-8")):
        if not what.startswith("$ "):
            (tmp_path / what).parent.mkdir(exist_ok=True)
            (tmp_path / what).write_text(content, encoding="utf-8")
            continue
        program, *arguments = shlex.split(what.removeprefix("$ "))
        assert program == "breakaway"
        main(arguments)
        printed = capsys.readouterr()
        assert re.fullmatch(pattern(content), normal(printed.out + printed.err)), f"{what}\n{printed.out}{printed.err}"
        commands += 1
    assert commands


def test_an_output_is_not_matched_by_another() -> None:
    assert re.fullmatch(pattern("one\n...\ntwo 3 ms.\n"), normal("one\nand\na half\ntwo 4 ms.\n"))
    assert not re.fullmatch(pattern("one\n...\ntwo\n"), normal("one\nand\nthree\n"))
    assert not re.fullmatch(pattern("gap 0.125\n"), normal("gap 0.250\n"))


def test_the_readme_has_its_two_commands() -> None:
    install = "python -m venv .venv && .venv/bin/pip install --quiet"
    commands = [body.strip() for language, _, body in BLOCK.findall(read("README.md")) if language == "sh"]
    assert commands == [
        f"{install} . && .venv/bin/breakaway solve cartel-2-3-4",
        f'{install} -e ".[all]" && .venv/bin/pytest -q -n auto',
    ]


# --- links and completeness ----------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


def test_the_index_lists_every_page() -> None:
    index = read("docs/README.md")
    missing = {page.name for page in (ROOT / "docs").glob("*.md")} - set(re.findall(r"\]\((\w+\.md)\)", index))
    assert missing <= {"README.md"}


def test_every_model_has_a_page_and_tests() -> None:
    models = {path.stem for path in (ROOT / "models").glob("[!_]*.py")}
    assert set(HELPER_MODELS) <= models
    for stem in models - set(HELPER_MODELS):
        assert (ROOT / "docs" / f"{stem}.md").exists(), f"docs/{stem}.md is missing"
        assert (ROOT / "tests" / f"test_{stem}.py").exists(), f"tests/test_{stem}.py is missing"


def test_tests_and_instances_named_in_the_corrections_exist() -> None:
    text = read("docs/corrections.md")
    examples = read("tests/test_examples.py")
    tests = set(re.findall(r"`(test_\w+)`", text))
    assert len(tests) >= 8
    for name in tests:
        assert f"def {name}(" in examples
    names = set(re.findall(r"`((?:theorem|majority|tie|coarsest|example|cartel)-[\w-]+)`", text))
    assert len(names) >= 8
    for name in names:
        assert (ROOT / "data" / "instances" / name / "game.toml").exists(), name


def test_the_numbered_steps_of_the_algorithm_are_those_of_the_code() -> None:
    def numbered(text: str) -> list[str]:
        found = re.findall(r"^(\d\. .*?)(?=\n\d\. |\n\n|\Z)", text, flags=re.MULTILINE | re.DOTALL)
        return [" ".join(step.split()).rstrip(";.") for step in found]

    code = numbered(read("runners/recursion.py").split('"""')[1])
    page = numbered(read("docs/viability.md").split("## The algorithm")[1])
    assert len(code) == 7
    assert page[:7] == code


def test_every_option_and_exit_code_is_on_the_page() -> None:
    page = read("docs/command_line.md")
    (commands,) = [a.choices for a in parser()._actions if isinstance(a.choices, dict)]
    for name, command in commands.items():
        assert f"## {name}" in page or name in ("instances", "solvers")
        for action in command._actions:
            for option in action.option_strings:
                assert option == "-h" or f"`{option}" in page or f"[{option}" in page or option == "--help", option
    for code in (ANSWERED, UNEXPECTED, BAD_INPUT, NO_ANSWER):
        assert f"| {code} |" in page


@pytest.mark.parametrize("command", ["check", "solve"])
def test_the_json_of_a_command_has_the_keys_on_the_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "cartel-2-3-4", "--json"])
    section = read("docs/command_line.md").split(f"## {command}")[1].split("\n## ")[0]
    described = section[section.index("JSON:") :]
    for key in json.loads(capsys.readouterr().out):
        assert f"`{key}`" in described


def test_every_dependency_has_a_reason_and_its_licence() -> None:
    page = read("docs/dependencies.md")
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    for extra, needed in [("", project["dependencies"]), *((e, r) for e, r in extras.items() if e != "all")]:
        for requirement in needed:
            name = re.split(r"[<>=\[]", requirement)[0]
            (row,) = re.findall(rf"^\| {name} \|.*$", page, flags=re.MULTILINE)
            assert not extra or f"| `{extra}` |" in row
            declared = metadata(name).get("License-Expression")
            assert declared is None or declared.split()[0] in row, f"{name} declares {declared}"
