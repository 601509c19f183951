"""The kind ``positive-size-game``: what is read, written, refused with a remedy, and solved from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_calls import call
from hypothesis import given, settings
from positive_cases import SMALL, positive_size_games

from breakaway.data.instances import check_instance, game_from_tables, load_instance, tables_from_game
from breakaway.data.positive_size import CesSurplus, PositiveSizeGame, QuadraticSurplus, RecipeSurplus, ThresholdSurplus
from breakaway.results.instances import write_instance

HEAD = 'kind = "positive-size-game"\n\n[parameters]\n'
CES = {
    "game.toml": HEAD + 'form = "ces"\nrho = 0.5\ntheta = 0.5\nmin_mass = 0.2\nmax_mass = 0.4\n',
    "types.csv": "type,mass\nA,0.5\nB,0.5\n",
    "coefficients.csv": "type,coefficient\nA,1\nB,2\n",
}
PRODUCTS = {
    "game.toml": HEAD + 'form = "quadratic"\nmin_mass = 0.2\n',
    "types.csv": "type,mass\nA,0.5\nB,0.5\n",
    "products.csv": "type_a,type_b,coefficient\nA,A,2\nA,B,2\nB,B,3\n",
}
RECIPES = {
    "game.toml": HEAD + 'form = "recipes"\nmin_mass = 0.2\nmax_mass = 0.4\n',
    "types.csv": "type,mass\nA,0.5\nB,0.5\n",
    "recipe_values.csv": "recipe,value\npair,1\nalone,0.5\n",
    "recipes.csv": "recipe,type,amount\npair,A,0.1\npair,B,0.1\nalone,B,0.2\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_tables_become_a_game(tmp_path: Path) -> None:
    game = load_instance(str(write(tmp_path / "ces", CES))).game
    assert isinstance(game, PositiveSizeGame)
    assert game == SMALL_NAMED["ces"]
    quadratic = load_instance(str(write(tmp_path / "products", PRODUCTS))).game
    assert isinstance(quadratic.form, QuadraticSurplus)
    assert quadratic.form.matrix.tolist() == [[2.0, 1.0], [1.0, 3.0]]
    assert quadratic.max_mass == 1.0
    recipes = load_instance(str(write(tmp_path / "recipes", RECIPES))).game
    assert recipes == SMALL_NAMED["recipes"]


SMALL_NAMED = {name: SMALL[name] for name in ("ces", "recipes", "bilinear", "quadratic", "threshold", "linear")}


@pytest.mark.parametrize("name", SMALL_NAMED)
def test_a_game_written_is_read_again(name: str, tmp_path: Path) -> None:
    path = write_instance(tmp_path / name, SMALL_NAMED[name], "T", "S")
    assert load_instance(str(path)).game == SMALL_NAMED[name]


@settings(max_examples=40, deadline=None)
@given(positive_size_games(("linear", "ces", "threshold", "quadratic", "bilinear", "recipes")))
def test_any_game_goes_to_tables_and_back(game: PositiveSizeGame) -> None:
    kind, parameters, tables = tables_from_game(game)
    assert game_from_tables(kind, tables, parameters) == game


def test_a_function_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="use one of the forms"):
        tables_from_game(SMALL["function"])


def test_shipped_instances() -> None:
    forms = {
        "positive-ces": CesSurplus,
        "positive-recipes": RecipeSurplus,
        "positive-negative-payoff": ThresholdSurplus,
    }
    for name, form in forms.items():
        assert isinstance(load_instance(name).game.form, form)


@pytest.mark.parametrize(
    ("files", "file", "old", "new", "line"),
    [
        (CES, "types.csv", "A,0.5", "A,-0.5", "types.csv:2:mass: mass is -0.5; it must be greater than 0"),
        (
            CES,
            "game.toml",
            "min_mass = 0.2",
            "min_mass = 0.5",
            "game.toml:7:min_mass: min_mass 0.5 is above max_mass 0.4; lower it",
        ),
        (CES, "game.toml", "min_mass = 0.2", "min_mass = 0", "game.toml:7:min_mass: min_mass is 0; it must be greater"),
        (
            CES,
            "game.toml",
            "min_mass = 0.2\nmax_mass = 0.4",
            "min_mass = 2",
            "game.toml:7:min_mass: min_mass is 2, and the market has 1 person in all; lower it: no group would be "
            "permitted",
        ),
        (CES, "game.toml", '"ces"', '"cobb"', "game.toml:4:form: form is 'cobb'; write one of 'ces', 'linear'"),
        (CES, "game.toml", "rho = 0.5\n", "", "rho: the form 'ces' needs the parameter 'rho'; give it"),
        (CES, "game.toml", "rho = 0.5", "rho = 0", "game.toml:5:rho: rho is 0: the exponent theta/rho is not defined"),
        (CES, "coefficients.csv", "B,2", "B,-2", "coefficients.csv:3:coefficient: coefficient is -2; it must be"),
        (CES, "coefficients.csv", "A,1\nB,2", "A,0", "coefficients.csv:coefficient: all coefficients are 0; give some"),
        (CES, "coefficients.csv", "B,2", "C,2", "coefficients.csv:3:type: unknown type 'C'"),
        (CES, "coefficients.csv", None, None, "game.toml:4:form: the form 'ces' needs the table 'coefficients'; add"),
        (CES, "game.toml", 'form = "ces"', 'form = "linear"', "game.toml:5:rho: the form 'linear' has no parameter"),
        (
            PRODUCTS,
            "products.csv",
            "A,B,2",
            "A,B,20",
            "game.toml:4:form: the quadratic form is not convex: its least eigenvalue is -7.51249; use 'bilinear'",
        ),
        (
            PRODUCTS,
            "products.csv",
            "A,B,2\n",
            "A,B,2\nB,A,1\n",
            "products.csv:4:type_b: the pair of 'B' and 'A' stands in row 3 already; list the pair once",
        ),
        (
            PRODUCTS,
            "game.toml",
            '"quadratic"',
            '"recipes"',
            "the form 'recipes' has no table 'products'; remove it, or",
        ),
        (
            RECIPES,
            "recipes.csv",
            "pair,A",
            "pear,A",
            "recipes.csv:2:recipe: unknown recipe 'pear'; did you mean 'pair'?",
        ),
        (RECIPES, "recipe_values.csv", "pair,1", "pair,-1", "recipe_values.csv:2:value: value is -1; it must be"),
        (RECIPES, "recipes.csv", "A,0.1", "A,-0.1", "recipes.csv:2:amount: amount is -0.1; it must be at least 0"),
    ],
)
def test_mistakes_are_named_with_a_remedy(
    files: dict[str, str], file: str, old: str | None, new: str | None, line: str, tmp_path: Path
) -> None:
    assert check_instance(str(write(tmp_path / "good", files))) == []
    broken = dict(files)
    if old is None or new is None:
        del broken[file]
    else:
        assert old in broken[file]
        broken[file] = broken[file].replace(old, new)
    found = [str(problem) for problem in check_instance(str(write(tmp_path / "broken", broken)))]
    assert any(line in problem for problem in found), found


# --- the command line -------------------------------------------------------------------------------------------------


def test_an_answer_is_printed_with_people_in_groups() -> None:
    told = call("solve", "positive-negative-payoff")
    assert told.code == 0
    assert "0.4 noisy + 0.2 quiet" in told.out
    assert "noisy  -0.8333" in told.out


def test_a_run_is_verified(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call("solve", "positive-recipes", "--out", str(run)).code == 0
    told = call("verify", str(run))
    assert told.code == 0
    assert "every claim holds" in told.out
    table = (run / "composition.csv").read_text(encoding="utf-8")
    assert "0.174" in table
    (run / "composition.csv").write_text(table.replace("0.174", "0.1"), encoding="utf-8")
    assert call("verify", str(run)).code != 0


def test_an_assignment_of_ones_own_is_checked(tmp_path: Path) -> None:
    files = {
        "groups.csv": "group,mass\nall,1.6666666666666667\n",
        "people.csv": "group,type,amount\nall,noisy,0.24\nall,quiet,0.36\n",
        "payoffs.csv": "type,payoff\nnoisy,0\nquiet,0\n",
    }
    folder = write(tmp_path / "own", files)
    options = [f"--assignment={folder / 'groups.csv'}", f"--imputation={folder / 'payoffs.csv'}"]
    told = call("verify", "positive-negative-payoff", *options, f"--composition={folder / 'people.csv'}")
    assert told.code != 0
    assert "Not stable: 0.6 quiet blocks: it is worth 1 and its members get 0." in told.out
    assert (
        "--composition says whom groups of positive size take"
        in call("verify", "positive-negative-payoff", *options).err
    )


def test_least_mass_equal_to_the_market_up_to_rounding() -> None:
    game = game_from_tables(*_third())
    assert game.smallest == game.largest == game.total
    assert np.isclose(game.total, 1.0)


def _third() -> tuple[str, dict[str, object], dict[str, object]]:

    types = pd.DataFrame({"type": ["A", "B", "C"], "mass": [0.1, 0.2, 0.7 - 1e-12]})
    coefficients = pd.DataFrame({"type": ["A"], "coefficient": [1.0]})
    parameters = {"form": "linear", "min_mass": 1.0, "max_mass": 1.0}
    return "positive-size-game", {"types": types, "coefficients": coefficients}, parameters
