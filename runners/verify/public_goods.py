"""Recompute the claims of an answer about public goods from the values of utilities: no derivatives, no solver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.verify.concave import highest
from breakaway.runners.verify.lindahl import check_frontier, check_lindahl, is_lindahl, zero_stays
from breakaway.runners.verify.provision import (
    ROUNDING,
    Chain,
    Provision,
    Standing,
    coalition_name,
    read_chains,
    read_deviations,
)
from breakaway.runners.verify.provision_bounds import check_elimination, check_paths
from breakaway.runners.verify.record import Claim, Ledger, Verification
from breakaway.runners.verify.tables import flag, label, number, rows

FLAGS = ("in_core", "pareto_efficient", "individually_rational", "lindahl")


def verify_public_goods(
    game: PublicGoodsGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any], tolerance: float = 1e-9
) -> Verification:
    """Recompute every claim about outcomes of a public-goods economy.

    Parameters
    ----------
    game
        The economy with its outcomes.
    tables
        ``membership`` (outcome, in_core, pareto_efficient, individually_rational, lindahl), ``deviation`` (outcome,
        agent, action, gain) and, where given, ``elimination``, ``proof`` (the descent beside another method),
        ``membership_path``, ``lindahl``, ``lindahl_prices`` and ``frontier``.
    claims
        ``eps`` and ``band``: the least gain for which agents leave, and the distance from it within which nothing is
        said, in units of utility; ``zero_in_core``; ``unbounded``: outcomes from which some gain without limit.
    tolerance
        Largest discrepancy allowed, relative to every agent's utility.

    Returns
    -------
    Verification
        A row for each claim. Utilities are taken to be concave, and not to fall in the actions of others.
    """
    ledger = Ledger()
    world = Provision.of(game, claims, tolerance, ledger)
    standings = _read_membership(world, tables, ledger)
    bounds = read_chains(world, tables, "elimination", "round", "bound", ledger) or {}
    proof = read_chains(world, tables, "proof", "round", "bound", ledger)
    _check_deviations(world, standings, read_deviations(world, tables, ledger), ledger)
    check_elimination(world, standings, bounds if proof is None else proof, ledger)
    if proof is not None:
        check_elimination(world, {name: standings[name] for name in bounds if name in standings}, bounds, ledger)
    _check_rounds(standings, bounds, ledger)
    check_paths(world, standings, read_chains(world, tables, "membership_path", "step", "action", ledger), ledger)
    _check_efficiency(world, standings, ledger)
    alone = highest(game.utilities.alone, game.max_action, len(game))
    _check_alone(world, standings, alone, ledger)
    _check_lindahl_flags(world, standings, ledger)
    check_lindahl(world, tables, ledger)
    check_frontier(world, tables, alone, ledger)
    _check_zero(world, claims, ledger)
    return ledger.close()


# --- membership ------------------------------------------------------------------------------------------------------


def _read_membership(world: Provision, tables: Mapping[str, pd.DataFrame], ledger: Ledger) -> dict[str, Standing]:
    """Read what is said of every outcome; a flag is None where the table says nothing."""
    claim, found = ledger.claim("membership table readable"), {}
    frame = tables.get("membership", pd.DataFrame())
    optional = [name for name in ("coalition", "least_gain", "rounds", "status") if name in frame.columns]
    for line in rows(tables, "membership", ("outcome", *FLAGS, *optional), ledger):
        name = label(line[0])
        fresh = name in world.outcomes and name not in found
        if claim.check(fresh, f"{name}: unknown outcome, or listed twice"):
            known = {key: flag(cell) for key, cell in zip(FLAGS, line[1:5], strict=True)}
            blank = [
                key for key, cell in zip(FLAGS, line[1:5], strict=True) if known[key] is None and not pd.isna(cell)
            ]
            claim.check(not blank, f"{name}: {', '.join(blank)} is neither true nor false nor missing")
            found[name] = Standing(known, dict(zip(optional, line[5:], strict=True)))
    for name in world.outcomes:
        ledger.claim("every outcome judged").check(name in found, f"{name} is not listed")
    for name, standing in found.items():
        _check_status(name, standing, ledger)
    return found


def _check_status(name: str, standing: Standing, ledger: Ledger) -> None:
    words = {True: {"in the core"}, False: {"not in the core"}, None: {"on the boundary", "not decided"}}
    if "status" in standing.more:
        status = standing.more["status"]
        claim = ledger.claim("status is that of the flag")
        claim.check(status in words[standing.flags["in_core"]], f"{name}: {status}")


# --- deviations ------------------------------------------------------------------------------------------------------


def _check_deviations(
    world: Provision,
    standings: Mapping[str, Standing],
    deviations: Mapping[str, dict[int, tuple[float, float]]],
    ledger: Ledger,
) -> None:
    """Check that whoever is said to walk away gains by it, and that nobody else is said to."""
    listed = ledger.claim("deviations listed for outcomes outside the core alone")
    for name, standing in standings.items():
        members = deviations.get(name, {})
        outside = standing.flags["in_core"] is False
        listed.check(bool(members) == outside, f"{name}: {len(members)} members listed")
        standing.members = tuple(sorted(members))
        if members:
            _check_deviation(world, name, members, standing, ledger)
        _check_summary(world, name, standing, ledger)


def _check_deviation(
    world: Provision, name: str, members: dict[int, tuple[float, float]], standing: Standing, ledger: Ledger
) -> None:
    actions = np.zeros(len(world.game))
    for i, (action, _) in members.items():
        actions[i] = action
    room = 1e-9 * (1.0 + np.abs(actions))
    possible = (actions >= 0.0) & (actions <= world.game.max_action + room)
    claim = ledger.claim("actions possible")
    if not claim.check(bool(possible.all()), f"{name}: {world.named(int(possible.argmin()))} cannot act like this"):
        return
    found = world.gains(name, actions)
    standing.least = float(min(found[i] for i in members))
    more, told = ledger.claim("every member of a deviation gains"), ledger.claim("gains follow from the utilities")
    for i, (_, own) in members.items():
        who = f"{name}: {world.named(i)}"
        more.check(found[i] > world.eps, f"{who} gains {found[i]:.6g}, no more than {world.eps:.3g}")
        told.equal(who, own, float(found[i]), world.room(name, found + world.had(name))[i])


def _check_summary(world: Provision, name: str, standing: Standing, ledger: Ledger) -> None:
    """Check what the membership table repeats of the deviation: who, and the least gain."""
    if "coalition" in standing.more:
        own = standing.more["coalition"]
        written = "" if own is None or pd.isna(own) else label(own)
        claim = ledger.claim("coalition is those who deviate")
        claim.check(written == coalition_name(world, standing.members), f"{name}: {written or 'nobody'}")
    if "least_gain" in standing.more:
        least = number(standing.more["least_gain"])
        claim = ledger.claim("least gain is that of the deviation")
        if standing.least is None or least is None:
            claim.check(standing.least is None and least is None, f"{name}: least gain {least}")
        else:
            claim.equal(name, least, standing.least, float(world.room(name, world.had(name)).max()))


def _check_rounds(standings: Mapping[str, Standing], bounds: Mapping[str, Chain], ledger: Ledger) -> None:
    for name, chain in bounds.items():
        if name in standings and "rounds" in standings[name].more:
            own, found = number(standings[name].more["rounds"]), len(chain.points) - 1
            ledger.claim("rounds counted").check(own == found, f"{name}: claimed {own}, there are {found}")


# --- the other flags -------------------------------------------------------------------------------------------------


def _judge(claim: Claim, what: str, claimed: bool | None, margin: float, band: float, *, missing: bool = False) -> None:
    """Check a flag that is true when ``margin`` is at most 0; within ``band`` of that it may be anything.

    ``missing``: whether it may also be left out.
    """
    if abs(margin) <= band:
        claim.leave(f"{what}: within {band:.1e} of the boundary")
    elif claimed is None and missing:
        claim.leave(f"{what}: not claimed")
    else:
        claim.flag(what, claimed, margin <= 0.0)


def _check_efficiency(world: Provision, standings: Mapping[str, Standing], ledger: Ledger) -> None:
    """Pareto efficiency: all agents together are not the largest coalition that deviates."""
    claim, everybody = ledger.claim("Pareto efficient unless everybody deviates"), len(world.game)
    for name, standing in standings.items():
        claimed, in_core = standing.flags["pareto_efficient"], standing.flags["in_core"]
        if in_core is None:
            claim.leave(f"{name}: not re-proven on the boundary")
        elif claimed is None and not in_core and name in world.unbounded:
            claim.leave(f"{name}: not claimed")
        else:
            claim.flag(name, claimed, len(standing.members) < everybody)


def _check_alone(world: Provision, standings: Mapping[str, Standing], alone: Floats, ledger: Ledger) -> None:
    """Individual rationality: nobody gains more than eps by acting alone."""
    claim = ledger.claim("individually rational")
    for name, standing in standings.items():
        most = alone - world.had(name)
        who = int(most.argmax())
        what = f"{name} ({world.named(who)} alone could gain {most[who]:.6g})"
        band = 1.1 * world.band + ROUNDING * (1.0 + abs(float(world.had(name)[who])))
        _judge(claim, what, standing.flags["individually_rational"], float(most[who]) - world.eps, band)
        if standing.flags["in_core"]:
            claim.check(float(most[who]) <= world.eps + band, f"{what}, yet it is said to be in the core")


def _check_lindahl_flags(world: Provision, standings: Mapping[str, Standing], ledger: Ledger) -> None:
    claim = ledger.claim("Lindahl outcomes")
    for name, standing in standings.items():
        found, claimed = is_lindahl(world, world.outcomes[name]), standing.flags["lindahl"]
        if found is None or (claimed is None and len(world.game.utilities.pieces)):
            claim.leave(f"{name}: not decided by difference quotients")
        else:
            claim.flag(name, claimed, found)


def _check_zero(world: Provision, claims: Mapping[str, Any], ledger: Ledger) -> None:
    claimed = flag(claims.get("zero_in_core"))
    if claimed is not None:
        claim, found = ledger.claim("doing nothing in the core"), zero_stays(world)
        if found is None:
            claim.leave("not decided by difference quotients")
        else:
            claim.flag("nobody acts", claimed, found)
