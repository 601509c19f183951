"""Is a user's own assignment stable: ``breakaway verify INSTANCE --assignment FILE --imputation FILE``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from breakaway.data.families import GROUP_GAMES
from breakaway.data.groups import FiniteGroupGame
from breakaway.data.instances import load_instance
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.data.problems import SHOWN, Findings
from breakaway.data.schema import NONNEGATIVE, Column, ColumnType, Table
from breakaway.data.tables import RawTable, read_csv
from breakaway.data.typed import Names, TypedTable, read_table
from breakaway.runners.verify import Verification, verify_assignment, verify_positive

NEEDED = {"assignment": ("group", "mass"), "imputation": ("type", "payoff"), "composition": ("group", "type", "amount")}
"""The columns that the tables must have; others are passed over, but for the surplus of groups in an assignment."""

TYPE = Column("type", ColumnType.MEMBER, "name of the type", key=True, domain="type")
LABEL = Column("group", ColumnType.LABEL, "name of the group", key=True)
COLUMNS = {
    "group": Column("group", ColumnType.GROUP, "group, as A+A+B", key=True, domain="type"),
    "mass": Column("mass", ColumnType.NUMBER, "how many groups of this kind form", bound=NONNEGATIVE),
    "surplus": Column("surplus", ColumnType.NUMBER, "surplus of one such group"),
    "payoff": Column("payoff", ColumnType.NUMBER, "payoff of a member of the type"),
    "amount": Column(
        "amount", ColumnType.NUMBER, "how many people of the type one such group takes", bound=NONNEGATIVE
    ),
    "type": TYPE,
}
"""What the cells of a user's tables are; with groups of positive size the group is a name."""


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
    tables = {
        name: _table(Path(getattr(asked, name)), name, instance.game, findings)
        for name in NEEDED
        if getattr(asked, name)
    }
    findings.raise_if_any()
    if isinstance(instance.game, PositiveSizeGame):
        verification = verify_positive(instance.game, tables, {}, tolerance)
    else:
        verification = verify_assignment(instance.game, tables, {}, tolerance)
    return verification, _verdict(verification)


def _table(path: Path, name: str, game: FiniteGroupGame | PositiveSizeGame, findings: Findings) -> pd.DataFrame:
    """Read and check a table of the user; its cells stay text."""
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
        return pd.DataFrame()
    used = [column for column in (*NEEDED[name], "surplus") if column in raw.frame.columns]
    kept = RawTable(raw.file, raw.header_row, raw.frame[used], raw.unread)
    typed = read_table(_declared(name, used, game), kept, {"type": Names(game.types.names)}, findings)
    if typed is not None and name == "imputation":
        _check_everybody_is_paid(typed, game.types.names, findings)
    return kept.frame.reset_index(drop=True)


def _declared(name: str, used: Sequence[str], game: FiniteGroupGame | PositiveSizeGame) -> Table:
    """Declare a table of the user."""
    named = isinstance(game, PositiveSizeGame)
    columns = tuple(LABEL if named and column == "group" else COLUMNS[column] for column in used)
    return Table(name, f"the user's {name}", columns)


def _check_everybody_is_paid(table: TypedTable, types: Sequence[str], findings: Findings) -> None:
    """Report types without a payoff, unless a row that cannot be read may be theirs."""
    paid = set(table.values("type"))
    absent = [name for k, name in enumerate(types) if k not in paid]
    if absent and not table.unidentified():
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        message = f"there is no payoff of {', '.join(absent[:SHOWN])}{more}"
        findings.add(table.file, message, "give every type one row", column="type")


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
