"""Runs on disk: written, read back, refused."""

import dataclasses
import hashlib
import json
import math
import os

import numpy as np
import pandas as pd
import pytest
from result_samples import characteristic_answer, threat_answer, viability_answer

from breakaway.results import storage
from breakaway.results.records import Answer, Certificate
from breakaway.results.storage import RunError, StoredRun, read_run, write_run
from breakaway.results.tables import COLUMNS, TABLES

FILES = {"game.toml": b'kind = "cournot"\n', "players.csv": b"player,unit_cost\n1,2\n"}
VERSIONS = {"breakaway": "0.1.0", "highs": "1.11.0"}


def write(folder, answer) -> StoredRun:
    write_run(folder, answer, command=["breakaway", "solve", "a b"], instance_files=FILES, versions=VERSIONS)
    return read_run(folder)


def tiny(**changes) -> Answer:
    names = ("1", "NA", "true")
    solutions = pd.DataFrame({"solution": [1, 1, 1], "player": names, "payoff": [1 / 3, -0.0, math.inf]})
    certificate = Certificate(
        "optimal",
        "proven optimum",
        {"value": -math.inf, "gap": np.float64(0.5), "complete": np.bool_(True), "nodes": np.int64(7), "pair": (1, 2)},
        1e-16,
    )
    options = {"method": "exact", "seed": 3, "time_limit": None}
    fields = {"tables": {"solutions": solutions}, "certificate": certificate, "options": options} | changes
    return Answer("coalitional-nash", "threat-game", "Ünïcode title", "hand", names, **fields, seconds={"search": 0.25})


@pytest.mark.parametrize(
    "answer",
    [
        viability_answer("ex4_A10"),
        viability_answer("ex4_A23"),
        viability_answer("pfg_rand_05_n5"),
        threat_answer("exo_rand_01_n3"),
        characteristic_answer("ex5"),
        characteristic_answer("thm3_pairwise_gcs_fails"),
    ],
    ids=lambda answer: answer.title,
)
def test_round_trip(tmp_path, answer):
    run = write(tmp_path / "run", answer)
    assert list(run.answer.tables) == list(answer.tables)
    for name, frame in answer.tables.items():
        pd.testing.assert_frame_equal(
            run.answer.tables[name], frame, rtol=1e-11, atol=1e-300, check_dtype=len(frame) > 0
        )
    for field in ("concept", "kind", "title", "source", "players"):
        assert getattr(run.answer, field) == getattr(answer, field)
    assert dict(run.answer.certificate.claims) == dict(answer.certificate.claims)
    assert run.answer.certificate.residual == answer.certificate.residual
    assert run.altered == ()


def test_round_trip_of_special_names_and_numbers(tmp_path):
    run = write(tmp_path / "run", tiny())
    solutions = run.answer.tables["solutions"]
    assert solutions["player"].tolist() == ["1", "NA", "true"]
    assert solutions["payoff"].tolist() == [0.333333333333, 0.0, math.inf]
    assert str(solutions["payoff"][1]) == "0.0"
    assert run.answer.certificate.claims["value"] == -math.inf
    assert run.answer.certificate.claims["complete"] is True
    assert run.answer.certificate.claims["pair"] == [1, 2]
    assert run.answer.options == {"method": "exact", "seed": 3, "time_limit": None}
    assert run.command == "breakaway solve 'a b'"
    assert run.versions == VERSIONS
    assert run.inputs == {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert {path.name: path.read_bytes() for path in run.instance.iterdir()} == FILES


def test_files_are_what_the_contract_says(tmp_path):
    answer = viability_answer("ex4_A10")
    write(tmp_path / "run", answer)
    lines = (tmp_path / "run" / "blocks.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "structure,coalition,worth,required_worth,slack,viable"
    assert "1+2|3,1+2,11.111111111,10.625,0.486111111,true" in lines
    header = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert header["status"] == {"termination": "optimal", "holding": "proven optimum"}
    assert header["seed"] == 0
    assert header["seconds"] == {"recursion": 0.0125}
    assert header["tables"]["structures"]["rows"] == 5
    assert header["tables"]["structures"]["complete"] is True
    assert header["tables"]["structures"]["columns"]["viable"] == "boolean"


def test_a_partial_table_is_said_to_be_incomplete(tmp_path):
    answer = viability_answer("ex4_A10")
    certificate = dataclasses.replace(answer.certificate, claims={"threats": "partial"})
    write(tmp_path / "run", dataclasses.replace(answer, certificate=certificate))
    tables = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["tables"]
    assert {name: entry["complete"] for name, entry in tables.items() if not entry["complete"]} == {"threats": False}


def test_twelve_significant_digits(tmp_path):
    numbers = [1 / 3, 123456789.123456789, 1e-20 / 3, 2e15]
    frame = pd.DataFrame({"solution": [1, 2, 3, 4], "player": ["1"] * 4, "payoff": numbers})
    write(tmp_path / "run", tiny(tables={"solutions": frame}))
    cells = [line.split(",")[2] for line in (tmp_path / "run" / "solutions.csv").read_text().splitlines()[1:]]
    assert cells == ["0.333333333333", "123456789.123", "3.33333333333e-21", "2e+15"]


def test_missing_numbers_stay_missing(tmp_path):
    frame = pd.DataFrame({"solution": [1], "player": ["1"], "payoff": [math.nan]})
    run = write(tmp_path / "run", tiny(tables={"solutions": frame}))
    assert run.answer.tables["solutions"]["payoff"].isna().all()
    assert (tmp_path / "run" / "solutions.csv").read_text().splitlines()[1] == "1,1,"


def test_python_booleans_in_an_object_column(tmp_path):
    frames = dict(viability_answer("ex4_A23").tables)
    frames["structures"] = frames["structures"].astype({"viable": object})
    run = write(tmp_path / "run", dataclasses.replace(viability_answer("ex4_A23"), tables=frames))
    assert run.answer.tables["structures"]["viable"].dtype == bool
    assert run.answer.tables["structures"]["viable"].tolist() == [False, True, True, True, True]


def test_an_earlier_run_of_the_same_instance_is_replaced(tmp_path):
    folder = tmp_path / "run"
    write(folder, viability_answer("ex4_A23"))
    (folder / "notes.md").write_text("mine")
    tables = {k: v for k, v in viability_answer("ex4_A23").tables.items() if k != "met"}
    run = write(folder, dataclasses.replace(viability_answer("ex4_A23"), tables=tables))
    assert "met" not in run.answer.tables
    assert not (folder / "met.csv").exists()
    assert (folder / "notes.md").read_text() == "mine"
    assert not list(folder.rglob("*.part"))


def test_a_run_of_another_instance_is_not_replaced(tmp_path):
    write(tmp_path / "run", viability_answer("ex4_A23"))
    with pytest.raises(RunError, match="holds a run of another instance, 'Cartel of three firms with costs 1, 3, 5'"):
        write(tmp_path / "run", viability_answer("ex4_A10"))
    assert read_run(tmp_path / "run").answer.title == "Cartel of three firms with costs 1, 3, 5"


def test_a_folder_that_is_not_a_run_is_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match=r"holds no run\.json, so it is not a run; give another folder"):
        write(tmp_path, tiny())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(RunError, match="is a file, not a folder"):
        write(tmp_path / "run", tiny())


def test_names_of_instance_files_may_not_leave_the_folder(tmp_path):
    with pytest.raises(RunError, match="is not a plain file name"):
        write_run(tmp_path / "run", tiny(), command="x", instance_files={"../evil.csv": b""}, versions={})
    assert not (tmp_path / "run").exists()


def test_an_interrupted_write_leaves_the_earlier_run(tmp_path, monkeypatch):
    write(tmp_path / "run", tiny())
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    calls = []

    def full_disk(self, content):
        calls.append(self)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.Path, "write_bytes", full_disk)
    with pytest.raises(RunError, match="No space left on device"):
        write(tmp_path / "run", tiny(tables={"solutions": tiny().tables["solutions"].iloc[:2]}))
    assert calls
    assert {path: path.read_bytes() for path in before} == before


def test_a_write_that_cannot_finish_is_a_run_error(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RunError, match="cannot be written"):
        write(tmp_path / "run", tiny())


def test_missing_folder(tmp_path):
    with pytest.raises(RunError, match=r"nowhere: no such folder; give the folder that `breakaway solve \.\.\. --out`"):
        read_run(tmp_path / "nowhere")


def test_folder_without_run_json(tmp_path):
    with pytest.raises(RunError, match=r"run\.json: is missing from the run"):
        read_run(tmp_path)


def edit_header(folder, change):
    path = folder / "run.json"
    header = json.loads(path.read_text(encoding="utf-8"))
    change(header)
    path.write_text(json.dumps(header), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(format="other"), r"run\.json: was not written by breakaway"),
        (lambda h: h.update(format_version=99), r"has format version 99, this program reads version 1"),
        (lambda h: h.pop("players"), r"entry 'players' is missing or malformed"),
        (lambda h: h["status"].clear(), r"entry 'status' or 'certificate' is malformed"),
        (lambda h: h["tables"].update(solutions=3), r"the entry of table 'solutions' is malformed"),
        (lambda h: h["tables"]["solutions"]["columns"].update(payoff="colour"), r"column 'payoff' of solutions"),
        (lambda h: h["tables"].pop("solutions"), r"table 'solutions' is missing"),
        (lambda h: h.update(concept="astrology"), r"unknown concept 'astrology'"),
        (lambda h: h["inputs"].update({"../../etc/passwd": ""}), r"is not a plain file name"),
        (lambda h: h["tables"].update({"../x": h["tables"]["solutions"]}), r"is not a plain file name"),
    ],
)
def test_damaged_header(tmp_path, change, message):
    write(tmp_path / "run", tiny())
    edit_header(tmp_path / "run", change)
    with pytest.raises(RunError, match=message):
        read_run(tmp_path / "run")


def test_header_that_is_not_json(tmp_path):
    write(tmp_path / "run", tiny())
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json: is not JSON"):
        read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("true", "maybe", r"structures\.csv:2:viable: 'maybe' is not true or false"),
        ("1+2+3,1,", "1+2+3,1.5,", r"structures\.csv:2:coalitions: '1\.5' is not a whole number"),
        (",16\n", ",lots\n", r"structures\.csv:2:worth: 'lots' is not a number"),
        ("structure,", "shape,", r"structures\.csv: has columns shape, coalitions, .* instead of structure,"),
        ("1+2+3,1,", "1+2+3,1,7,8,9,", r"structures\.csv: is not a table in CSV"),
    ],
)
def test_damaged_table(tmp_path, old, new, message):
    write(tmp_path / "run", viability_answer("ex4_A10"))
    path = tmp_path / "run" / "structures.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RunError, match=message):
        read_run(tmp_path / "run")


def test_table_that_is_not_utf8(tmp_path):
    write(tmp_path / "run", tiny())
    (tmp_path / "run" / "solutions.csv").write_bytes(b"solution,player,payoff\n1,\xff,2\n")
    with pytest.raises(RunError, match=r"solutions\.csv: is not a table in CSV"):
        read_run(tmp_path / "run")


def test_missing_table(tmp_path):
    write(tmp_path / "run", tiny())
    (tmp_path / "run" / "solutions.csv").unlink()
    with pytest.raises(RunError, match=r"solutions\.csv: is missing from the run; solve the instance again"):
        read_run(tmp_path / "run")


def test_edits_that_keep_the_format_are_reported(tmp_path):
    write(tmp_path / "run", viability_answer("ex4_A10"))
    path = tmp_path / "run" / "structures.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("true", "false", 1), encoding="utf-8")
    (tmp_path / "run" / "instance" / "players.csv").write_bytes(b"player\n")
    assert read_run(tmp_path / "run").altered == ("structures.csv", "instance/players.csv")


def test_an_answer_needs_its_tables():
    with pytest.raises(ValueError, match="incomplete: table 'solutions' lacks payoff"):
        tiny(tables={"solutions": pd.DataFrame({"solution": [1], "player": ["1"]})})
    with pytest.raises(ValueError, match="unknown concept"):
        dataclasses.replace(tiny(), concept="other")


def test_every_column_is_declared():
    declared = {c for tables in TABLES.values() for t in tables.values() for c in (*t.columns, *t.optional)}
    assert declared == set(COLUMNS)
