"""Result tables made from expected payoffs, to be verified and tampered with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, coalition_of, members, structure_of
from breakaway.data.games import (
    AbatementGame,
    CharacteristicFunctionGame,
    CournotMarket,
    ExternalityGame,
    PartitionFunctionGame,
    Payoffs,
    Players,
    ResearchRace,
    Threat,
    ThreatGame,
    TotalWorth,
    weights_within,
)
from breakaway.runners.verify.divisions import Accuracy, asked_rows, required_worth
from breakaway.runners.verify.forecasts import Forecasts
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.partitions import Lattice, parts
from breakaway.runners.verify.worths import equilibria

Tables = dict[str, pd.DataFrame]
Solutions = dict[tuple[Structure, Coalition], list[Payoffs]]

ACCURACY = Accuracy(1e-7, 100.0)
"""Reference values have nine decimals."""

CASES: dict[str, dict[str, Any]] = {
    case["id"]: case for case in json.loads((Path(__file__).parent / "reference" / "verify_cases.json").read_text())
}


def coalition(key: str) -> Coalition:
    return coalition_of(int(player) - 1 for player in key.split(","))


def structure(blocks: list[list[int]]) -> Structure:
    return structure_of(coalition_of(player - 1 for player in block) for block in blocks)


def special_weights(case: dict[str, Any]) -> dict[Coalition, Payoffs]:
    weights = case["inputs"]["weights"]
    if weights["type"] != "by_coalition":
        return {}
    return {coalition(key): tuple(gamma) for key, gamma in weights["gamma"].items()}


def players_of(case: dict[str, Any], n: int) -> Players:
    weights = case["inputs"]["weights"]
    return Players.of(n, weights["gamma"] if weights["type"] == "consistent" else None)


def externality_game(case: dict[str, Any]) -> ExternalityGame:
    inputs = case["inputs"]
    if case["kind"] == "cournot":
        return CournotMarket(players_of(case, len(inputs["c"])), tuple(map(float, inputs["c"])), float(inputs["A"]))
    if case["kind"] == "public_goods":
        return AbatementGame(players_of(case, len(inputs["a"])), tuple(map(float, inputs["a"])))
    if case["kind"] == "rnd_race":
        return ResearchRace(players_of(case, inputs["n"]), inputs["alpha"], inputs["r"])
    worths = {}
    for row in inputs["table"]:
        of_block = {coalition(key): worth for key, worth in row["worth"].items()}
        pi = structure(row["structure"])
        worths[pi] = tuple(of_block[block] for block in pi)
    return PartitionFunctionGame(players_of(case, inputs["n"]), worths, special_weights(case))


def expected_solutions(case: dict[str, Any]) -> Solutions:
    return {
        (structure(row["structure"]), coalition(key)): [tuple(x) for x in solutions]
        for row in case["expected"]["payoffs"]
        for key, solutions in row["blocks"].items()
    }


def characteristic_game(case: dict[str, Any]) -> CharacteristicFunctionGame:
    worths = {coalition(key): worth for key, worth in case["inputs"]["worth"].items()}
    return CharacteristicFunctionGame(players_of(case, case["inputs"]["n"]), worths, special_weights(case))


def threat_game(case: dict[str, Any]) -> ThreatGame:
    inputs = case["inputs"]
    threats = [
        Threat(str(k), coalition_of(player - 1 for player in threat["coalition"]), tuple(threat["payoff"]))
        for k, threat in enumerate(inputs["threats"])
    ]
    players = Players.of(inputs["n"], inputs["weights"], inputs["d"])
    return ThreatGame(players, TotalWorth(inputs["v"]), tuple(threats))


def vector_rows(keys: tuple[Any, ...], names: list[str], vectors: list[Payoffs]) -> list[tuple[Any, ...]]:
    return [
        (*keys, k + 1, name, value)
        for k, vector in enumerate(vectors)
        for name, value in zip(names, vector, strict=True)
    ]


def solutions_table(players: Players, solutions: list[Payoffs]) -> pd.DataFrame:
    rows = vector_rows((), list(players.names), solutions)
    return pd.DataFrame(rows, columns=["solution", "player", "payoff"])


class MapBuilder:
    """Makes the tables of a viability map from its payoffs."""

    def __init__(self, game: ExternalityGame, solutions: Solutions) -> None:
        self.game, self.solutions, self.players = game, solutions, game.players
        self.lattice = Lattice(len(game.players))
        self.worths = {pi: worths for pi, (worths, _) in equilibria(game, self.lattice.structures).items()}
        self.viable = frozenset(pi for pi, _ in solutions)
        self.forecasts = Forecasts(self.lattice, self.viable, solutions)

    def tables(self) -> Tables:
        return {
            "structures": self.structures(),
            "blocks": self.blocks(),
            "payoffs": self.payoffs(),
            "threats": self.threats(),
            "failures": self.failures(),
        }

    def names(self, block: Coalition) -> list[str]:
        return [self.players.names[i] for i in members(block)]

    def structures(self) -> pd.DataFrame:
        top = max(worths.sum() for worths in self.worths.values())
        coarsest = {
            self.lattice.structures[k]
            for k in self.lattice.maximal(np.array([self.lattice.index[pi] for pi in self.viable], dtype=np.intp))
        }
        rows = [
            (self.players.structure_name(pi), len(pi), pi in self.viable, pi in coarsest, worths.sum() >= top - 1e-9)
            for pi, worths in self.worths.items()
        ]
        return pd.DataFrame(rows, columns=["structure", "coalitions", "viable", "coarsest", "efficient"])

    def asked(self, pi: Structure, block: Coalition) -> list[tuple[Coalition, Structure, int, Payoffs]]:
        found = []
        for part in parts(block):
            number = 0
            for outcome, vectors in self.forecasts.threats(pi, block, part).items():
                for vector in vectors:
                    number += 1
                    found.append((part, outcome, number, vector))
        return found

    def required(self, pi: Structure, block: Coalition, threats: list[tuple[Coalition, Payoffs]]) -> float:
        rows = [asked_rows(block, part, [vector]) for part, vector in threats]
        floor = np.array(self.players.of_members(self.players.disagreement, block))
        asked = np.concatenate(rows) if rows else np.empty((0, len(floor)))
        worth = self.worth(pi, block)
        found = required_worth(Division(worth, floor, np.array(weights_within(self.game, block)), asked), ACCURACY)
        assert found is not None
        return found

    def worth(self, pi: Structure, block: Coalition) -> float:
        return float(self.worths[pi][pi.index(block)])

    def blocks(self) -> pd.DataFrame:
        rows = []
        for pi in self.worths:
            for block in pi:
                worth = self.worth(pi, block)
                required = self.required(pi, block, [(t[0], t[3]) for t in self.asked(pi, block)])
                name = (self.players.structure_name(pi), self.players.coalition_name(block))
                rows.append((*name, worth, required, worth - required, worth - required >= -1e-7))
        return pd.DataFrame(rows, columns=["structure", "coalition", "worth", "required_worth", "slack", "viable"])

    def payoffs(self) -> pd.DataFrame:
        rows = []
        for (pi, block), vectors in self.solutions.items():
            keys = (self.players.structure_name(pi), self.players.coalition_name(block))
            rows += vector_rows(keys, self.names(block), vectors)
        return pd.DataFrame(rows, columns=["structure", "coalition", "solution", "player", "payoff"])

    def threats(self) -> pd.DataFrame:
        rows = []
        for pi in self.worths:
            for block in pi:
                for part, outcome, number, vector in self.asked(pi, block):
                    keys = (pi, outcome)
                    before, after = (self.players.structure_name(key) for key in keys)
                    for name, value in zip(self.names(part), vector, strict=True):
                        rows.append((before, self.players.coalition_name(part), after, number, name, value))
        columns = ["structure", "breakaway", "resulting_structure", "threat", "player", "payoff"]
        return pd.DataFrame(rows, columns=columns)

    def failures(self) -> pd.DataFrame:
        rows = []
        for pi in self.worths:
            for block in pi:
                threats, worth = self.asked(pi, block), self.worth(pi, block)
                shortfall = self.required(pi, block, [(t[0], t[3]) for t in threats]) - worth
                if shortfall <= 1e-7:
                    continue
                for threat in list(threats):
                    fewer = [t for t in threats if t is not threat]
                    if self.required(pi, block, [(t[0], t[3]) for t in fewer]) > worth + 1e-5:
                        threats = fewer
                for part, outcome, number, vector in threats:
                    keys = (self.players.structure_name(pi), self.players.coalition_name(block), shortfall)
                    how = (self.players.coalition_name(part), self.players.structure_name(outcome), number)
                    for name, value in zip(self.names(part), vector, strict=True):
                        rows.append((*keys, *how, name, value))
        columns = ["structure", "coalition", "shortfall", "breakaway", "resulting_structure", "threat", "player"]
        return pd.DataFrame(rows, columns=[*columns, "payoff"])


def characteristic_tables(game: CharacteristicFunctionGame, sigma: dict[Coalition, list[Payoffs]]) -> Tables:
    players = game.players
    rows, vectors = [], []
    for block, worth in game.worths.items():
        asked = [asked_rows(block, part, sigma[part]) for part in parts(block)]
        joined = np.concatenate(asked) if asked else np.empty((0, block.bit_count()))
        floor = np.array(players.of_members(players.disagreement, block))
        problem = Division(worth, floor, np.array(weights_within(game, block)), joined)
        required = required_worth(problem, ACCURACY)
        assert required is not None
        name = players.coalition_name(block)
        rows.append((name, worth, bool(sigma[block]), required, worth - required))
        vectors += vector_rows((name,), [players.names[i] for i in members(block)], sigma[block])
    return {
        "coalitions": pd.DataFrame(rows, columns=["coalition", "worth", "viable", "required_worth", "slack"]),
        "coalition_solutions": pd.DataFrame(vectors, columns=["coalition", "solution", "player", "payoff"]),
        "solutions": solutions_table(players, sigma[players.everyone]),
        "structures": characteristic_structures(game, sigma),
    }


def characteristic_structures(game: CharacteristicFunctionGame, sigma: dict[Coalition, list[Payoffs]]) -> pd.DataFrame:
    lattice = Lattice(len(game.players))
    viable = [pi for pi in lattice.structures if all(sigma[block] for block in pi)]
    coarsest = lattice.maximal(np.array([lattice.index[pi] for pi in viable], dtype=np.intp))
    totals = {pi: sum(game.worths[block] for block in pi) for pi in lattice.structures}
    top = max(totals.values())
    rows = [
        (game.players.structure_name(pi), len(pi), pi in viable, k in coarsest, totals[pi] >= top - 1e-9)
        for k, pi in enumerate(lattice.structures)
    ]
    return pd.DataFrame(rows, columns=["structure", "coalitions", "viable", "coarsest", "efficient"])
