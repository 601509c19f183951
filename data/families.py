"""Every game that an instance can hold, whatever its family, and who takes part in it."""

from __future__ import annotations

from typing import TypeAlias

from breakaway.data.games import Game
from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, SurplusFunctionGame
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.data.public_goods import PublicGoodsGame

AnyGame: TypeAlias = Game | FiniteGroupGame | PositiveSizeGame | PublicGoodsGame
"""A game of coalitional bargaining or of small groups in a large market, or a public-goods economy."""

GROUP_GAMES = (GroupGame, PairwiseGroupGame, SurplusFunctionGame, PositiveSizeGame)
"""The classes of games of groups in a large market."""


def participants(game: AnyGame) -> str:
    """Return who takes part, such as ``3 players`` or ``1,000 types``."""
    if isinstance(game, PublicGoodsGame):
        count, noun = len(game), "agent"
    else:
        count, noun = (len(game.types), "type") if isinstance(game, GROUP_GAMES) else (len(game.players), "player")
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
