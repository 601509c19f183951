"""Finished levels of a long recursion on disk, so that an interrupted run can be resumed.

Numbers are written in full (``repr``), so a resumed run gives the same answer as one that was never stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHECKPOINT_FILE = "checkpoint.json"


def write_checkpoint(folder: str | os.PathLike[str], key: str, levels: Sequence[Any]) -> Path:
    """Write finished levels under a key that identifies game and options; an earlier checkpoint is replaced."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    temporary = target / (CHECKPOINT_FILE + ".part")
    temporary.write_text(json.dumps({"key": key, "levels": levels}), encoding="utf-8")
    os.replace(temporary, target / CHECKPOINT_FILE)
    return target / CHECKPOINT_FILE


def read_checkpoint(folder: str | os.PathLike[str], key: str) -> list[Any]:
    """Return the finished levels written under a key; empty when there are none, or none for this key."""
    path = Path(folder) / CHECKPOINT_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if not isinstance(found, dict) or found.get("key") != key or not isinstance(found.get("levels"), list):
        return []
    levels: list[Any] = found["levels"]
    return levels


def drop_checkpoint(folder: str | os.PathLike[str]) -> None:
    """Remove a checkpoint that is no longer needed."""
    (Path(folder) / CHECKPOINT_FILE).unlink(missing_ok=True)
