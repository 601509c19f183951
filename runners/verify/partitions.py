"""All coalition structures and their refinement order, vectorised.

A structure is a row of labels (the number of each player's block, in order of first players) and the set of pairs of
players who are together, packed into 64-bit words: a structure refines another iff its pairs are among the other's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure

Labels = NDArray[np.int8]
Rows = NDArray[np.intp]


def labels_of_partitions(n: int) -> Labels:
    """Return every partition of n players as a row of labels: a new player joins an old block or opens the next."""
    labels = np.zeros((1, 1), dtype=np.int8)
    for _ in range(n - 1):
        choices = labels.max(axis=1).astype(np.intp) + 2
        first = np.repeat(np.cumsum(choices) - choices, choices)
        following = (np.arange(choices.sum()) - first).astype(np.int8)
        labels = np.column_stack([np.repeat(labels, choices, axis=0), following])
    return labels


def pairs_of(labels: Labels) -> NDArray[np.uint64]:
    """Pack the pairs of players who share a block into words (partitions x words)."""
    n = labels.shape[1]
    together = [labels[:, i] == labels[:, j] for j in range(n) for i in range(j)] or [np.zeros(len(labels), bool)]
    words = np.zeros((len(labels), (len(together) + 63) // 64), dtype=np.uint64)
    for k, pair in enumerate(together):
        words[:, k // 64] |= pair.astype(np.uint64) << np.uint64(k % 64)
    return words


class Lattice:
    """The coalition structures of n players in the order of refinement."""

    def __init__(self, n: int) -> None:
        labels = labels_of_partitions(n)
        self.sizes = labels.max(axis=1).astype(np.intp) + 1
        self._pairs = pairs_of(labels)
        self.structures = _structures(labels, self.sizes)
        self.index = {structure: k for k, structure in enumerate(self.structures)}

    def refining(self, rows: Rows, whole: int) -> Rows:
        """Return those among ``rows`` whose structure refines structure number ``whole``."""
        kept: Rows = rows[~(self._pairs[rows] & ~self._pairs[whole]).any(axis=1)]
        return kept

    def maximal(self, rows: Rows) -> list[int]:
        """Return the numbers of the coarsest structures among ``rows``: those that refine no other one of them."""
        left = rows[np.argsort(self.sizes[rows], kind="stable")]
        found = []
        while len(left):
            found.append(int(left[0]))
            left = left[(self._pairs[left] & ~self._pairs[left[0]]).any(axis=1)]
        return found


def _structures(labels: Labels, sizes: Rows) -> list[Structure]:
    """Turn labels into tuples of bitmasks, blocks in the order of their first players."""
    bits = 1 << np.arange(labels.shape[1])
    masks = np.stack([((labels == k) * bits).sum(axis=1) for k in range(labels.shape[1])], axis=1)
    return [tuple(row[:size]) for row, size in zip(masks.tolist(), sizes.tolist(), strict=True)]


def replace(structure: Structure, block: Coalition, part: Coalition) -> Structure:
    """Return pi^T: the structure with the block S replaced by T and S - T."""
    blocks = [part, block ^ part, *(other for other in structure if other != block)]
    return tuple(sorted(blocks, key=lambda coalition: coalition & -coalition))


def strictly_inside(part: Coalition, block: Coalition) -> bool:
    """Tell whether a coalition is a strict part of another."""
    return part != block and not part & ~block


def parts(block: Coalition) -> list[Coalition]:
    """Return the nonempty coalitions strictly inside a block, in the order of their bitmasks."""
    found = []
    part = -block & block
    while part != block:
        found.append(part)
        part = (part - block) & block
    return found
