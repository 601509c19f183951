"""Is a user's own assignment stable: ``breakaway verify INSTANCE --assignment FILE --imputation FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from breakaway.data.families import GROUP_GAMES
from breakaway.data.instances import load_instance
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.data.problems import DataError, Findings
from breakaway.data.tables import read_csv
from breakaway.runners.verify import Verification, verify_assignment, verify_positive

NEEDED = {"assignment": ("group", "mass"), "imputation": ("type", "payoff"), "composition": ("group", "type", "amount")}
"""The columns that the tables must have; an assignment may also have the surplus of its groups."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the tables of a user."""
    for name, columns in NEEDED.items():
        text = f"your own {name} ({', '.join(columns)}) as CSV, to be checked against INSTANCE in place of RUN"
        text += "; with groups of positive size only" if name == "composition" else ""
        command.add_argument(f"--{name}", metavar="FILE", help=text)


def asked_for(asked: argparse.Namespace) -> bool:
    """Tell whether tables of the user are to be checked."""
    return bool(asked.assignment or asked.imputation or asked.composition)


def run(asked: argparse.Namespace, tolerance: float) -> tuple[Verification, str]:
    """Check the tables; return the verification and the verdict in words.

    Raises
    ------
    ValueError
        When one of the tables is missing, or the instance is no market of small groups.
    DataError
        For an instance or a table with problems.
    """
    if not (asked.assignment and asked.imputation):
        raise ValueError("an assignment is stable together with an imputation: give --assignment and --imputation")
    instance = load_instance(asked.run_folder)
    if not isinstance(instance.game, GROUP_GAMES):
        raise ValueError(f"{instance.name} is of kind {instance.kind}: assignments belong to markets of small groups")
    if isinstance(instance.game, PositiveSizeGame) != bool(asked.composition):
        raise ValueError("--composition says whom groups of positive size take: give it with them, and with no others")
    findings = Findings()
    tables = {name: _table(Path(getattr(asked, name)), name, findings) for name in NEEDED if getattr(asked, name)}
    if findings:
        raise DataError(findings.problems())
    if isinstance(instance.game, PositiveSizeGame):
        verification = verify_positive(instance.game, tables, {}, tolerance)
    else:
        verification = verify_assignment(instance.game, tables, {}, tolerance)
    return verification, _verdict(verification)


def _table(path: Path, name: str, findings: Findings) -> pd.DataFrame:
    """Read a table of the user; its cells stay text."""
    try:
        raw = read_csv(path.name, path.read_bytes(), findings)
    except OSError as error:
        findings.add(str(path), f"cannot be read ({error.strerror})", f"give a CSV file with {', '.join(NEEDED[name])}")
        return pd.DataFrame()
    if raw is None:
        return pd.DataFrame()
    missing = [column for column in NEEDED[name] if column not in raw.frame.columns]
    if missing:
        remedy = f"the columns of an {name} are {', '.join(NEEDED[name])}"
        findings.add(path.name, f"column {', '.join(missing)} is missing", remedy, row=raw.header_row)
    return raw.frame.reset_index(drop=True)


def _verdict(verification: Verification) -> str:
    """Say in a sentence whether the assignment is stable, and if not why."""
    checks = verification.checks
    failed = checks[checks["failed"] > 0]
    if failed.empty:
        left = checks[(checks["checked"] == 0) & (checks["detail"] != "")]
        return "Stable." if left.empty else f"No fault was found, but not all was checked: {left['detail'].iloc[0]}."
    blocking = failed[failed["claim"] == "no group blocks"]
    first = failed if blocking.empty else blocking
    return f"Not stable: {first['detail'].iloc[0]}."
