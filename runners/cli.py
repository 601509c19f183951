"""The command line: ``breakaway check | solve | verify | compare | axioms | instances | solvers``.

Exit codes: 0 answered; 1 unexpected, or a verification that failed; 2 bad input; 3 no answer (what is known is
written).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, get_args

import pandas as pd

from breakaway.data.families import GROUP_GAMES, participants
from breakaway.data.instances import Instance, load_instance, shipped_instances
from breakaway.data.problems import DataError, Problem
from breakaway.results.canvas import PlotError
from breakaway.results.checkpoint import drop_checkpoint, read_checkpoint, write_checkpoint
from breakaway.results.encoding import records, to_json
from breakaway.results.records import Answer
from breakaway.results.storage import RunError, StoredRun, check_room, read_run, write_run
from breakaway.results.text import answer_json, answer_text
from breakaway.runners import cli_axioms, cli_stability
from breakaway.runners.asking import HowToSolve, Method, UnfinishedError
from breakaway.runners.compare import compare, contenders
from breakaway.runners.dispatch import (
    blocks_from_plain,
    blocks_to_plain,
    compare_concepts,
    instance_files,
    resume_key,
    solve_instance,
    verify_answer,
    versions,
)
from breakaway.runners.groups.growing import market_of, with_growing
from breakaway.runners.pictures import write_pictures
from breakaway.runners.recursion import Block, Hooks, ViabilityMap
from breakaway.runners.solvers import SolveError, SolverOptions, solver_table
from breakaway.runners.verify import Verification

ANSWERED, UNEXPECTED, BAD_INPUT, NO_ANSWER = 0, 1, 2, 3

CHECKPOINT_AFTER = 5.0
"""Seconds of work after which finished levels are kept on disk as well."""

FINAL = ("proven optimum", "infeasibility proof")
"""What a finished run holds."""

BOUNDED = ("stable-assignment",)
"""Concepts of which an unfinished answer is told and verified like a finished one: it has a value, and a bound."""

USUAL_TOLERANCE = 1e-9
"""Of solving and of verifying, relative to the game's largest number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    asked = parser().parse_args(words)
    asked.words = ["breakaway", *words]
    try:
        code: int = asked.run(asked)
    except DataError as error:
        _report_problems(error.problems, asked.json)
        return BAD_INPUT
    except (RunError, ValueError) as error:
        return _fail(str(error), asked.json, BAD_INPUT)
    except SolveError as error:
        return _fail(f"no answer: {error}", asked.json, NO_ANSWER)
    except KeyboardInterrupt:
        return _fail("interrupted", asked.json, NO_ANSWER)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ANSWERED
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="breakaway",
        description="Will any coalition break away? Solve coalitional games with certificates.",
        epilog="INSTANCE is a folder with game.toml and CSV tables, or the name of a shipped instance.",
    )
    top.add_argument("--version", action="version", version=versions()["breakaway"])
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_check(commands)
    _add_solve(commands)
    _add_verify(commands)
    _add_compare(commands)
    cli_axioms.add_options(_command(commands, "axioms", "test solution concepts against the axioms", _run_axioms))
    _add_listing(commands, "instances", "list the shipped instances", _run_instances)
    _add_listing(commands, "solvers", "show what each solver can do here", _run_solvers)
    return top


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(
    commands: Commands, name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    command.set_defaults(run=run)
    return command


def _add_check(commands: Commands) -> None:
    command = _command(commands, "check", "check an instance and list every problem", _run_check)
    command.add_argument("instance", metavar="INSTANCE")


def _add_solve(commands: Commands) -> None:
    command = _command(commands, "solve", "solve an instance and certify the answer", _run_solve)
    command.add_argument("instance", metavar="INSTANCE")
    command.add_argument("--out", metavar="DIR", help="write tables and run.json there")
    command.add_argument("--plots", action="store_true", help="write pictures to DIR as well (needs --out)")
    command.add_argument(
        "--concept", metavar="A,B,C", help="set these solution concepts side by side; `all` for every one"
    )
    command.add_argument(
        "--method",
        choices=get_args(Method),
        default="exact",
        help="search, Pyomo models, or search with players in order (one coalition, many players); for public goods "
        "descent (as exact), elimination, elimination-as-printed or brute-force",
    )
    command.add_argument("--solver", metavar="NAME", help="highs, scip or one that Pyomo knows, for --method model")
    command.add_argument("--formulation", help="of the division model, such as threshold or chain_flow")
    command.add_argument("--workers", type=int, default=1, help="processes that divide coalitions")
    command.add_argument(
        "--rational", action="store_true", help="compute in fractions, with tolerance 0, where the data are rational"
    )
    command.add_argument(
        "--no-identical", dest="identical", action="store_false", help="solve every structure by itself"
    )
    command.add_argument(
        "--detail", choices=("auto", "all", "failures", "none"), default="auto", help="which threats to list"
    )
    command.add_argument(
        "--least-gain", type=float, default=1e-6, help="of public goods: the gain above which an agent leaves"
    )
    command.add_argument(
        "--grow", metavar="2,3,...", help="of a market: also say what it is worth with groups of up to so many members"
    )
    command.add_argument(
        "--verify", action=argparse.BooleanOptionalAction, help="check the answer at once (default: by size)"
    )
    _add_solver_options(command)


def _add_solver_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tolerance", type=float, default=USUAL_TOLERANCE, help="relative to the game's largest number"
    )
    command.add_argument("--time-limit", type=float, metavar="SECONDS", help="of one game, or of one solver call")
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--seed", type=int, default=0)


def _add_verify(commands: Commands) -> None:
    command = _command(commands, "verify", "recompute every claim of a run from the definitions", _run_verify)
    command.add_argument("run_folder", metavar="RUN", help="a folder that solve --out wrote")
    cli_stability.add_options(command)
    command.add_argument("--tolerance", type=float, help="relative to the game's largest number; default: the run's")


def _add_compare(commands: Commands) -> None:
    command = _command(commands, "compare", "solve an instance by several methods and solvers", _run_compare)
    command.add_argument("instance", metavar="INSTANCE")
    command.add_argument(
        "--solvers",
        default="exact,highs,scip",
        metavar="A,B,C",
        help="exact, highs, scip; with a formulation: highs:chain_flow, scip:disjunctive",
    )
    _add_solver_options(command)


def _add_listing(commands: Commands, name: str, text: str, run: Callable[[argparse.Namespace], int]) -> None:
    _command(commands, name, text, run)


# --- commands ------------------------------------------------------------------------------------------------------


def _run_check(asked: argparse.Namespace) -> int:
    instance = load_instance(asked.instance)
    found = {"instance": instance.name, "kind": instance.kind, "title": instance.title, "problems": []}
    who = participants(instance.game)
    _say(found, f"{instance.name}: no problems. {instance.kind} with {who}: {instance.title}", asked.json)
    return ANSWERED


def _run_solve(asked: argparse.Namespace) -> int:
    how = _how(asked)
    if asked.plots and not asked.out:
        raise ValueError("--plots needs a folder to write to: add --out DIR")
    instance = load_instance(asked.instance)
    sizes = _sizes(asked, instance)
    if asked.out:
        check_room(asked.out, instance.kind, instance.title)
    progress = _Progress(asked.json)
    work = _FinishedWork(asked.out, resume_key(instance, how), progress)
    names = [name.strip() for name in (asked.concept or "").split(",") if name.strip()]
    try:
        if names:
            answer = compare_concepts(instance, names, how)
        else:
            answer = solve_instance(instance, how, work.hooks(), progress.say)
            answer = with_growing(answer, market_of(instance.game), sizes, how) if sizes else answer
    except UnfinishedError as stop:
        progress.clear()
        return _report_unfinished(asked, instance, stop, work)
    except KeyboardInterrupt:
        progress.clear()
        nothing = "no assignment was found yet, so there is nothing to keep"
        known = nothing if isinstance(instance.game, GROUP_GAMES) else work.keep()
        return _fail(f"interrupted; {known}", asked.json, NO_ANSWER)
    progress.clear()
    if asked.out:
        _write(asked, instance, answer)
        drop_checkpoint(asked.out)
    print((answer_json(answer) if asked.json else answer_text(answer)).rstrip("\n"))
    if asked.out and not asked.json:
        print(f"\nTables and run.json are in {asked.out}; check them with: breakaway verify {asked.out}")
    return _draw(asked, instance, answer) if asked.plots else ANSWERED


def _sizes(asked: argparse.Namespace, instance: Instance) -> list[int]:
    """Return the sizes up to which groups of a market are to grow; none unless asked for."""
    words = [word.strip() for word in (asked.grow or "").split(",") if word.strip()]
    if any(not word.isdecimal() for word in words):
        raise ValueError(f"--grow {asked.grow}: give numbers of members, such as 2,3,4")
    sizes = sorted({int(word) for word in words})
    if sizes:
        market_of(instance.game, sizes)
    return sizes


def _how(asked: argparse.Namespace) -> HowToSolve:
    if asked.workers < 1:
        raise ValueError(f"--workers {asked.workers}: at least one process is needed")
    if asked.method != "model" and (asked.solver or asked.formulation):
        raise ValueError("--solver and --formulation are for Pyomo models: add --method model")
    return HowToSolve(
        asked.method,
        asked.solver,
        asked.formulation,
        _options(asked),
        asked.workers,
        asked.identical,
        asked.rational,
        asked.detail,
        asked.verify,
        asked.least_gain,
    )


def _options(asked: argparse.Namespace) -> SolverOptions:
    try:
        return SolverOptions(
            time_limit=asked.time_limit, tolerance=asked.tolerance, threads=asked.threads, seed=asked.seed
        )
    except SolveError as error:
        raise ValueError(str(error)) from error


class _FinishedWork:
    """Finished levels of long work: shown as progress, kept on disk, and taken up again from there."""

    def __init__(self, folder: str | None, key: str, progress: _Progress) -> None:
        self._folder = folder
        self._key = key
        self._progress = progress
        self._started = time.monotonic()
        self._blocks: Sequence[tuple[Block, ...]] = ()

    def hooks(self) -> Hooks:
        """Return what the recursion calls after every level, and the levels that it need not repeat."""
        try:
            finished = blocks_from_plain(read_checkpoint(self._folder, self._key)) if self._folder else []
        except (TypeError, ValueError):  # a damaged checkpoint is as good as none
            finished = []
        return Hooks(self._level_done, finished)

    def _level_done(self, result: ViabilityMap) -> None:
        self._progress.level(result)
        self._blocks = result.blocks
        if time.monotonic() - self._started > CHECKPOINT_AFTER:
            self.keep()

    def keep(self) -> str:
        """Write what is finished, if there is a folder; say how to resume.

        Raises
        ------
        RunError
            When the folder cannot be written to.
        """
        if not self._blocks:
            return "no level was finished, so there is nothing to resume"
        if not self._folder:
            return "with --out DIR finished work is kept and can be resumed"
        try:
            write_checkpoint(self._folder, self._key, blocks_to_plain(self._blocks))
        except OSError as error:
            raise RunError(f"{self._folder}: cannot be written ({error}); give another folder") from error
        return "to resume, run the same command again"


def _write(asked: argparse.Namespace, instance: Instance, answer: Answer) -> None:
    write_run(asked.out, answer, command=asked.words, instance_files=instance_files(instance), versions=versions())


def _draw(asked: argparse.Namespace, instance: Instance, answer: Answer) -> int:
    try:
        write_pictures(Path(asked.out), instance.game, answer)
    except (PlotError, ImportError) as error:
        print(f"pictures are missing: {error}", file=sys.stderr)
        return UNEXPECTED
    return ANSWERED


def _report_unfinished(
    asked: argparse.Namespace, instance: Instance, stop: UnfinishedError, work: _FinishedWork
) -> int:
    claims = stop.answer.certificate.claims
    text = f"no answer: {stop}"
    if "judged" in claims:
        text += f"; {claims['judged']} of {claims['of']} {_JUDGED[stop.answer.concept]} were judged"
    if asked.out:
        _write(asked, instance, stop.answer)
        text += f"; what is known is in {asked.out}"
    if stop.answer.concept == "viability":
        text += f"; {work.keep()}"
    told = stop.answer.concept in BOUNDED
    if asked.json:
        certificate = stop.answer.certificate
        status = {"termination": certificate.termination, "holding": certificate.holding}
        tables = {name: records(frame) for name, frame in stop.answer.tables.items()}
        found = {"error": text, "status": status, "claims": claims} | ({"tables": tables} if told else {})
        _say(found, text, as_json=True)
    elif told:
        print(answer_text(stop.answer).rstrip("\n"))
    print(text, file=sys.stderr)
    return NO_ANSWER


_JUDGED = {"viability": "structures", "characteristic-function": "coalitions", "ntu": "coalitions"}


def _run_verify(asked: argparse.Namespace) -> int:
    tolerance: float | None = asked.tolerance
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"--tolerance {tolerance:g}: give a number between 0 and 1, such as 1e-9")
    if cli_stability.asked_for(asked):
        return _check_stability(asked, tolerance or USUAL_TOLERANCE)
    run = read_run(asked.run_folder)
    certificate = run.answer.certificate
    bounded = run.answer.concept in BOUNDED
    if certificate.holding not in FINAL and not bounded:
        why = f"the run is unfinished ({certificate.termination})"
        text = f"{run.folder}: {why}; finish it, with a higher limit if it has one: {run.command}"
        return _fail(text, asked.json, NO_ANSWER)
    instance = load_instance(run.instance)
    used = _tolerance_of(run) if tolerance is None else tolerance
    verification = verify_answer(instance.game, run.answer.tables, certificate.claims, used)
    passed = verification.passed and not run.altered
    found: dict[str, object] = {
        "run": str(run.folder),
        "passed": passed,
        "altered": list(run.altered),
        "tolerance": used,
        "residual": verification.residual,
        "checks": verification.checks,
    }
    text = _verification_text(run.folder, verification, run.altered)
    if bounded and passed and certificate.claims.get("complete") is False:
        found["unfinished"] = _still_open(run.answer)
        text += f"\n{found['unfinished']}"
    if used > USUAL_TOLERANCE:
        text += f"\ntolerance {used:g}, more than the usual {USUAL_TOLERANCE:g}"
    _say(found, text, asked.json)
    return ANSWERED if passed else UNEXPECTED


def _still_open(answer: Answer) -> str:
    """Say what is proven by an unfinished run about a market, and what is not."""
    welfare, bound, gap = (float(answer.tables["welfare"][name].iloc[0]) for name in ("primal", "dual", "gap"))
    proven = f"its assignment is worth {welfare:.9g}"
    if math.isfinite(bound):
        proven += f", none is worth more than {bound:.9g} (gap {gap:.2g})"
    return f"the run is unfinished ({answer.certificate.termination}): {proven}, and it may not be stable"


def _check_stability(asked: argparse.Namespace, tolerance: float) -> int:
    """Check an assignment and an imputation of the user."""
    verification, verdict = cli_stability.run(asked, tolerance)
    found = {"passed": verification.passed, "verdict": verdict, "checks": verification.checks}
    _say(found, f"{_checks_text(verification)}\n{verdict}", asked.json)
    return ANSWERED if verification.passed else UNEXPECTED


def _tolerance_of(run: StoredRun) -> float:
    tolerance = run.answer.options.get("tolerance", USUAL_TOLERANCE)
    if not isinstance(tolerance, float) or not 0 < tolerance < 1:
        raise RunError(f"{run.folder}: the tolerance of the run is {tolerance!r}; give --tolerance 1e-9")
    return tolerance


def _checks_text(verification: Verification) -> str:
    checks = verification.checks
    return _aligned(checks.assign(worst_residual=checks["worst_residual"].map("{:.1e}".format)))


def _verification_text(folder: Path, verification: Verification, altered: Sequence[str]) -> str:
    checks = verification.checks
    lines = [_checks_text(verification)]
    lines += [f"{name}: is not as the run wrote it" for name in altered]
    verdict = "every claim holds" if verification.passed and not altered else "FAILED"
    total = int(checks["checked"].sum())
    lines.append(f"{folder}: {verdict}; {total} items checked, {int(checks['failed'].sum())} failed")
    return "\n".join(lines)


def _run_compare(asked: argparse.Namespace) -> int:
    instance = load_instance(asked.instance)
    names = [name.strip() for name in asked.solvers.split(",") if name.strip()]
    progress = _Progress(asked.json)
    table = compare(instance.game, contenders(names, HowToSolve(options=_options(asked))), progress.say)
    progress.clear()
    _say({"instance": instance.name, "table": table}, _aligned(_readable(table)), asked.json)
    if not len(table.query("status == 'optimal' or status == 'infeasible'")):
        return NO_ANSWER
    return UNEXPECTED if (table["agrees"] == False).any() else ANSWERED  # noqa: E712  # None means unknown


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Write numbers for reading: values to nine digits, gaps and times short, unknown ones as a dash."""
    styles = {
        "value": "{:.9g}",
        "bound": "{:.9g}",
        "gap": "{:.1e}",
        "seconds": "{:.3f}",
        "solutions": "{:.0f}",
        "viable": "{:.0f}",
    }
    shown = table.copy()
    for column, style in styles.items():
        shown[column] = [("-" if pd.isna(cell) else style.format(float(cell))) for cell in table[column]]
    shown["agrees"] = [{True: "yes", False: "NO"}.get(cell, "-") for cell in table["agrees"]]
    return shown


def _run_axioms(asked: argparse.Namespace) -> int:
    found, text = cli_axioms.run(asked)
    _say(found, text, asked.json)
    return ANSWERED


def _run_instances(asked: argparse.Namespace) -> int:
    frame = pd.DataFrame(shipped_instances(), columns=["name", "kind", "title", "source"])
    _say({"instances": frame}, _aligned(frame[["name", "kind", "title"]]), asked.json)
    return ANSWERED


def _run_solvers(asked: argparse.Namespace) -> int:
    table = solver_table()
    flags = {True: "yes", False: "no"}
    shown = table.map(lambda cell: flags.get(cell, cell) if isinstance(cell, bool) else cell)
    _say({"solvers": table}, _aligned(shown), asked.json)
    return ANSWERED


# --- saying --------------------------------------------------------------------------------------------------------


class _Progress:
    """One line on a terminal's standard error; silent when piped or when JSON is asked for."""

    def __init__(self, silent: bool) -> None:
        self._shown = not silent and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{text} ...")
            sys.stderr.flush()

    def level(self, result: ViabilityMap) -> None:
        """Tell how many structures are judged."""
        done, total = len(result.blocks), len(result.lattice.patterns)
        self.say(f"{done:,} of {total:,} coalition structures judged, {sum(result.viable):,} viable")

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _say(found: Mapping[str, object], text: str, as_json: bool) -> None:
    """Print a result as JSON, its tables as lists of records, or its text."""
    if as_json:
        text = to_json({k: records(v) if isinstance(v, pd.DataFrame) else v for k, v in found.items()}).rstrip("\n")
    print(text)


def _fail(text: str, as_json: bool, code: int) -> int:
    if as_json:
        print(json.dumps({"error": text}))
    print(text, file=sys.stderr)
    return code


def _report_problems(problems: Sequence[Problem], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"problems": [str(problem) for problem in problems]}))
        return
    for problem in problems:
        print(problem, file=sys.stderr)
    count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
    print(f"{count}; nothing was solved", file=sys.stderr)


def _aligned(frame: pd.DataFrame) -> str:
    """Write a frame as left-aligned text columns; the last column may be as long as it likes."""
    cells = [[str(column) for column in frame.columns]] + [
        [str(c) for c in row] for row in frame.itertuples(index=False)
    ]
    widths = [max(len(row[k]) for row in cells) for k in range(len(frame.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
