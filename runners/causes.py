"""Why a block fails: an irreducible set of threats that alone requires more than the block's worth.

The set is found by QuickXplain (Junker 2004): none of its threats can be left out. It is the certificate of failure, to
be checked by hand: any allocation that meets these few threats costs more than there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from breakaway.runners.cover import essential
from breakaway.runners.division import BlockProblem, normalise
from breakaway.runners.search import Clause, LeastTotal, Number, Search


def requires_more(problem: BlockProblem, clauses: Sequence[Clause]) -> bool:
    """Tell whether these threats alone require more than the worth (plus the tolerance)."""
    net = normalise(replace(problem, clauses=clauses))
    cap = net.budget + problem.eps
    if sum(net.lower[i] for i in problem.positions) > cap:
        return True
    if not net.clauses:
        return False
    search = Search(
        LeastTotal(problem.positions, cap=cap), essential(net.clauses), problem.eps, problem.follower, every=False
    )
    return search.run(net.lower) is None


def irreducible_causes(problem: BlockProblem) -> list[Clause]:
    """Return an irreducible set of threats that requires more than the worth; empty if the worth is below d itself.

    Threats that ask for most are preferred: they come first in the order in which QuickXplain keeps threats.
    """
    if requires_more(problem, []):
        return []
    candidates = essential(problem.clauses)
    d = problem.disagreement
    candidates.sort(key=lambda clause: (len(clause), -_excess(clause, d)))
    return _explain(problem, [], [], candidates)


def _excess(clause: Clause, d: Sequence[Number]) -> float:
    return float(min(tau - d[i] for i, tau in clause))


def _explain(problem: BlockProblem, kept: list[Clause], added: list[Clause], candidates: list[Clause]) -> list[Clause]:
    """Reduce ``candidates`` given that ``kept`` must stay; ``added`` are what the caller has just put into kept."""
    if added and requires_more(problem, kept):
        return []
    if len(candidates) == 1:
        return candidates
    half = len(candidates) // 2
    first, second = candidates[:half], candidates[half:]
    needed_second = _explain(problem, kept + first, first, second)
    needed_first = _explain(problem, kept + needed_second, needed_second, first)
    return needed_first + needed_second
