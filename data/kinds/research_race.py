"""The kind ``research-race``: research coalitions in a race for a prize (Vohra and Ray 2025, Example 3)."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np
import pandas as pd

from breakaway.data.games import ResearchRace, SynergyConvention
from breakaway.data.kinds.bargaining import (
    build_players,
    players_frame,
    players_table,
    report_below_disagreement,
    report_structure_limit,
)
from breakaway.data.problems import Findings
from breakaway.data.schema import POSITIVE, Bound, Kind, Parameter, ParameterValue
from breakaway.data.typed import Data


def payoff_alone(n: int, discount_rate: float) -> float:
    """Return a firm's expected payoff when all of n firms stand alone.

    By (16) with s = 1 and X = r + n lambda, lambda = X / (1 + X^2), hence X^3 - r X^2 + (1 - n) X - r = 0, which has
    one positive root; the payoff is lambda / X - lambda^2 / 2.
    """
    roots = np.roots([1.0, -discount_rate, 1.0 - n, -discount_rate])
    total = float(max(roots.real[np.abs(roots.imag) < 1e-9 * np.abs(roots).max()]))
    rate = total / (1.0 + total**2)
    return rate / total - rate**2 / 2.0


def _check(data: Data, findings: Findings) -> None:
    table = data.tables.get("players")
    if table is None or report_structure_limit(data, findings):
        return
    discount_rate = data.number("discount_rate")
    if discount_rate is not None and not table.unidentified():
        payoff = payoff_alone(len(table), discount_rate)
        report_below_disagreement(data, [payoff] * len(table), 1e-12, findings)


def _build(data: Data) -> ResearchRace:
    return ResearchRace(
        build_players(data),
        float(data.parameters["synergy"]),
        float(data.parameters["discount_rate"]),
        cast(SynergyConvention, data.parameters["convention"]),
    )


def _to_tables(game: ResearchRace) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    parameters: dict[str, ParameterValue] = {
        "synergy": game.synergy,
        "discount_rate": game.discount_rate,
        "convention": game.convention,
    }
    return parameters, {"players": players_frame(game.players)}


RESEARCH_RACE = Kind(
    name="research-race",
    meaning="Research coalitions race for a prize of value 1; s firms together pay lambda^2 / (2 s^alpha) for the "
    "arrival rate lambda.",
    tables=(players_table(),),
    parameters=(
        Parameter("synergy", float, "the exponent alpha of a coalition's size", required=True, bound=Bound(1.0)),
        Parameter("discount_rate", float, "the discount rate r", "1 / time", required=True, bound=POSITIVE),
        Parameter(
            "convention",
            str,
            "`equation-15`: the cost has s^alpha, as in the paper's analysis; `equation-14`: s^(alpha - 1), as its "
            "equations (13) and (14) imply",
            default="equation-15",
            choices=get_args(SynergyConvention),
        ),
    ),
    game_type=ResearchRace,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
