"""The benchmarks run in their smallest size, agree with each other, and print complete tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def rows_of(script: str, *options: str) -> list[dict[str, str]]:
    """Run a benchmark and return the rows of all tables that it prints."""
    command = [sys.executable, str(BENCHMARKS / script), *options]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Python ")
    rows, header = [], []
    lines = [line for line in answer.stdout.splitlines() if line.startswith("|")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if set(following) == set("| -"):
            header = cells
        elif set(line) != set("| -"):
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def test_threat_games_agree_at_four_players() -> None:
    peers = ["HiGHS, outer approximation", "HiGHS, chain flow"]
    rows = rows_of("threat_games.py", "--sizes", "4", "--tight-sizes", "4", "--limit", "60", "--peers", *peers)
    assert [(row["class"], row["method"]) for row in rows] == [
        (kind, method) for kind in ("ordinary", "tight") for method in ("exact", *peers)
    ]
    for row in rows:
        assert row["threats"] == "14"
        assert row["maximisers"].isdigit()
        assert float(row["gap"]) <= 1e-6


@pytest.mark.slow
def test_threat_games_agree_with_scip_at_four_players() -> None:
    pytest.importorskip("pyscipopt")
    peers = ["SCIP, threshold", "SCIP, disjunctive (big-M)"]
    rows = rows_of("threat_games.py", "--sizes", "4", "--tight-sizes", "--limit", "60", "--peers", *peers)
    assert [row["method"] for row in rows] == ["exact", *peers]
    assert len({row["maximisers"] for row in rows}) == 1


def test_threat_games_say_when_a_limit_is_reached() -> None:
    options = ["--sizes", "8", "--tight-sizes", "--limit", "0.001", "--peers", "HiGHS, outer approximation"]
    exact, stopped = rows_of("threat_games.py", *options)
    assert exact["maximisers"].isdigit()
    assert stopped["maximisers"] == "limit"
    assert stopped["ratio"].startswith("≥")


def test_threat_games_leave_models_out_above_a_size() -> None:
    rows = rows_of("threat_games.py", "--sizes", "6", "--tight-sizes", "--peers-up-to", "5")
    assert [row["method"] for row in rows] == ["exact"]


def test_maps_grow_and_report_memory() -> None:
    rows = rows_of("viability_maps.py", "--sizes", "4", "5", "--peer-sizes")
    assert [(row["n"], row["structures"], row["triples"]) for row in rows] == [("4", "15", "62"), ("5", "52", "320")]
    assert all(float(row["peak MB"]) > 0 for row in rows)


@pytest.mark.slow
def test_maps_by_models_are_the_same() -> None:
    pytest.importorskip("pyscipopt")
    rows = rows_of("viability_maps.py", "--sizes", "--peer-sizes", "3")
    assert [row["method"] for row in rows] == [
        "exact",
        "one Pyomo + SCIP solve per block",
        "one Pyomo + HiGHS solve per block",
    ]
    assert {row["same map"] for row in rows} == {"yes"}


@pytest.mark.slow
def test_strategic_forms_grow_and_agree_with_plain_loops() -> None:
    rows = rows_of("strategic_form.py", "--sizes", "3x2", "4x2", "--peer-sizes", "3x3")
    assert [(row["structures"], row["profiles"]) for row in rows[:2]] == [("5", "40"), ("15", "240")]
    assert [row["method"] for row in rows[2:]] == ["arrays", "plain Python"]
    assert {row["same equilibria"] for row in rows[2:]} == {"yes"}


@pytest.mark.slow
def test_ordered_search_agrees_with_the_general_search() -> None:
    rows = rows_of("ordered_search.py", "--sizes", "4", "7", "--limit", "60", "--methods", "general")
    assert [(row["class"], row["n"], row["method"]) for row in rows] == [
        (kind, n, method) for kind in ("ordinary", "tight") for n in ("4", "7") for method in ("ordered", "general")
    ]
    assert all(row["maximisers"].isdigit() and row["value"] == row["bound"] for row in rows)


@pytest.mark.slow
def test_small_groups_agree_with_the_direct_programme_and_transport() -> None:
    options = ["--types", "8", "--sizes", "2", "3", "--families", "coulomb", "--limit", "60"]
    peers = ["direct LP", "Sinkhorn", "GenCol"]
    rows = rows_of("small_groups.py", *options, "--methods", *peers)
    assert [(row["family"], row["N"], row["method"]) for row in rows] == [
        ("coulomb", n, method) for n in "23" for method in ("engine", *peers)
    ]
    for row in rows:
        exact = row["method"] in ("engine", "direct LP")
        assert float(row["short by"]) <= (1e-6 if exact else 0.2)
        assert not exact or float(row["proven gap"]) <= 1e-6
        assert (row["proven gap"] == "none") == (row["method"] == "GenCol")
        assert float(row["MB"]) > 0


@pytest.mark.slow
def test_small_groups_agree_with_transport_of_pairs() -> None:
    pytest.importorskip("ot")
    options = ["--types", "9", "--sizes", "2", "--families", "iid", "planar", "--limit", "60"]
    rows = rows_of("small_groups.py", *options, "--methods", "POT emd")
    assert [row["method"] for row in rows] == ["engine", "POT emd"] * 2
    assert all(float(row["short by"]) <= 1e-6 and float(row["proven gap"]) <= 1e-6 for row in rows)


@pytest.mark.slow
def test_public_goods_methods_agree_with_brute_force_on_points() -> None:
    options = ["--families", "log", "pwl", "--agents", "2", "--share", "0.01", "--kinds", "strict", "--workers", "1"]
    rows = rows_of("public_goods_points.py", *options)
    assert [row["family"] for row in rows] == ["log", "pwl", "all"]
    for row in rows:
        assert int(row["points"]) >= 10
        assert row["descent errs"] == row["elimination errs"] == "0"
        assert int(row["descent agrees"]) + int(row["boundary"]) == int(row["points"])
        assert float(row["largest gap"]) <= 1e-8


def test_public_goods_methods_grow_and_agree() -> None:
    options = ["--sizes", "4", "5", "6", "--elimination-sizes", "4", "5", "6", "--brute-sizes", "4", "5"]
    rows = rows_of("public_goods.py", *options, "--family", "cubic", "--limit", "0.01", "--fit-from", "4")
    times, growth = rows[:-2], rows[-2:]
    assert [(row["n"], row["method"]) for row in times if row["method"] != "brute force"] == [
        (n, method) for n in "456" for method in ("descent", "elimination")
    ]
    assert {row["in the core"] for row in times if row["method"] != "brute force"} == {"yes"}
    stopped = [row for row in times if row["method"] == "brute force"]
    assert [row["in the core"] for row in stopped] == ["limit", "limit"]
    assert all(row["ratio"].startswith("≥") for row in stopped)
    assert [row["programmes"] for row in times if row["method"] == "elimination"] == ["4", "5", "6"]
    assert [row["method"] for row in growth] == ["descent", "elimination"]


def test_monotonicity_of_random_environments_agrees_with_enumeration() -> None:
    options = ["--environments", "6", "--most-deceptions", "1000", "--workers", "1"]
    rows = rows_of("implementation_random.py", *options)
    assert rows[0]["condition"] == "robust monotonicity"
    assert rows[-1]["condition"] == "all"
    for row in rows:
        assert row["left open"] == "0"
        assert int(row["holds"]) + int(row["fails"]) == int(row["agree"]) > 0


@pytest.mark.slow
def test_monotonicity_grows_and_says_when_a_limit_is_reached() -> None:
    rows = rows_of("implementation.py", "--sizes", "2x2", "2x4", "--count", "1", "--limit", "1")
    ways = {"robust": "elimination", "coalitional": "elimination", "maximal": "learned clauses"}
    for condition, method in ways.items():
        own = [row for row in rows if row["condition"] == condition]
        assert [row["method"] for row in own[:3]] == [method, "enumeration", method]
        assert own[-1]["method"] == "enumeration (limit)"
        assert own[-1]["ratio"].startswith("≥")
    assert all(row["open"] == "0" for row in rows)
