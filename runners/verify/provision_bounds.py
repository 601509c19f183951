"""Recompute that bounds of all deviations follow from one another, and that nobody gains along a path."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.runners.verify.concave import excess_on_segment
from breakaway.runners.verify.lindahl import slopes
from breakaway.runners.verify.provision import Chain, Provision, Standing, coalition_name
from breakaway.runners.verify.provision_descent import greatest_deviation
from breakaway.runners.verify.record import Ledger

STEP = 1e-7
"""Difference quotients are taken over this part of an action."""

QUOTIENT_ROOM = 1e-6
"""By how much sums of weighted difference quotients may exceed 0, relative to the sum of their sizes."""

ROUNDED = 1e-10
"""By how much, relative to the action, bounds and paths may be off: tables have 12 significant digits."""

BESIDE = 1.5
"""What is on the boundary is shown to be within this many bands of the least gain."""


def check_elimination(
    world: Provision, standings: Mapping[str, Standing], chains: Mapping[str, Chain], ledger: Ledger
) -> None:
    """Check the bounds of the actions in any deviation, and that they leave nobody, or the coalition that deviates.

    Bounds that follow from one another along straight lines prove themselves; otherwise, and where none are listed,
    the greatest deviation is found anew.
    """
    for name, standing in standings.items():
        chain, in_core = chains.get(name), standing.flags["in_core"]
        if name in world.unbounded:
            ledger.claim("no other coalition deviates").leave(f"not re-proven: {name}, some gain without limit")
            continue
        if in_core is None and standing.more.get("status") == "not decided":
            continue
        problem = "no bounds are listed" if chain is None else _unproven(world, name, chain, ledger)
        if problem or in_core is None:
            _check_anew(world, name, standing, chain, problem, ledger)
        elif chain is not None:
            ledger.claim("bounds are above every deviation").check(True, name)
            _check_left(world, name, standing, chain.points[-1], ledger)
        if chain is not None:
            _check_falling(world, name, standing, chain, ledger)


def _check_falling(world: Provision, name: str, standing: Standing, chain: Chain, ledger: Ledger) -> None:
    claim, points = ledger.claim("bounds never rise, and are never below 0"), chain.points
    risen = (np.diff(points, axis=0) > 0).any(axis=0) | (points < 0).any(axis=0)
    claim.check(not risen.any(), f"{name}: that of {world.named(int(risen.argmax()))}")
    if standing.flags["in_core"] is not None:
        ending = ledger.claim("bounds end with those who deviate")
        left = tuple(np.flatnonzero(points[-1] > 0).tolist())
        ending.check(left == standing.members, f"{name}: they end with {coalition_name(world, left) or 'nobody'}")


# --- bounds that prove themselves ------------------------------------------------------------------------------------


def _unproven(world: Provision, name: str, chain: Chain, ledger: Ledger) -> str:
    """Return why the bounds do not prove themselves; nothing when they do."""
    problem = _start_problem(world, name, chain)
    if chain.multipliers is not None:
        ledger.claim("multipliers prove the start").check(not problem, f"{name}: {problem}")
    for k in range(1, len(chain.points)):
        problem = problem or _round_problem(world, name, k, chain.points[k - 1], chain.points[k])
    return problem


def _start_problem(world: Provision, name: str, chain: Chain) -> str:
    """Return why some deviation may exceed the start: somebody can act more, and no multipliers rule that out.

    With lambda > 0, lambda' J(t) <= 0 and g(t) <= L no deviation has a larger action than t. Backward difference
    quotients of concave functions are at least as large as any of their supergradients.
    """
    start, weights, most = chain.points[0], chain.multipliers, world.game.max_action
    low = start < most * (1.0 - ROUNDED)
    if not low.any():
        return ""
    if weights is None or not ((weights > 0).all() and (start > 0).all()):
        return f"{world.named(int(low.argmax()))} could act more than at the start"
    over = world.gains(name, start) - world.ceilings(name, world.band)
    if (over > 0).any():
        return f"{world.named(int(over.argmax()))} gains at the start"
    backward = slopes(world.game.utilities, start, -STEP * start)
    sums, sizes = weights @ backward, weights @ np.abs(backward)
    part = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    worst = int(part.argmax())
    return "" if part[worst] <= QUOTIENT_ROOM else f"the multipliers leave {part[worst]:.3g} for {world.named(worst)}"


def _round_problem(world: Provision, name: str, k: int, before: Floats, after: Floats) -> str:
    """Return why some deviation may lie between two rounds: somebody whose bound falls gains on the straight line.

    If a deviation y were below the one but not the other, the line would meet it in the action of somebody whose bound
    falls; who gains at most as much from y as at that place of the line.
    """
    movers = np.flatnonzero(after < before)
    if not len(movers):
        return ""
    ceilings = world.ceilings(name, world.band)[movers]
    excess = excess_on_segment(lambda x: world.gains(name, x)[movers], before, after, ceilings)
    if excess is None:
        return ""
    who, gain = world.named(int(movers[excess.row])), excess.value + float(ceilings[excess.row])
    return f"round {k}: {who} {'gains' if excess.seen else 'may gain'} {gain:.6g} on the way"


def _check_left(world: Provision, name: str, standing: Standing, end: Floats, ledger: Ledger) -> None:
    """Check that nobody can act in a deviation from an outcome of the core, and otherwise only those listed."""
    left = tuple(np.flatnonzero(end > 0).tolist())
    who = f"{name}: {coalition_name(world, left) or 'nobody'} can"
    if standing.flags["in_core"]:
        ledger.claim("no coalition deviates from the core").check(not left, who)
    else:
        ledger.claim("no other coalition deviates").check(left == standing.members, who)


# --- the greatest deviation anew -------------------------------------------------------------------------------------


def _check_anew(
    world: Provision, name: str, standing: Standing, chain: Chain | None, problem: str, ledger: Ledger
) -> None:
    """Check verdict and bounds against the greatest deviation."""
    in_core, claim = standing.flags["in_core"], ledger.claim("bounds are above every deviation")
    if in_core is None:
        _check_boundary(world, name, ledger)
    greatest = greatest_deviation(world, name, {True: 0.0, False: 0.5 * world.band, None: world.band}[in_core])
    if greatest is None:
        claim.check(chain is None, f"{name}: {problem}")
        claim.leave(f"not re-proven: {name}, {problem}")
        return
    if in_core is not None:
        _check_left(world, name, standing, greatest, ledger)
    for k, bounds in enumerate(() if chain is None else chain.points):
        low = bounds < greatest * (1.0 - ROUNDED)
        who = int(low.argmax())
        said = f"{name}, round {k}: {world.named(who)} acts {greatest[who]:.6g} in a deviation; {problem}"
        claim.check(not low.any(), said, float(np.maximum(greatest - bounds, 0.0).max()))


def _check_boundary(world: Provision, name: str, ledger: Ledger) -> None:
    """Check that some coalition can gain about eps: more than is sure to be too little, less than is sure to do."""
    claim = ledger.claim("on the boundary")
    for above, deviates in ((-BESIDE * world.band, True), (BESIDE * world.band, False)):
        found = greatest_deviation(world, name, above)
        if found is None:
            claim.leave(f"not re-proven: {name}")
        else:
            verb = "can" if found.any() else "cannot"
            said = f"{name}: some coalition {verb} gain more than {world.eps + above:.6g}"
            claim.check(bool(found.any()) == deviates, said)


# --- paths -----------------------------------------------------------------------------------------------------------


def check_paths(
    world: Provision, standings: Mapping[str, Standing], paths: Mapping[str, Chain] | None, ledger: Ledger
) -> None:
    """Check the paths from outcomes of the core to 0 along which nobody gains."""
    if paths is None:
        return
    listed = ledger.claim("a path from every outcome in the core")
    for name, standing in standings.items():
        listed.check(
            (name in paths) == bool(standing.flags["in_core"]), f"{name}: {'one' if name in paths else 'none'}"
        )
        if name in paths:
            _check_path(world, name, paths[name].points, ledger)


def _check_path(world: Provision, name: str, points: Floats, ledger: Ledger) -> None:
    start = world.outcomes[name]
    leads = bool((np.abs(points[0] - start) <= ROUNDED * (1.0 + np.abs(start))).all()) and not points[-1].any()
    falls = bool((np.diff(points, axis=0) <= 0).all())
    claim = ledger.claim("paths fall from the outcome to 0")
    if not claim.check(leads and falls, f"{name}: {'does not begin or end there' if falls else 'somebody acts more'}"):
        return
    claim, ceilings = ledger.claim("nobody gains along a path"), world.ceilings(name, 0.0)
    for k in range(1, len(points)):
        excess = excess_on_segment(lambda x: world.gains(name, x), points[k - 1], points[k], ceilings)
        said = (
            "" if excess is None else f"{name}, step {k}: {world.named(excess.row)} gains {excess.value:.3g} too much"
        )
        claim.check(excess is None, said, excess.value if excess else 0.0)
