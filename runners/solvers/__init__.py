"""The solver layer: one call, one options object, typed failures, for every solver.

`solve_model(model, options)` finds the class of the model, refuses a solver that cannot have it, solves, loads the
values and says in two words why the solver stopped and what is held. Importing this package registers
`breakaway_ipopt` with Pyomo.
"""

from breakaway.runners.solvers.capabilities import CAPABILITIES, Capability
from breakaway.runners.solvers.classify import ModelFacts, ProblemClass, examine
from breakaway.runners.solvers.errors import (
    CapabilityError,
    InfeasibleError,
    LimitReachedError,
    NumericalError,
    OptionError,
    SolveError,
    SolverCrashedError,
    SolverHungError,
    SolverUnavailableError,
    UnboundedError,
)
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome, Termination
from breakaway.runners.solvers.probing import Probe, Verdict, probe, solver_table
from breakaway.runners.solvers.rays import infeasibility_ray
from breakaway.runners.solvers.solve import solve_model

__all__ = [
    "CAPABILITIES",
    "Capability",
    "CapabilityError",
    "Holding",
    "InfeasibleError",
    "LimitReachedError",
    "ModelFacts",
    "NumericalError",
    "OptionError",
    "Outcome",
    "Probe",
    "ProblemClass",
    "SolveError",
    "SolverCrashedError",
    "SolverHungError",
    "SolverOptions",
    "SolverUnavailableError",
    "Termination",
    "UnboundedError",
    "Verdict",
    "examine",
    "infeasibility_ray",
    "probe",
    "solve_model",
    "solver_table",
]
