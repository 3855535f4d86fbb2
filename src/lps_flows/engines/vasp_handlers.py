"""Which of custodian's corrections are applied, and when they give up."""

from __future__ import annotations

from atomate2.vasp.run import DEFAULT_HANDLERS
from custodian.custodian import ErrorHandler
from custodian.vasp.handlers import UnconvergedErrorHandler


class LastingUnconvergedHandler(UnconvergedErrorHandler):
    """Restart an unconverged run three times, then let its result stand.

    custodian's own restarts until the whole job has met too many errors, and then
    fails it: the energies of a long relaxation that is not quite done would be lost.
    Here the document is written, and says that it is not converged.
    """

    max_num_corrections = 3
    raise_on_max = False


def relaxation_handlers() -> list[ErrorHandler]:
    """Return atomate2's handlers, with unconverged results left to stand."""
    return [
        LastingUnconvergedHandler() if type(h) is UnconvergedErrorHandler else h
        for h in DEFAULT_HANDLERS
    ]


def short_run_handlers() -> list[ErrorHandler]:
    """Return atomate2's handlers for runs that may stop before they converge."""
    return [h for h in DEFAULT_HANDLERS if type(h) is not UnconvergedErrorHandler]
