"""From raw tables and parameters to a checked game: the same way for files and for frames."""

from __future__ import annotations

from collections.abc import Mapping

from breakaway.data.families import AnyGame
from breakaway.data.parameters import Places, read_parameters
from breakaway.data.problems import Findings, nearest, suggestion
from breakaway.data.schema import Kind, ParameterValue
from breakaway.data.tables import RawTable
from breakaway.data.typed import Data, Names, TypedTable, defined_names, read_table


def assemble(
    kind: Kind,
    raws: Mapping[str, RawTable | None],
    parameters: Mapping[str, object],
    places: Places,
    suffix: str,
    findings: Findings,
) -> tuple[AnyGame, dict[str, ParameterValue]] | None:
    """Check everything; return the game and its parameters with defaults, None when anything at all is wrong.

    ``raws`` holds all tables given by name, None for a table that could not be read (its problem is in ``findings``).
    ``suffix`` makes a file's name of a table's name.
    """
    findings.expect(places[""][0], *(f"{table.name}{suffix}" for table in kind.tables))
    given = frozenset(raws) | frozenset(parameters)
    guessed = _report_unknown_tables(kind, raws, findings)
    values = read_parameters(kind, parameters, places, findings)
    meant = {match for name in parameters if (match := nearest(name, kind.parameter_names))}
    domains: dict[str, Names] = {}
    tables: dict[str, TypedTable] = {}
    for table in kind.tables:
        raw = raws.get(table.name)
        if raw is not None:
            typed = read_table(table.with_header(map(str, raw.frame.columns)), raw, domains, findings)
            if typed is not None:
                domains |= defined_names(typed, raw)
                tables[table.name] = typed
        elif table.name not in raws and not table.optional and table.name not in guessed:
            findings.add(f"{table.name}{suffix}", f"table {table.name!r} is missing", f"add it: {table.meaning}")
    names = {domain: defined.names for domain, defined in domains.items()}
    data = Data(tables, values, names, given | guessed | meant, places)
    kind.check(data, findings)
    return None if findings else (kind.build(data), values)


def _report_unknown_tables(kind: Kind, raws: Mapping[str, RawTable | None], findings: Findings) -> frozenset[str]:
    """Report tables that the kind does not have; return the names that were probably meant."""
    guessed = set()
    for name, raw in raws.items():
        if name not in kind.table_names:
            free = [known for known in kind.table_names if known not in raws]
            match = nearest(name, free)
            guessed.add(match or "")
            file = name if raw is None else raw.file
            remedy = f"did you mean {match!r}?" if match else suggestion(name, kind.table_names, "tables")
            findings.add(file, f"unknown table {name!r} for the kind {kind.name}", remedy)
    return frozenset(guessed)
