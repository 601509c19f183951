"""Small groups: certified column generation against four other ways, on the same random markets.

Markets are those of :mod:`breakaway.data.group_families`: four families of pairwise surplus, groups of 1 to N members.

- "engine": column generation with pricing by proof (``solve_pairwise``), or for N = 2 transport (``solve_pairs``);
- "direct LP": one linear programme over all groups, by HiGHS, where there are up to five million;
- "POT emd": the network simplex of POT, N = 2 only, on the symmetric transport problem that Proposition 1 of Wang
  (2019) makes of the market: welfare = 1/2 max sum S_ij pi_ij, both marginals mu;
- "Sinkhorn": entropic multi-marginal transport in logarithms, all groups as N-tuples of types and "nobody", with the
  regularisation reduced tenfold, to 1e-3 of the largest surplus; the plan is scaled down to the masses, and the bound
  is that of its potentials, lifted;
- "GenCol": genetic column generation after Friesecke and Penka (2023), The GenCol algorithm for high-dimensional
  optimal transport: a parent from the support of the master's solution, one member replaced at random, one child per
  linear programme, the oldest unused columns cleared when there are more than beta * types. It has no bound, and stops
  after a number of children in a row that do not improve.

Each method runs in a process of its own, after it has solved a market of six types (compiled loops are loaded then).
A peer that reaches its limit is not asked about larger markets of that family. Peak memory is that of the process.
Run ``python benchmarks/small_groups.py --help``; POT comes with ``pip install "breakaway[bench]"``.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import queue
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from machine import describe_machine, markdown_table, seconds, timed

from breakaway.data.arrays import Floats
from breakaway.data.group_families import FAMILIES, family
from breakaway.data.groups import PairwiseGroupGame, pairwise_surplus, permitted_groups
from breakaway.runners.groups.direct import MOST_COLUMNS, solve_direct
from breakaway.runners.groups.engine import solve_pairwise
from breakaway.runners.groups.transport import solve_pairs

HEADER = (
    "family",
    "types",
    "N",
    "groups",
    "method",
    "welfare",
    "short by",
    "proven gap",
    "wall s",
    "CPU s",
    "ratio",
    "MB",
)
GRACE = 20.0
"""Seconds beyond the limit for drawing the instance and for a method to notice its limit."""

GAP = 1e-7
"""Gap, in units of welfare, that columns are generated to."""

MOST_TUPLES = 110_000_000
"""Most tuples of a Sinkhorn tensor, 8 bytes each."""

BETA, BARREN = 5, 20_000
"""Of GenCol: columns per type above which it clears, and children in a row without a success after which it stops."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a method said: welfare, bound (infinite: none), seconds and memory; ``stopped`` is why it did not finish."""

    welfare: float
    bound: float
    stopped: str
    wall: float
    cpu: float
    megabytes: float


Said = tuple[float, float, str]
"""Welfare, bound, and why it stopped early, if it did."""


# --- the engine and the direct programme -----------------------------------------------------------------------------


def engine(game: PairwiseGroupGame, limit: float) -> Said:
    if game.max_size == 2:
        found = solve_pairs(game, time_limit=limit)
    else:
        found = solve_pairwise(game, time_limit=limit, absolute=GAP)
    return found.primal, found.dual, "" if found.complete else "limit"


def direct(game: PairwiseGroupGame, _limit: float) -> Said:
    found = solve_direct(game, way="highs")
    return found.primal, found.dual, ""


# --- transport of pairs ----------------------------------------------------------------------------------------------


def pair_surplus(game: PairwiseGroupGame) -> Floats:
    """Return S_ij: s of the pair, and on the diagonal that of two alone if it is more, shape (types, types)."""
    types = np.arange(len(game.types))
    pairs = np.column_stack([np.repeat(types, len(types)), np.tile(types, len(types))])
    table = pairwise_surplus(game, pairs).reshape(len(types), len(types))
    alone = 2.0 * pairwise_surplus(game, types[:, None])
    np.fill_diagonal(table, np.maximum(table.diagonal(), alone))
    return table


def network_simplex(game: PairwiseGroupGame, _limit: float) -> Said:
    import ot  # noqa: PLC0415 - only this method needs it

    table, masses = pair_surplus(game), game.types.masses
    plan, log = ot.emd(masses, masses, -table, numItermax=10**9, log=True)
    payoffs = -(log["u"] + log["v"]) / 2.0
    payoffs += np.maximum(table - payoffs[:, None] - payoffs[None], 0.0).max(axis=1) / 2.0
    return float((plan * table).sum()) / 2.0, float(masses @ payoffs), log["warning"] or ""


# --- entropic transport ----------------------------------------------------------------------------------------------


def tuple_surplus(game: PairwiseGroupGame) -> Floats:
    """Return s of all N-tuples of types and "nobody", the last entry of each axis."""
    n, points = game.max_size, len(game.types) + 1
    values = np.zeros((points, points))
    values[:-1, :-1] = game.values
    total = np.zeros((points,) * n)
    people = np.zeros((points,) * n, dtype=np.int8)
    for a in range(n):
        total += _along(np.append(game.solo, 0.0), a, n)
        people += _along(np.append(np.ones(points - 1, np.int8), np.int8(0)), a, n)
        for b in range(a):
            total += values.reshape([points if axis in (a, b) else 1 for axis in range(n)])
    for size in range(n + 1):
        total[people == size] -= np.append(0.0, game.size_cost[1:])[size]
    return np.maximum(total, 0.0, out=total)


def _along(values: Any, axis: int, axes: int) -> Any:
    return values.reshape([-1 if k == axis else 1 for k in range(axes)])


def sinkhorn(game: PairwiseGroupGame, limit: float) -> Said:
    start, n, mass = time.perf_counter(), game.max_size, float(game.types.masses.sum())
    table = tuple_surplus(game)
    marginal = np.append(game.types.masses / n, mass * (n - 1) / n)
    potentials = [np.zeros(len(marginal)) for _ in range(n)]
    stopped, largest = "", float(table.max())
    for epsilon in largest * np.array([1e-1, 1e-2, 1e-3]):
        for _ in range(300):
            moved = _sweep(table, marginal, potentials, epsilon)
            if time.perf_counter() - start > limit:
                stopped = "limit"
            if moved <= 1e-3 or stopped:
                break
        if stopped:
            break
    return *_rounded(table, game.types.masses, potentials, epsilon), stopped


def _slabs(table: Floats, potentials: Sequence[Floats], axis: int) -> Any:
    """Return the tensor less all potentials, slab by slab along an axis, and the number of the slab."""
    for k in range(table.shape[axis]):
        slab = np.take(table, k, axis=axis)
        rest = [p for other, p in enumerate(potentials) if other != axis]
        for other, p in enumerate(rest):
            slab -= _along(p, other, len(rest))
        yield k, slab - potentials[axis][k]


def _sweep(table: Floats, marginal: Floats, potentials: list[Floats], epsilon: float) -> float:
    """Fit the marginals one after the other; return how far the first was off, as a part of all mass."""
    off = 0.0
    for axis in range(len(potentials)):
        fitted = np.empty(len(marginal))
        for k, slab in _slabs(table, potentials, axis):
            top = float(slab.max())
            fitted[k] = top / epsilon + math.log(np.exp((slab - top) / epsilon).sum())
        if axis == 0:
            off = float(np.abs(np.exp(fitted) - marginal).sum() / marginal.sum())
        potentials[axis] = potentials[axis] + epsilon * (fitted - np.log(marginal))
    return off


def _rounded(table: Floats, masses: Floats, potentials: list[Floats], epsilon: float) -> tuple[float, float]:
    """Return the welfare of the plan, scaled down to the masses, and the bound of the potentials, lifted."""
    n = table.ndim
    plan = [np.exp(slab / epsilon) for _, slab in _slabs(table, potentials, 0)]
    load = _load(plan, n)[:-1]
    scale = np.append(np.minimum(1.0, masses / load), 1.0)
    worth = 0.0
    for k, slab in enumerate(plan):
        taken = scale[k] * slab
        for axis in range(n - 1):
            taken *= _along(scale, axis, n - 1)
        worth += float((taken * table[k]).sum())
    mean = sum(potentials) / n
    own = (mean - mean[-1])[:-1].clip(0.0)
    excess = np.zeros(len(masses) + 1)
    for k, slab in _slabs(table, [np.append(own, 0.0)] * n, 0):
        excess[k] = max(0.0, float(slab.max()))
    return worth, float(masses @ (own + excess[:-1]))


def _load(plan: Sequence[Floats], n: int) -> Floats:
    """Return the mass of every point over all axes."""
    load = np.array([float(slab.sum()) for slab in plan])
    together = sum(plan[1:], plan[0].copy())
    for axis in range(n - 1):
        load = load + together.sum(axis=tuple(k for k in range(n - 1) if k != axis))
    return load


# --- genetic column generation ---------------------------------------------------------------------------------------


class Master:
    """max s.tau, A tau = mu over the columns held, kept in HiGHS."""

    def __init__(self, masses: Floats) -> None:
        self.solver: Any = highspy.Highs()
        self.solver.setOptionValue("output_flag", False)
        self.solver.setOptionValue("presolve", "off")
        none = np.zeros(0)
        self.solver.addRows(len(masses), masses, masses, 0, np.zeros(0, np.int32), np.zeros(0, np.int32), none)

    def add(self, members: np.ndarray, surplus: float) -> None:
        """Add the column of a group."""
        inside, counts = np.unique(members[members >= 0], return_counts=True)
        self.solver.addCol(-surplus, 0.0, math.inf, len(inside), inside.astype(np.int32), counts.astype(float))

    def drop(self, columns: np.ndarray) -> None:
        """Delete columns by number."""
        self.solver.deleteCols(len(columns), columns.astype(np.int32))

    def solve(self) -> tuple[float, Floats, Floats]:
        """Return welfare, tau by column, and u by type."""
        self.solver.run()
        found = self.solver.getSolution()
        value = -self.solver.getInfo().objective_function_value
        return value, np.array(found.col_value), -np.array(found.row_dual)


def surplus_of_one(game: PairwiseGroupGame, members: np.ndarray) -> float:
    inside = members[members >= 0]
    return float(pairwise_surplus(game, inside[None])[0]) if len(inside) else 0.0


def genetic(game: PairwiseGroupGame, limit: float) -> Said:
    start, types, n = time.perf_counter(), len(game.types), game.max_size
    rng = np.random.default_rng(0)
    master = Master(game.types.masses)
    held = [np.array([i] + [-1] * (n - 1)) for i in range(types)]
    for members in held:
        master.add(members, surplus_of_one(game, members))
    value, taken, payoffs = master.solve()
    barren = 0
    while barren < BARREN:
        if time.perf_counter() - start > limit:
            return value, math.inf, "limit"
        child = held[int(rng.choice(np.flatnonzero(taken > 0)))].copy()
        child[rng.integers(n)] = rng.integers(-1, types)
        worth = surplus_of_one(game, child)
        if worth <= payoffs[child[child >= 0]].sum() + 1e-10:
            barren += 1
            continue
        barren = 0
        held.append(child)
        master.add(child, worth)
        value, taken, payoffs = master.solve()
        if len(held) > BETA * types:
            unused = np.flatnonzero(taken == 0.0)[:types]
            master.drop(unused)
            held = [members for k, members in enumerate(held) if k not in set(unused.tolist())]
            taken = np.delete(taken, unused)
    return value, math.inf, ""


# --- measuring -------------------------------------------------------------------------------------------------------

METHODS: dict[str, Callable[[PairwiseGroupGame, float], Said]] = {
    "engine": engine,
    "direct LP": direct,
    "POT emd": network_simplex,
    "Sinkhorn": sinkhorn,
    "GenCol": genetic,
}


def fits(name: str, types: int, n: int) -> bool:
    """Tell whether a method can be asked about a size."""
    return {
        "direct LP": permitted_groups(types, 1, n) <= MOST_COLUMNS,
        "POT emd": n == 2,
        "Sinkhorn": (types + 1) ** n <= MOST_TUPLES,
    }.get(name, True)


Asked = tuple[str, int, int, int]
"""Family, types, N, seed."""


def _in_process(name: str, asked: Asked, limit: float, answers: multiprocessing.Queue[Found]) -> None:
    METHODS[name](family(asked[0], 6, asked[2], asked[3]), limit)
    game = family(*asked)
    done = timed(lambda: METHODS[name](game, limit))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    answers.put(Found(*done.answer, done.wall, done.cpu, peak))


def run(name: str, asked: Asked, limit: float) -> Found:
    """Run a method in a process of its own; end it some time after its limit."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_in_process, args=(name, asked, limit, answers))
    before = _children_seconds()
    process.start()
    until = time.perf_counter() + limit + GRACE
    found, ended = None, False
    while found is None and not ended and time.perf_counter() < until:
        ended = not process.is_alive()
        try:
            found = answers.get(timeout=1.0)
        except queue.Empty:
            continue
    if found is None:
        why = "failed" if ended else "limit"
        process.kill()
        process.join()
        return Found(-math.inf, math.inf, why, limit + GRACE, _children_seconds() - before, math.nan)
    process.join()
    return found


def _children_seconds() -> float:
    """Return the processor seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(asked: Asked, name: str, found: Found, base: Found) -> list[str]:
    """Write one line of the table; the engine's bound tells by how much, relative to it, a welfare is short."""
    welfare = "none" if found.welfare == -math.inf else f"{found.welfare:.9g}"
    short = "-" if found.welfare == -math.inf else f"{max(0.0, base.bound - found.welfare) / base.bound:.1e}"
    gap = "none" if found.bound == math.inf else f"{max(0.0, found.bound - found.welfare):.1e}"
    ratio = found.cpu / base.cpu
    times = "1" if found is base else f"{'≥ ' if found.stopped else ''}{ratio:.2g}"
    memory = "-" if math.isnan(found.megabytes) else f"{found.megabytes:.0f}"
    method = f"{name} ({found.stopped})" if found.stopped else name
    kind, types, n, _ = asked
    groups = f"{permitted_groups(types, 1, n):,}"
    line = [kind, types, n, groups, method, welfare, short, gap, seconds(found.wall), seconds(found.cpu), times, memory]
    return [str(cell) for cell in line]


def measure(asked: argparse.Namespace) -> None:
    """Print one line for every market and method."""
    spent: set[tuple[str, str, int]] = set()
    for types in asked.types:
        for n in asked.sizes:
            for kind in asked.families:
                market: Asked = (kind, types, n, asked.seed)
                base = run("engine", market, asked.engine_limit)
                print("| " + " | ".join(row(market, "engine", base, base)) + " |", flush=True)
                for name in asked.methods:
                    if not fits(name, types, n) or any((name, kind, k) in spent for k in range(n + 1)):
                        continue
                    found = run(name, market, asked.limit)
                    print("| " + " | ".join(row(market, name, found, base)) + " |", flush=True)
                    if found.stopped:
                        spent.add((name, kind, n))


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = [name for name in METHODS if name != "engine"]
    parser.add_argument("--types", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 3, 4], help="largest sizes of groups, N")
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--methods", nargs="*", choices=peers, default=peers)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for a peer")
    parser.add_argument("--engine-limit", type=float, default=1800.0, help="seconds for the engine")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = arguments(given)
    print(describe_machine(), f"Seed {asked.seed}, limit {asked.limit:g} s for peers.\n", flush=True)
    print(markdown_table(HEADER, []), flush=True)
    measure(asked)


if __name__ == "__main__":
    main()
