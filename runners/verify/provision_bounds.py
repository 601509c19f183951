"""Recompute that bounds of all deviations follow from one another, and that nobody gains along a path."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from breakaway.data.groups import Floats
from breakaway.runners.verify.concave import excess_on_segment
from breakaway.runners.verify.lindahl import slopes
from breakaway.runners.verify.provision import Chain, Provision, Standing, coalition_name
from breakaway.runners.verify.record import Ledger

STEP = 1e-7
"""Difference quotients are taken over this part of an action."""

QUOTIENT_ROOM = 1e-6
"""By how much sums of weighted difference quotients may exceed 0, relative to the sum of their sizes."""

ROUNDED = 1e-10
"""By how much, relative to the action, a path may begin beside its outcome."""


def check_elimination(
    world: Provision, standings: Mapping[str, Standing], chains: Mapping[str, Chain], ledger: Ledger
) -> None:
    """Check the bounds of the actions in any deviation, round by round, and where they end."""
    listed = ledger.claim("bounds listed for every outcome")
    for name, standing in standings.items():
        chain, in_core = chains.get(name), standing.flags["in_core"]
        if chain is None:
            if name in world.unbounded and in_core is False:
                listed.leave(f"{name}: some gain without limit; that nobody else deviates is not re-proven")
            elif in_core is not None:
                listed.check(False, f"{name} has none")
            continue
        listed.check(True, name)
        _check_start(world, name, chain, ledger)
        for k in range(1, len(chain.points)):
            _check_round(world, name, k, chain.points[k - 1], chain.points[k], ledger)
        _check_end(world, name, standing, chain.points[-1], ledger)


def _check_start(world: Provision, name: str, chain: Chain, ledger: Ledger) -> None:
    """Check that no deviation exceeds the start: nobody can act more, or multipliers prove it.

    With lambda > 0, lambda' J(t) <= 0 and g(t) <= L no deviation has a larger action than t. Backward difference
    quotients of concave functions are at least as large as any of their supergradients.
    """
    claim, start = ledger.claim("the start is above every deviation"), chain.points[0]
    if chain.multipliers is None:
        most = world.game.max_action
        low = start < most * (1.0 - 1e-11)
        claim.check(not low.any(), f"{name}: {world.named(int(low.argmax()))} could act up to {most:.6g}")
        return
    weights = chain.multipliers
    if not claim.check(bool((weights > 0).all() and (start > 0).all()), f"{name}: not all multipliers are positive"):
        return
    over = world.gains(name, start) - world.ceilings(name, world.band)
    who = int(over.argmax())
    claim.check(float(over[who]) <= 0.0, f"{name}: {world.named(who)} gains at the start", max(float(over[who]), 0.0))
    backward = slopes(world.game.utilities, start, -STEP * start)
    sums, sizes = weights @ backward, weights @ np.abs(backward)
    part = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    worst = int(part.argmax())
    said = f"{name}: the multipliers leave {part[worst]:.3g} at {world.named(worst)}, which is above 0"
    claim.check(float(part[worst]) <= QUOTIENT_ROOM, said)


def _check_round(world: Provision, name: str, k: int, before: Floats, after: Floats, ledger: Ledger) -> None:
    """Check that nobody whose bound falls gains anywhere between the two rounds.

    If a deviation y were below the one but not the other, the segment would meet it in the action of somebody whose
    bound falls; who gains at most as much from y as at that place of the segment.
    """
    risen = (after > before) | (after < 0.0)
    claim = ledger.claim("bounds never rise, and are never below 0")
    if not claim.check(not risen.any(), f"{name}, round {k}: that of {world.named(int(risen.argmax()))}"):
        return
    movers = np.flatnonzero(after < before)
    claim, ceilings = ledger.claim("nobody whose bound falls gains"), world.ceilings(name, world.band)[movers]
    excess = excess_on_segment(lambda x: world.gains(name, x)[movers], before, after, ceilings) if len(movers) else None
    if excess is None:
        claim.check(True, name)
        return
    verb = "gains" if excess.seen else "may gain"
    who, gain = world.named(int(movers[excess.row])), excess.value + float(ceilings[excess.row])
    claim.check(False, f"{name}, round {k}: {who} {verb} {gain:.6g} on the way", excess.value)


def _check_end(world: Provision, name: str, standing: Standing, end: Floats, ledger: Ledger) -> None:
    """Check that the last bounds leave what is claimed: nobody in the core, otherwise the coalition that deviates."""
    left, in_core = tuple(np.flatnonzero(end > 0).tolist()), standing.flags["in_core"]
    said = f"{name}: the bounds end with {coalition_name(world, left) or 'nobody'}"
    if in_core:
        ledger.claim("bounds in the core end at 0").check(not left, said)
    elif in_core is False:
        ledger.claim("no other coalition deviates").check(left == standing.members, said)
    elif left:
        gains = world.gains(name, end)[list(left)] - (world.eps - world.band)
        claim = ledger.claim("on the boundary")
        claim.check(float(gains.min()) >= -0.1 * world.band, f"{said}, who do not all gain about {world.eps:.3g}")


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
