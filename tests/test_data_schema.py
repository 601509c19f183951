"""The declarations of tables, and the page made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from breakaway.data.document import schema_markdown
from breakaway.data.kinds import KINDS
from breakaway.data.schema import ColumnType, Kind

PAGE = Path(__file__).parent.parent / "docs" / "tables.md"


def test_the_page_on_tables_is_up_to_date() -> None:
    remedy = "run: python -m breakaway.data.document > docs/tables.md"
    assert PAGE.read_text(encoding="utf-8") == schema_markdown(), remedy


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_declarations_are_complete(kind: Kind) -> None:
    defined = set()
    for table in kind.tables:
        assert table.keys, f"{table.name} has no key"
        assert len(set(table.column_names)) == len(table.columns)
        for column in table.columns:
            assert column.meaning
            if column.type in (ColumnType.MEMBER, ColumnType.COALITION, ColumnType.STRUCTURE, ColumnType.TYPES):
                assert column.domain in defined, f"{table.name}.{column.name} refers to names not defined before it"
            if column.type is not ColumnType.NUMBER:
                assert column.bound is None
                assert column.default is None or column.default in column.choices
            elif column.default is not None and column.bound is not None:
                assert column.bound.allows(column.default)
        defined |= {column.domain for column in table.columns if column.type is ColumnType.NAME}
    for parameter in kind.parameters:
        assert parameter.meaning
        assert not (parameter.required and parameter.default is not None)
        assert bool(parameter.choices) == (parameter.type is str)


def test_every_kind_of_bargaining_has_weights_and_disagreement_payoffs() -> None:
    for kind in KINDS.values():
        if kind.tables[0].name != "players":
            continue
        columns = {column.name: column.default for column in kind.tables[0].columns}
        assert (columns["weight"], columns["disagreement"]) == (1.0, 0.0)
