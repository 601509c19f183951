"""Tests of axioms on paper and on disk: a table axiom by concept, counter-examples in words, and as instances."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from breakaway.data.games import ThreatGame, TotalWorth
from breakaway.results.instances import write_instance
from breakaway.results.storage import RunError
from breakaway.results.wording import aligned, braces, number, paragraph, vector

FILE = "axioms.csv"

COLUMNS: Mapping[str, str] = {
    "axiom": "the axiom",
    "concept": "solution concept",
    "verdict": "holds (in every trial), fails, or undefined (there was no trial)",
    "tried": "trials that were made",
    "failed": "trials in which the axiom is violated",
    "undefined": "trials for whose games the concept is not defined",
    "counterexample": "the smallest violation, in words",
    "instance": "folder of its game and of the transformed game, where they were written",
}
"""The columns of the table and what they hold."""

SOURCE = "a counter-example found by breakaway axioms"

MOST_THREATS = 6
"""Most threats of a counter-example that are printed."""


def axioms_text(about: str, table: pd.DataFrame, games: Mapping[str, ThreatGame]) -> str:
    """Write the table axiom by concept, and every violated axiom with its smallest counter-example.

    ``games`` holds the game of each counter-example, by ``<concept>-<axiom>``.
    """
    rows = table.to_dict("records")
    concepts = list(dict.fromkeys(str(row["concept"]) for row in rows))
    axioms = list(dict.fromkeys(str(row["axiom"]) for row in rows))
    cells = {(row["axiom"], row["concept"]): _cell(row) for row in rows}
    lines = [*paragraph(about), ""]
    lines += aligned(["concept", *axioms], [[c, *(cells[a, c] for a in axioms)] for c in concepts])
    for row in rows:
        if row["verdict"] == "fails":
            name = f"{row['concept']}-{row['axiom']}"
            words = f"{row['concept']} fails {row['axiom']}: {row['counterexample']}. {_faced(games[name])}."
            lines += ["", *paragraph(words, hanging=2)]
            if row["instance"]:
                lines += paragraph(f"The games are in {row['instance']}.", indent=2, hanging=2)
    return "\n".join(lines)


def _cell(row: Mapping[Hashable, object]) -> str:
    if row["verdict"] == "undefined":
        return "-"
    return f"holds ({row['tried']})" if row["verdict"] == "holds" else f"FAILS ({row['failed']}/{row['tried']})"


def _faced(game: ThreatGame) -> str:
    """Say what the players of a game face: threats, disagreement, and F where it is no list of two points."""
    players = game.players
    said = [f"{braces(players.coalition_name(t.coalition))} {vector(t.payoffs)}" for t in game.threats[:MOST_THREATS]]
    more = len(game.threats) - len(said)
    threats = f"The threats are {', '.join(said)}" + (f" and {more} more" if more else "") if said else "No threats"
    d = ", d is 0" if not any(players.disagreement) else f", d is {vector(players.disagreement)}"
    weights = "" if len(set(players.weights)) == 1 else f", weights are {vector(players.weights)}"
    if isinstance(game.feasible, TotalWorth):
        return f"{threats}{d}{weights}; {number(game.feasible.worth)} are shared"
    return f"{threats}{d}{weights}"


def write_axioms(
    folder: str | Path, table: pd.DataFrame, games: Mapping[str, Sequence[tuple[str, ThreatGame, str]]]
) -> None:
    """Write the table to ``axioms.csv`` and the games of each counter-example as instances.

    Parameters
    ----------
    folder
        The folder; it is made when it does not exist. Files of the same names are replaced.
    table
        Columns as in :data:`COLUMNS`.
    games
        By folder name, the games to write below it: name, game, title.

    Raises
    ------
    RunError
        When something cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        table.to_csv(target / FILE, index=False, lineterminator="\n")
        for parent, listed in games.items():
            for name, game, title in listed:
                write_instance(target / parent / name, game, title, SOURCE, overwrite=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error}); give another folder") from error
