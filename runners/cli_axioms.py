"""The command ``breakaway axioms``: solution concepts against the axioms, on an instance and on random games."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from breakaway.data.families import NOT_BARGAINING
from breakaway.data.games import ThreatGame
from breakaway.data.instances import load_instance
from breakaway.results.axioms import COLUMNS, axioms_text, write_axioms
from breakaway.runners.axiom_games import random_games
from breakaway.runners.axioms import Violation, check_axioms, solution_named, threat_game_of
from breakaway.runners.concepts import UndefinedError, concepts_named

USUAL_GAMES = 100
"""Random games where no instance is named."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    command.add_argument("instance", metavar="INSTANCE", nargs="?", help="a game to start from")
    command.add_argument(
        "--concept", metavar="A,B,C", default="coalitional-nash", help="the solution concepts; `all` for every one"
    )
    command.add_argument(
        "--random", type=int, metavar="N", help=f"start from N random games (default: {USUAL_GAMES} without INSTANCE)"
    )
    command.add_argument("--seed", type=int, default=0, help="of the random games and of the transformations")
    command.add_argument("--out", metavar="DIR", help="write axioms.csv and the counter-examples there")


def run(asked: argparse.Namespace) -> tuple[dict[str, object], str]:
    """Test the concepts; return the result for JSON, and as text.

    Raises
    ------
    DataError, ValueError
        For an instance with problems, or of a kind without threats; an unknown concept; a number below 0.
    """
    names = [concept.name for concept in concepts_named([n.strip() for n in asked.concept.split(",") if n.strip()])]
    games, about = _games(asked)
    rows, examples = [], {}
    for name in names:
        for report in check_axioms(solution_named(name), games, seed=asked.seed):
            verdict = {None: "undefined", True: "holds", False: "fails"}[report.passed]
            key, worst = f"{name}-{report.axiom}", report.smallest
            words, where = "", ""
            if worst is not None:
                examples[key] = worst
                words, where = worst.explanation, str(Path(asked.out) / key) if asked.out else ""
            counts = (report.tried, len(report.violations), report.undefined)
            rows.append((report.axiom, name, verdict, *counts, words, where))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    if asked.out:
        write_axioms(asked.out, table, {key: _instances(key, worst) for key, worst in examples.items()})
    text = axioms_text(about, table, {key: worst.game for key, worst in examples.items()})
    return {"instance": asked.instance, "random": _count(asked), "seed": asked.seed, "table": table}, text


def _count(asked: argparse.Namespace) -> int:
    if asked.random is None:
        return 0 if asked.instance else USUAL_GAMES
    if asked.random < (0 if asked.instance else 1):
        raise ValueError(f"--random {asked.random}: give the number of games, such as {USUAL_GAMES}")
    return int(asked.random)


def _games(asked: argparse.Namespace) -> tuple[list[ThreatGame], str]:
    """Return the games to start from, and what they are."""
    count = _count(asked)
    games, said = [], []
    if asked.instance:
        instance = load_instance(asked.instance)
        if isinstance(instance.game, NOT_BARGAINING):
            raise ValueError(f"{instance.name}: the axioms are about bargaining in coalitions, not {instance.kind}")
        try:
            games.append(threat_game_of(instance.game))
        except UndefinedError as reason:
            raise ValueError(f"{instance.name}: {reason}") from reason
        said.append(instance.name)
    if count:
        games += random_games(count, asked.seed)
        said.append(f"{count} random games (seed {asked.seed})")
    return games, f"Trials made from {' and '.join(said)}."


def _instances(key: str, worst: Violation) -> Sequence[tuple[str, ThreatGame, str]]:
    """Return the games of a counter-example, with names and titles."""
    listed = [("game", worst.game, f"{key}: a violation")]
    if worst.transformed is not worst.game:
        listed.append(("transformed", worst.transformed, f"{key}: the transformed game of a violation"))
    return listed
