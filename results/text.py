"""An answer as text for reading, and as JSON for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from breakaway.results.encoding import records, to_json
from breakaway.results.records import Answer, Certificate
from breakaway.results.tables import Concept
from breakaway.results.text_comparison import comparison_sections
from breakaway.results.text_divisions import characteristic_sections, division_sections
from breakaway.results.text_groups import group_sections
from breakaway.results.text_implementation import implementation_sections
from breakaway.results.text_ntu import ntu_sections
from breakaway.results.text_public_goods import public_goods_sections
from breakaway.results.text_strategic import strategic_sections
from breakaway.results.text_structures import structure_sections
from breakaway.results.wording import number, paragraph, plural, seconds


def viability_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of a map of structures; without transfers there are no worths to speak of."""
    without_transfers = answer.certificate.claims.get("transfers") is False
    return strategic_sections(answer) if without_transfers else structure_sections(answer)


_SECTIONS: Mapping[Concept, Callable[[Answer], Iterator[list[str]]]] = {
    "viability": viability_sections,
    "coalitional-nash": division_sections,
    "characteristic-function": characteristic_sections,
    "comparison": comparison_sections,
    "ntu": ntu_sections,
    "public-goods": public_goods_sections,
    "implementation": implementation_sections,
    "stable-assignment": group_sections,
}


def answer_text(answer: Answer) -> str:
    """Write an answer for reading: at most 110 characters a line, the verdict first, certificate last."""
    sections = [_title(answer), *_SECTIONS[answer.concept](answer), certificate_lines(answer)]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _title(answer: Answer) -> list[str]:
    return paragraph(answer.title) + paragraph(
        f"{answer.kind}; source: {answer.source}" if answer.source else answer.kind
    )


def certificate_lines(answer: Answer) -> list[str]:
    """Say why the solve stopped, what is held, how far the answer was checked, by which method and in what time."""
    certificate = answer.certificate
    parts = [f"Certificate: {certificate.termination}, {certificate.holding}", _checked(certificate)]
    method = answer.options.get("method")
    parts += [f"method {method}"] if method else []
    parts += [f"{seconds(sum(answer.seconds.values()))}"] if answer.seconds else []
    return paragraph("; ".join(parts) + ".", hanging=2)


def _checked(certificate: Certificate) -> str:
    if certificate.residual is None:
        return "not yet checked independently (`breakaway verify` does)"
    claims = certificate.claims
    passed = "CHECK FAILED" if claims.get("verified") is False else "checked independently"
    count = claims.get("checks")
    checks = f", {plural(count, 'claim')}" if isinstance(count, int) else ""
    tolerance = claims.get("tolerance")
    beside = f" (tolerance {number(tolerance, 2)})" if isinstance(tolerance, float) else ""
    return f"{passed}{checks}, largest residual {number(certificate.residual, 2)}{beside}"


def answer_json(answer: Answer) -> str:
    """Write an answer as one JSON object; tables are lists of records, a missing number is null."""
    certificate = answer.certificate
    return to_json(
        {
            "concept": answer.concept,
            "kind": answer.kind,
            "title": answer.title,
            "source": answer.source,
            "players": answer.players,
            "status": {"termination": certificate.termination, "holding": certificate.holding},
            "certificate": {"claims": certificate.claims, "residual": certificate.residual},
            "options": answer.options,
            "seconds": answer.seconds,
            "tables": {name: records(frame) for name, frame in answer.tables.items()},
        }
    )
