"""Good instances, and one edit each that breaks them, with every line that the check must then print."""

from __future__ import annotations

from dataclasses import dataclass

Files = dict[str, str]

CHARACTERISTIC: Files = {
    "game.toml": 'kind = "characteristic-function"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player,weight,disagreement\nAnn,1,0\nBob,2,1\nCid,3,0\n",
    "worths.csv": "coalition,worth\nAnn,1\nBob,1\nCid,1\nAnn+Bob,3\nAnn+Cid,3\nBob+Cid,3\nAnn+Bob+Cid,6\n",
    "coalition_weights.csv": "coalition,player,weight\nAnn+Bob,Ann,2\nAnn+Bob,Bob,1\n",
}
PARTITION: Files = {
    "game.toml": 'kind = "partition-function"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player\nAnn\nBob\nCid\n",
    "worths.csv": (
        "structure,coalition,worth\nAnn|Bob|Cid,Ann,1\nAnn|Bob|Cid,Bob,1\nAnn|Bob|Cid,Cid,1\n"
        "Ann+Bob|Cid,Ann+Bob,3\nAnn+Bob|Cid,Cid,1\nAnn+Cid|Bob,Ann+Cid,3\nAnn+Cid|Bob,Bob,1\n"
        "Ann|Bob+Cid,Ann,1\nAnn|Bob+Cid,Bob+Cid,3\nAnn+Bob+Cid,Ann+Bob+Cid,6\n"
    ),
}
COURNOT: Files = {
    "game.toml": 'kind = "cournot"\ntitle = "T"\nsource = "S"\n\n[parameters]\ndemand_intercept = 10\n',
    "players.csv": "# costs in euro\nplayer,unit_cost,weight\n\nAnn,2,1\nBob,3,1\nCid,4,1\n",
}
ABATEMENT: Files = {
    "game.toml": 'kind = "abatement"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player,scale,disagreement\nAnn,1,0\nBob,2,0\nCid,3,0\n",
}
RACE: Files = {
    "game.toml": (
        'kind = "research-race"\ntitle = "T"\nsource = "S"\n\n[parameters]\nsynergy = 4\ndiscount_rate = 0.1\n'
        'convention = "equation-15"\n'
    ),
    "players.csv": "player,disagreement\nAnn,0\nBob,0\nCid,0\n",
}
TOTAL: Files = {
    "game.toml": 'kind = "threat-game"\ntitle = "T"\nsource = "S"\n\n[parameters]\ntotal_worth = 10\n',
    "players.csv": "player,weight,disagreement\nAnn,1,1\nBob,1,0\nCid,1,0\n",
    "threats.csv": "threat,player,payoff\nt,Ann,2\nt,Bob,3\nu,Cid,1\n",
}
POINTS: Files = {
    "game.toml": 'kind = "threat-game"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player\nAnn\nBob\nCid\n",
    "points.csv": "point,player,payoff\ny,Ann,3\ny,Bob,3\ny,Cid,1\nz,Ann,2\nz,Bob,2\nz,Cid,4\n",
}
POLYHEDRON: Files = {
    "game.toml": 'kind = "threat-game"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player\nAnn\nBob\nCid\n",
    "rows.csv": "row,rhs\nhours,10\nmoney,8\n",
    "polyhedron.csv": ("row,player,coefficient\nhours,Ann,1\nhours,Bob,1\nhours,Cid,1\nmoney,Ann,2\nmoney,Cid,1\n"),
}
GOOD = {
    "characteristic-function": CHARACTERISTIC,
    "partition-function": PARTITION,
    "cournot": COURNOT,
    "abatement": ABATEMENT,
    "research-race": RACE,
    "threat-game-total": TOTAL,
    "threat-game-points": POINTS,
    "threat-game-polyhedron": POLYHEDRON,
}


@dataclass(frozen=True)
class Case:
    """One edit: ``old`` becomes ``new`` in a file; no ``old``: the file is ``new``; no ``new``: it is removed."""

    name: str
    good: Files
    file: str
    old: str | None
    new: str | None
    lines: tuple[str, ...]

    def files(self) -> Files:
        """Return the edited instance."""
        edited = dict(self.good)
        if self.new is None:
            del edited[self.file]
        elif self.old is None:
            edited[self.file] = self.new
        else:
            assert self.old in edited[self.file], f"{self.old!r} is not in {self.file}"
            edited[self.file] = edited[self.file].replace(self.old, self.new, 1)
        return edited


def many_firms(n: int, step: float = 0.0) -> str:
    """Write a players table of n firms with unit costs 1, 1 + step, 1 + 2 step, ..."""
    return "player,unit_cost\n" + "".join(f"p{k},{1 + step * k:g}\n" for k in range(n))


CASES = (
    Case(
        "unknown-column",
        COURNOT,
        "players.csv",
        "weight",
        "wieght",
        ("players.csv:2:wieght: unknown column 'wieght'; did you mean 'weight'?",),
    ),
    Case(
        "column-nothing-like-it",
        COURNOT,
        "players.csv",
        "weight",
        "colour",
        (("players.csv:2:colour: unknown column 'colour'; known columns: player, unit_cost, weight, disagreement"),),
    ),
    Case(
        "missing-column-renamed",
        COURNOT,
        "players.csv",
        "unit_cost",
        "unit_costs",
        ("players.csv:2:unit_costs: unknown column 'unit_costs'; did you mean 'unit_cost'?",),
    ),
    Case(
        "missing-column",
        COURNOT,
        "players.csv",
        None,
        "player,weight\nAnn,1\nBob,1\nCid,1\n",
        (("players.csv:1:unit_cost: column 'unit_cost' is missing; add it: constant cost of a unit of output"),),
    ),
    Case(
        "duplicate-column",
        COURNOT,
        "players.csv",
        None,
        "player,unit_cost,unit_cost\nAnn,2,2\nBob,3,3\nCid,4,4\n",
        ("players.csv:1:unit_cost: column 'unit_cost' appears twice; keep one of the two",),
    ),
    Case(
        "column-without-name",
        COURNOT,
        "players.csv",
        None,
        "player,unit_cost,\nAnn,2,\nBob,3,\nCid,4,\n",
        ("players.csv:1: column 3 has no name; name it, or remove the trailing comma of each row",),
    ),
    Case(
        "semicolons",
        COURNOT,
        "players.csv",
        None,
        "player;unit_cost\nAnn;2\nBob;3\nCid;4\n",
        (("players.csv:1:player;unit_cost: unknown column 'player;unit_cost'; separate the columns by commas"),),
    ),
    Case(
        "ragged-row",
        COURNOT,
        "players.csv",
        "Bob,3,1",
        "Bob,3",
        (
            (
                "players.csv:5: 2 cells where the header has 3 columns (player, unit_cost, weight); give every "
                "row one cell for each column, separated by commas, with a point as the decimal sign"
            ),
        ),
    ),
    Case(
        "decimal-comma",
        COURNOT,
        "players.csv",
        "Bob,3,1",
        "Bob,3,5,1",
        (
            (
                "players.csv:5: 4 cells where the header has 3 columns (player, unit_cost, weight); give every "
                "row one cell for each column, separated by commas, with a point as the decimal sign"
            ),
        ),
    ),
    Case(
        "unmatched-quote",
        COURNOT,
        "players.csv",
        "Bob,3,1",
        '"Bob,3,1',
        (
            (
                "players.csv:5: quotation marks do not match; close every quotation mark on its own line, or use "
                "none: no cell needs them"
            ),
        ),
    ),
    Case(
        "unknown-table",
        TOTAL,
        "threat.csv",
        None,
        "threat,player,payoff\nv,Ann,2\n",
        ("threat.csv: unknown table 'threat' for the kind threat-game; did you mean 'threats'?",),
    ),
    Case(
        "table-nothing-like-it",
        COURNOT,
        "costs.csv",
        None,
        "player,unit_cost\nAnn,2\n",
        ("costs.csv: unknown table 'costs' for the kind cournot; known tables: players",),
    ),
    Case(
        "missing-players",
        COURNOT,
        "players.csv",
        None,
        None,
        ("players.csv: table 'players' is missing; add it: The players, in the order in which they appear.",),
    ),
    Case(
        "empty-file",
        COURNOT,
        "players.csv",
        None,
        "",
        ("players.csv: the file is empty; give it a header row and one row for each entry",),
    ),
    Case(
        "only-comments",
        COURNOT,
        "players.csv",
        None,
        "# nothing\n\n",
        ("players.csv: the file is empty; give it a header row and one row for each entry",),
    ),
    Case(
        "empty-table",
        COURNOT,
        "players.csv",
        None,
        "player,unit_cost\n",
        ("players.csv: table 'players' has no rows; add one row for each entry",),
    ),
    Case(
        "empty-worths",
        CHARACTERISTIC,
        "worths.csv",
        None,
        "coalition,worth\n",
        ("worths.csv: table 'worths' has no rows; add one row for each entry",),
    ),
    Case(
        "empty-threats",
        TOTAL,
        "threats.csv",
        None,
        "threat,player,payoff\n",
        ("threats.csv: table 'threats' has no rows; add one row for each entry, or remove the table",),
    ),
    Case(
        "no-header",
        COURNOT,
        "game.toml",
        None,
        None,
        ('game.toml: there is no game.toml in FOLDER; add it, with at least kind = "..."',),
    ),
    Case(
        "not-toml",
        COURNOT,
        "game.toml",
        'kind = "cournot"',
        "kind = cournot",
        (
            (
                "game.toml:1:8: not TOML: invalid value; correct the line; texts stand in quotation marks, as in "
                'title = "A cartel"'
            ),
        ),
    ),
    Case(
        "unknown-key",
        COURNOT,
        "game.toml",
        "source",
        "sources",
        ("game.toml:3:sources: unknown key 'sources'; did you mean 'source'?",),
    ),
    Case(
        "misspelt-kind-key",
        COURNOT,
        "game.toml",
        "kind",
        "kinds",
        ("game.toml:1:kinds: unknown key 'kinds'; did you mean 'kind'?",),
    ),
    Case(
        "no-kind",
        COURNOT,
        "game.toml",
        'kind = "cournot"\n',
        "",
        ("game.toml:kind: key 'kind' is missing; name the kind of game, as in kind = \"cournot\"",),
    ),
    Case(
        "unknown-kind",
        COURNOT,
        "game.toml",
        '"cournot"',
        '"cournott"',
        ("game.toml:1:kind: unknown kind 'cournott'; did you mean 'cournot'?",),
    ),
    Case(
        "kind-nothing-like-it",
        COURNOT,
        "game.toml",
        '"cournot"',
        '"chess"',
        (
            (
                "game.toml:1:kind: unknown kind 'chess'; known kinds: threat-game, characteristic-function, ntu-game, "
                "partition-function, cournot, abatement, research-race, strategic-form, group-game, "
                "pairwise-group-game, positive-size-game, public-goods, payoff-environment"
            ),
        ),
    ),
    Case(
        "kind-not-text",
        COURNOT,
        "game.toml",
        '"cournot"',
        "3",
        ("game.toml:1:kind: kind is 3, which is not a text; write it in quotation marks",),
    ),
    Case(
        "title-not-text",
        COURNOT,
        "game.toml",
        '"T"',
        "3",
        ("game.toml:2:title: title is 3, which is not a text; write it in quotation marks",),
    ),
    Case(
        "parameters-not-table",
        ABATEMENT,
        "game.toml",
        'source = "S"\n',
        'source = "S"\nparameters = 3\n',
        (
            (
                "game.toml:4:parameters: 'parameters' is not a table; make it a table: a line [parameters], then "
                "one line for each parameter"
            ),
        ),
    ),
    Case(
        "missing-parameter",
        COURNOT,
        "game.toml",
        "demand_intercept = 10\n",
        "",
        (
            (
                "game.toml:5:demand_intercept: parameter 'demand_intercept' is missing; give it in [parameters]: "
                "the price A at which demand is zero"
            ),
        ),
    ),
    Case(
        "misspelt-parameter",
        COURNOT,
        "game.toml",
        "demand_intercept",
        "demand_intersept",
        (("game.toml:6:demand_intersept: unknown parameter 'demand_intersept'; did you mean 'demand_intercept'?"),),
    ),
    Case(
        "unknown-parameter",
        COURNOT,
        "game.toml",
        "demand_intercept = 10\n",
        "demand_intercept = 10\nscale = 2\n",
        ("game.toml:7:scale: unknown parameter 'scale'; known parameters of cournot: demand_intercept",),
    ),
    Case(
        "parameter-text",
        COURNOT,
        "game.toml",
        "= 10",
        '= "10"',
        (
            (
                "game.toml:6:demand_intercept: demand_intercept is '10', which is not a number; write a number, "
                "without quotation marks"
            ),
        ),
    ),
    Case(
        "parameter-boolean",
        COURNOT,
        "game.toml",
        "= 10",
        "= true",
        (
            (
                "game.toml:6:demand_intercept: demand_intercept is True, which is not a number; write a number, "
                "without quotation marks"
            ),
        ),
    ),
    Case(
        "parameter-nan",
        COURNOT,
        "game.toml",
        "= 10",
        "= nan",
        (
            (
                "game.toml:6:demand_intercept: demand_intercept is nan, which is not a finite number; give a "
                "finite number"
            ),
        ),
    ),
    Case(
        "parameter-zero",
        COURNOT,
        "game.toml",
        "= 10",
        "= 0",
        ("game.toml:6:demand_intercept: demand_intercept is 0; it must be greater than 0",),
    ),
    Case(
        "parameter-huge",
        COURNOT,
        "game.toml",
        "= 10",
        "= 1" + "0" * 400,
        ("game.toml:6:demand_intercept: demand_intercept is too large for a number; choose larger units",),
    ),
    Case(
        "synergy-below-one",
        RACE,
        "game.toml",
        "synergy = 4",
        "synergy = 0.5",
        ("game.toml:6:synergy: synergy is 0.5; it must be at least 1",),
    ),
    Case(
        "discount-rate-zero",
        RACE,
        "game.toml",
        "discount_rate = 0.1",
        "discount_rate = 0",
        ("game.toml:7:discount_rate: discount_rate is 0; it must be greater than 0",),
    ),
    Case(
        "convention",
        RACE,
        "game.toml",
        "equation-15",
        "equation-13",
        ("game.toml:8:convention: convention is 'equation-13'; write one of 'equation-15', 'equation-14'",),
    ),
    Case(
        "convention-type",
        RACE,
        "game.toml",
        '"equation-15"',
        "15",
        ("game.toml:8:convention: convention is 15; write one of 'equation-15', 'equation-14'",),
    ),
    Case(
        "not-a-number",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,three",
        ("players.csv:5:unit_cost: 'three' is not a number; write a number such as 2, 0.5 or 1e-3",),
    ),
    Case(
        "nan",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,NaN",
        ("players.csv:5:unit_cost: 'NaN' is not a finite number; give a finite number",),
    ),
    Case(
        "inf",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,-inf",
        ("players.csv:5:unit_cost: '-inf' is not a finite number; give a finite number",),
    ),
    Case(
        "too-large",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,1e999",
        ("players.csv:5:unit_cost: '1e999' is too large for a number; choose larger units",),
    ),
    Case(
        "underscore-number",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,1_0",
        ("players.csv:5:unit_cost: '1_0' is not a number; write a number such as 2, 0.5 or 1e-3",),
    ),
    Case(
        "empty-cell",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,",
        ("players.csv:5:unit_cost: the cell is empty; give the constant cost of a unit of output",),
    ),
    Case(
        "negative-cost",
        COURNOT,
        "players.csv",
        "Bob,3",
        "Bob,-3",
        ("players.csv:5:unit_cost: unit_cost is -3; it must be at least 0",),
    ),
    Case(
        "negative-weight",
        CHARACTERISTIC,
        "players.csv",
        "Bob,2",
        "Bob,-2",
        ("players.csv:3:weight: weight is -2; it must be greater than 0",),
    ),
    Case(
        "zero-weight",
        CHARACTERISTIC,
        "players.csv",
        "Bob,2",
        "Bob,0",
        ("players.csv:3:weight: weight is 0; it must be greater than 0",),
    ),
    Case(
        "zero-scale",
        ABATEMENT,
        "players.csv",
        "Bob,2",
        "Bob,0",
        ("players.csv:3:scale: scale is 0; it must be greater than 0",),
    ),
    Case(
        "forbidden-name",
        COURNOT,
        "players.csv",
        "Bob",
        "Bob & Co",
        ("players.csv:5:player: name 'Bob & Co' contains ' &'; use letters, digits, '_', '-' and '.' only",),
    ),
    Case(
        "empty-name",
        COURNOT,
        "players.csv",
        "Bob",
        "",
        ("players.csv:5:player: the cell is empty; give the name of the player",),
    ),
    Case(
        "duplicate-player",
        COURNOT,
        "players.csv",
        "Bob",
        "Ann",
        ("players.csv:5:player: player 'Ann' is given twice, first in row 4; keep one of the rows",),
    ),
    Case(
        "unknown-player",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,",
        "Ann+Bub,",
        ("worths.csv:5:coalition: unknown player 'Bub' in coalition 'Ann+Bub'; did you mean 'Bob'?",),
    ),
    Case(
        "unknown-player-nothing-like-it",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,",
        "Ann+Xerxes,",
        (("worths.csv:5:coalition: unknown player 'Xerxes' in coalition 'Ann+Xerxes'; known players: Ann, Bob, Cid"),),
    ),
    Case(
        "player-twice",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,",
        "Ann+Ann,",
        (
            (
                "worths.csv:5:coalition: player 'Ann' appears twice in coalition 'Ann+Ann'; write a coalition as "
                "A+B, each member once"
            ),
        ),
    ),
    Case(
        "empty-member",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,",
        "Ann+,",
        (("worths.csv:5:coalition: coalition 'Ann+' has an empty member; write a coalition as A+B, each member once"),),
    ),
    Case(
        "duplicate-coalition",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Cid,3",
        "Bob + Ann,3",
        (("worths.csv:6:coalition: coalition 'Bob + Ann' is given twice, first in row 5; keep one of the rows"),),
    ),
    Case(
        "missing-worth",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,3\n",
        "",
        (("worths.csv:coalition: 1 worth is missing: Ann+Bob; add their rows, or give the parameter missing_worth"),),
    ),
    Case(
        "missing-worths",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,3\nAnn+Cid,3\n",
        "",
        (
            (
                "worths.csv:coalition: 2 worths are missing: Ann+Bob, Ann+Cid; add their rows, or give the "
                "parameter missing_worth"
            ),
        ),
    ),
    Case(
        "malformed-worth-is-not-missing",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,3",
        "Ann+Bob,x",
        ("worths.csv:5:worth: 'x' is not a number; write a number such as 2, 0.5 or 1e-3",),
    ),
    Case(
        "single-below-disagreement",
        CHARACTERISTIC,
        "worths.csv",
        "Bob,1",
        "Bob,0.5",
        (
            (
                "worths.csv:3:worth: worth 0.5 of 'Bob' is below the disagreement payoff 1.0; raise the worth or "
                "lower the disagreement payoff"
            ),
        ),
    ),
    Case(
        "weight-of-stranger",
        CHARACTERISTIC,
        "coalition_weights.csv",
        "Ann+Bob,Bob,1",
        "Ann+Bob,Bob,1\nAnn+Bob,Cid,1",
        (
            (
                "coalition_weights.csv:4:player: player 'Cid' is not a member of 'Ann+Bob'; list members of the "
                "coalition only"
            ),
        ),
    ),
    Case(
        "weight-missing",
        CHARACTERISTIC,
        "coalition_weights.csv",
        "Ann+Bob,Bob,1\n",
        "",
        (
            (
                "coalition_weights.csv:weight: coalition 'Ann+Bob' lacks the weight of Bob; list all members of "
                "a coalition, or none"
            ),
        ),
    ),
    Case(
        "weight-duplicate",
        CHARACTERISTIC,
        "coalition_weights.csv",
        "Ann+Bob,Bob,1\n",
        "Ann+Bob,Bob,1\nBob+Ann,Ann,2\n",
        (
            (
                "coalition_weights.csv:4:player: coalition 'Bob+Ann', player 'Ann' is given twice, first in row "
                "2; keep one of the rows"
            ),
        ),
    ),
    Case(
        "weight-zero",
        CHARACTERISTIC,
        "coalition_weights.csv",
        "Ann+Bob,Bob,1\n",
        "Ann+Bob,Bob,0\n",
        ("coalition_weights.csv:3:weight: weight is 0; it must be greater than 0",),
    ),
    Case(
        "weight-unknown-player",
        CHARACTERISTIC,
        "coalition_weights.csv",
        "Ann+Bob,Bob,1\n",
        "Ann+Bob,Bib,1\n",
        ("coalition_weights.csv:3:player: unknown player 'Bib'; did you mean 'Bob'?",),
    ),
    Case(
        "overlap",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid",
        "Ann+Bob|Bob+Cid,Cid",
        (
            (
                "worths.csv:6:structure: coalitions overlap in structure 'Ann+Bob|Bob+Cid': Bob twice; put every "
                "player in exactly one coalition, as in A+B|C"
            ),
        ),
    ),
    Case(
        "not-a-partition",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid",
        "Ann+Bob,Cid",
        (
            (
                "worths.csv:6:structure: structure 'Ann+Bob' is not a partition: Cid is missing; put every "
                "player in exactly one coalition, as in A+B|C"
            ),
        ),
    ),
    Case(
        "structure-unknown-player",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid",
        "Ann+Bob|Cit,Cid",
        (
            (
                "worths.csv:6:structure: unknown player 'Cit' in coalition 'Cit' of structure 'Ann+Bob|Cit'; did "
                "you mean 'Cid'?"
            ),
        ),
    ),
    Case(
        "structure-player-twice",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid",
        "Ann+Bob+Bob|Cid,Cid",
        (
            (
                "worths.csv:6:structure: player 'Bob' appears twice in coalition 'Ann+Bob+Bob' of structure "
                "'Ann+Bob+Bob|Cid'; write a coalition as A+B, each member once"
            ),
        ),
    ),
    Case(
        "not-a-block",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid",
        "Ann+Bob|Cid,Bob",
        (
            (
                "worths.csv:6:coalition: 'Bob' is not a coalition of the structure 'Ann+Bob|Cid'; name a block "
                "of the structure"
            ),
        ),
    ),
    Case(
        "missing-block",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid,1\n",
        "",
        (
            (
                "worths.csv:coalition: 1 worth is missing: Cid in Ann+Bob|Cid; add a row for every coalition of "
                "a structure"
            ),
        ),
    ),
    Case(
        "missing-structure",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Ann+Bob,3\nAnn+Bob|Cid,Cid,1\n",
        "",
        ("worths.csv:structure: 1 structure is missing: Ann+Bob|Cid; add the worths of their coalitions",),
    ),
    Case(
        "duplicate-block",
        PARTITION,
        "worths.csv",
        "Ann+Bob|Cid,Cid,1",
        "Cid|Bob+Ann,Bob + Ann,1",
        (
            (
                "worths.csv:6:coalition: structure 'Cid|Bob+Ann', coalition 'Bob + Ann' is given twice, first in "
                "row 5; keep one of the rows"
            ),
        ),
    ),
    Case(
        "finest-below-disagreement",
        PARTITION,
        "players.csv",
        None,
        "player,disagreement\nAnn,0\nBob,2\nCid,0\n",
        (
            (
                "worths.csv:3:worth: worth 1.0 of 'Bob' in the finest structure is below the disagreement payoff "
                "2.0; raise the worth or lower the disagreement payoff"
            ),
        ),
    ),
    Case(
        "no-interior-output",
        COURNOT,
        "players.csv",
        "Cid,4",
        "Cid,8",
        (
            (
                "players.csv:6:unit_cost: firm 'Cid' would not produce when all stand alone: A + sum of costs "
                "does not exceed 4 x 8, condition (25); raise demand_intercept above 19, lower the unit cost, or "
                "leave the firm out"
            ),
        ),
    ),
    Case(
        "interior-output-knife-edge",
        COURNOT,
        "players.csv",
        "Cid,4",
        "Cid,5",
        (
            (
                "players.csv:6:unit_cost: firm 'Cid' would not produce when all stand alone: A + sum of costs "
                "does not exceed 4 x 5, condition (25); raise demand_intercept above 10, lower the unit cost, or "
                "leave the firm out"
            ),
        ),
    ),
    Case(
        "cournot-below-disagreement",
        COURNOT,
        "players.csv",
        None,
        "player,unit_cost,disagreement\nAnn,2,0\nBob,3,4\nCid,4,0\n",
        (
            (
                "players.csv:3:disagreement: player 'Bob' gets 3.0625 when all stand alone, less than the "
                "disagreement payoff 4.0; lower the disagreement payoff"
            ),
        ),
    ),
    Case(
        "abatement-below-disagreement",
        ABATEMENT,
        "players.csv",
        "Bob,2,0",
        "Bob,2,6",
        (
            (
                "players.csv:3:disagreement: player 'Bob' gets 5.33333333333 when all stand alone, less than the "
                "disagreement payoff 6.0; lower the disagreement payoff"
            ),
        ),
    ),
    Case(
        "race-below-disagreement",
        RACE,
        "players.csv",
        "Bob,0",
        "Bob,0.5",
        (
            (
                "players.csv:3:disagreement: player 'Bob' gets 0.203813042723 when all stand alone, less than "
                "the disagreement payoff 0.5; lower the disagreement payoff"
            ),
        ),
    ),
    Case(
        "thirty-players",
        COURNOT,
        "players.csv",
        None,
        many_firms(30),
        (
            (
                "players.csv:player: 30 players: the limit is 13, or 22 when many are identical; merge or leave "
                "out players"
            ),
        ),
    ),
    Case(
        "fourteen-types",
        COURNOT,
        "players.csv",
        None,
        many_firms(14, step=0.001),
        (
            (
                "players.csv:player: 14 players of 14 types: the limit is 13, or 22 with at most 25,000 type "
                "patterns; merge or leave out players, or give more of them equal data in every column"
            ),
        ),
    ),
    Case(
        "threat-below-disagreement",
        TOTAL,
        "threats.csv",
        "t,Ann,2",
        "t,Ann,0.5",
        (
            (
                "threats.csv:2:payoff: payoff 0.5 of 'Ann' in threat 't' is below the disagreement payoff 1.0; "
                "leave out the threat: the player would not join it, or correct the payoff"
            ),
        ),
    ),
    Case(
        "threat-by-all",
        TOTAL,
        "threats.csv",
        "u,Cid",
        "t,Cid",
        (
            (
                "threats.csv:4:threat: threat 't' is made by all players: nobody is left to walk away from; "
                "leave out at least one player; what all can reach together is the feasible set"
            ),
        ),
    ),
    Case(
        "threat-duplicate",
        TOTAL,
        "threats.csv",
        "t,Bob,3",
        "t,Ann,3",
        (("threats.csv:3:player: threat 't', player 'Ann' is given twice, first in row 2; keep one of the rows"),),
    ),
    Case(
        "threat-unknown-player",
        TOTAL,
        "threats.csv",
        "t,Bob,3",
        "t,Rob,3",
        ("threats.csv:3:player: unknown player 'Rob'; did you mean 'Bob'?",),
    ),
    Case(
        "total-below-disagreement",
        TOTAL,
        "game.toml",
        "= 10",
        "= 0.5",
        (
            (
                "game.toml:6:total_worth: total_worth 0.5 is below the sum of the disagreement payoffs, 1; raise "
                "it or lower the disagreement payoffs"
            ),
        ),
    ),
    Case(
        "no-feasible-set",
        TOTAL,
        "game.toml",
        "total_worth = 10\n",
        "",
        (
            (
                "game.toml:5: no feasible set is given; give exactly one of the parameter total_worth, the table "
                "points, the tables polyhedron and rows"
            ),
        ),
    ),
    Case(
        "misspelt-total-worth",
        TOTAL,
        "game.toml",
        "total_worth",
        "total_wort",
        ("game.toml:6:total_wort: unknown parameter 'total_wort'; did you mean 'total_worth'?",),
    ),
    Case(
        "two-feasible-sets",
        POINTS,
        "game.toml",
        'source = "S"\n',
        'source = "S"\n[parameters]\ntotal_worth = 10\n',
        (
            (
                "game.toml:5: the feasible set is given by the parameter total_worth and the table points; give "
                "exactly one of the parameter total_worth, the table points, the tables polyhedron and rows"
            ),
        ),
    ),
    Case(
        "point-lacks-player",
        POINTS,
        "points.csv",
        "z,Cid,4\n",
        "",
        ("points.csv:player: point 'z' lacks the payoff of Cid; give every player a payoff in every point",),
    ),
    Case(
        "point-duplicate",
        POINTS,
        "points.csv",
        "z,Cid,4\n",
        "z,Bob,4\n",
        (("points.csv:7:player: point 'z', player 'Bob' is given twice, first in row 6; keep one of the rows"),),
    ),
    Case(
        "points-below-disagreement",
        POINTS,
        "players.csv",
        None,
        "player,disagreement\nAnn,0\nBob,9\nCid,0\n",
        (
            (
                "points.csv:payoff: no point gives every player the disagreement payoff; add such a point or "
                "lower the disagreement payoffs"
            ),
        ),
    ),
    Case(
        "unknown-row",
        POLYHEDRON,
        "polyhedron.csv",
        "money,Ann",
        "mony,Ann",
        ("polyhedron.csv:5:row: unknown row 'mony'; did you mean 'money'?",),
    ),
    Case(
        "row-without-coefficients",
        POLYHEDRON,
        "rows.csv",
        "money,8\n",
        "money,8\nspace,3\n",
        (("rows.csv:4:row: row 'space' has no coefficients; give it coefficients in polyhedron.csv, or remove it"),),
    ),
    Case(
        "rows-missing",
        POLYHEDRON,
        "rows.csv",
        None,
        None,
        (
            (
                "polyhedron.csv: table 'rows' is missing: a polyhedron A x <= b needs the tables polyhedron and "
                "rows; add table 'rows'"
            ),
        ),
    ),
    Case(
        "polyhedron-missing",
        POLYHEDRON,
        "polyhedron.csv",
        None,
        None,
        (
            (
                "rows.csv: table 'polyhedron' is missing: a polyhedron A x <= b needs the tables polyhedron and "
                "rows; add table 'polyhedron'"
            ),
        ),
    ),
    Case(
        "unbounded-payoff",
        POLYHEDRON,
        "polyhedron.csv",
        "hours,Bob,1",
        "hours,Bob,0",
        (
            (
                "polyhedron.csv:coefficient: the payoff of 'Bob' is unbounded: the player has no positive "
                "coefficient; add a row that bounds it"
            ),
        ),
    ),
    Case(
        "row-duplicate",
        POLYHEDRON,
        "rows.csv",
        "money,8\n",
        "hours,8\n",
        ("rows.csv:3:row: row 'hours' is given twice, first in row 2; keep one of the rows",),
    ),
    Case(
        "missing-table",
        CHARACTERISTIC,
        "worths.csv",
        None,
        None,
        ("worths.csv: table 'worths' is missing; add it: The worth v(S) of every coalition S.",),
    ),
    Case(
        "empty-worth",
        CHARACTERISTIC,
        "worths.csv",
        "Ann+Bob,3",
        "Ann+Bob,",
        ("worths.csv:5:worth: the cell is empty; give the its worth v(S); of a single player at least d",),
    ),
    Case(
        "three-structures-missing",
        PARTITION,
        "worths.csv",
        None,
        "structure,coalition,worth\nAnn|Bob|Cid,Ann,1\nAnn|Bob|Cid,Bob,1\nAnn|Bob|Cid,Cid,1\nAnn+Bob+Cid,Ann+Bob+Cid,6\n",
        (
            (
                "worths.csv:structure: 3 structures are missing: Ann+Cid|Bob, Ann+Bob|Cid, Ann|Bob+Cid; add the "
                "worths of their coalitions"
            ),
        ),
    ),
    Case(
        "malformed-structure-is-not-missing",
        PARTITION,
        "worths.csv",
        "Ann+Bob+Cid,Ann+Bob+Cid",
        "Ann+Bob+Cat,Ann+Bob+Cid",
        (
            (
                "worths.csv:11:structure: unknown player 'Cat' in coalition 'Ann+Bob+Cat' of structure "
                "'Ann+Bob+Cat'; known players: Ann, Bob, Cid"
            ),
        ),
    ),
    Case(
        "forbidden-name-is-known-where-used",
        CHARACTERISTIC,
        "players.csv",
        "Bob",
        "B?b",
        ("players.csv:3:player: name 'B?b' contains '?'; use letters, digits, '_', '-' and '.' only",),
    ),
    Case(
        "duplicate-player-hides-no-name",
        TOTAL,
        "players.csv",
        "Bob",
        "Ann",
        ("players.csv:3:player: player 'Ann' is given twice, first in row 2; keep one of the rows",),
    ),
    Case(
        "ragged-players-hide-no-name",
        TOTAL,
        "players.csv",
        "Bob,1,0",
        "Bob,1",
        (
            (
                "players.csv:3: 2 cells where the header has 3 columns (player, weight, disagreement); give "
                "every row one cell for each column, separated by commas, with a point as the decimal sign"
            ),
        ),
    ),
    Case(
        "no-feasible-set-given",
        POINTS,
        "points.csv",
        None,
        None,
        (
            (
                "game.toml: no feasible set is given; give exactly one of the parameter total_worth, the table "
                "points, the tables polyhedron and rows"
            ),
        ),
    ),
)
