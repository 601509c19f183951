"""Every game that an instance can hold, whatever its family, and who takes part in it."""

from __future__ import annotations

from typing import TypeAlias

from breakaway.data.games import Game
from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, SurplusFunctionGame
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.data.public_goods import PublicGoodsGame

AnyGame: TypeAlias = Game | FiniteGroupGame | PositiveSizeGame | PublicGoodsGame | PayoffEnvironment
"""A game of coalitional bargaining or of small groups in a large market, a public-goods economy, or an environment."""

GROUP_GAMES = (GroupGame, PairwiseGroupGame, SurplusFunctionGame, PositiveSizeGame)
"""The classes of games of groups in a large market."""

NOT_BARGAINING = (*GROUP_GAMES, PublicGoodsGame, PayoffEnvironment)
"""The classes of games that are not about bargaining in coalitions: they have no players."""


def participants(game: AnyGame) -> str:
    """Return who takes part, such as ``3 players`` or ``1,000 types``."""
    if isinstance(game, PublicGoodsGame | PayoffEnvironment):
        count, noun = len(game), "agent"
    else:
        count, noun = (len(game.types), "type") if isinstance(game, GROUP_GAMES) else (len(game.players), "player")
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
