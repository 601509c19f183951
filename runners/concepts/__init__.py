"""Solution concepts that can be set beside the coalitional Nash solution, by name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from breakaway.runners.concepts.coalitional import COALITIONAL_NASH
from breakaway.runners.concepts.compte_jehiel import COMPTE_JEHIEL
from breakaway.runners.concepts.core import CORE, LEAST_CORE
from breakaway.runners.concepts.egalitarian import EGALITARIAN, STACKED_AVERAGES
from breakaway.runners.concepts.kalai_smorodinsky import KALAI_SMORODINSKY
from breakaway.runners.concepts.nucleolus import NUCLEOLUS, PRENUCLEOLUS
from breakaway.runners.concepts.phi import PHI
from breakaway.runners.concepts.question import Concept, Found, Question, UndefinedError
from breakaway.runners.concepts.shapley import SHAPLEY
from breakaway.runners.concepts.simple import EQUAL_DIVISION, NASH, SPLIT_THE_DIFFERENCE

CONCEPTS: dict[str, Concept] = {
    concept.name: concept
    for concept in (
        COALITIONAL_NASH,
        NASH,
        SPLIT_THE_DIFFERENCE,
        KALAI_SMORODINSKY,
        PHI,
        EGALITARIAN,
        STACKED_AVERAGES,
        CORE,
        LEAST_CORE,
        NUCLEOLUS,
        PRENUCLEOLUS,
        SHAPLEY,
        COMPTE_JEHIEL,
        EQUAL_DIVISION,
    )
}
"""Every concept by its name, in the order in which ``all`` lists them."""


def concepts_named(names: Sequence[str]) -> list[Concept]:
    """Return concepts by name, in the order given, each once; ``all`` stands for every concept.

    Raises
    ------
    ValueError
        When a name is unknown (the nearest known one is offered) or none is given.
    """
    wanted = [known for name in names for known in (CONCEPTS if name == "all" else (name,))]
    unknown = [name for name in wanted if name not in CONCEPTS]
    if unknown or not wanted:
        near = [match for name in unknown for match in get_close_matches(name, CONCEPTS, 1)]
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        named = f"unknown concept {', '.join(map(repr, unknown))}{hint}" if unknown else "no concept is named"
        raise ValueError(f"{named}; concepts are {', '.join(CONCEPTS)}, or all")
    return [CONCEPTS[name] for name in dict.fromkeys(wanted)]


__all__ = ["CONCEPTS", "Concept", "Found", "Question", "UndefinedError", "concepts_named"]
