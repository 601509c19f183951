"""The kinds of games: one module each, registered here."""

from __future__ import annotations

from breakaway.data.kinds.abatement import ABATEMENT
from breakaway.data.kinds.characteristic_function import CHARACTERISTIC_FUNCTION
from breakaway.data.kinds.cournot import COURNOT
from breakaway.data.kinds.group_game import GROUP_GAME
from breakaway.data.kinds.ntu_game import NTU_GAME
from breakaway.data.kinds.pairwise_group_game import PAIRWISE_GROUP_GAME
from breakaway.data.kinds.partition_function import PARTITION_FUNCTION
from breakaway.data.kinds.payoff_environment import PAYOFF_ENVIRONMENT
from breakaway.data.kinds.positive_size_game import POSITIVE_SIZE_GAME
from breakaway.data.kinds.public_goods import PUBLIC_GOODS
from breakaway.data.kinds.research_race import RESEARCH_RACE
from breakaway.data.kinds.strategic_form import STRATEGIC_FORM
from breakaway.data.kinds.threat_game import THREAT_GAME
from breakaway.data.schema import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        THREAT_GAME,
        CHARACTERISTIC_FUNCTION,
        NTU_GAME,
        PARTITION_FUNCTION,
        COURNOT,
        ABATEMENT,
        RESEARCH_RACE,
        STRATEGIC_FORM,
        GROUP_GAME,
        PAIRWISE_GROUP_GAME,
        POSITIVE_SIZE_GAME,
        PUBLIC_GOODS,
        PAYOFF_ENVIRONMENT,
    )
}
"""Every kind by its name."""
