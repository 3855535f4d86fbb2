"""Which of custodian's corrections are applied, and when they give up."""

from __future__ import annotations

from pathlib import Path

from atomate2.vasp.run import DEFAULT_HANDLERS
from custodian.custodian import ErrorHandler
from custodian.vasp.handlers import UnconvergedErrorHandler
from custodian.vasp.io import load_vasprun


class LastingUnconvergedHandler(UnconvergedErrorHandler):
    """Restart an unconverged run three times, then let its result stand.

    custodian's own restarts until the whole job has met too many errors, and then
    fails it: the energies of a long relaxation that is not quite done would be lost.
    Here the document is written, and says that it is not converged.
    """

    max_num_corrections = 3
    raise_on_max = False


class UnconvergedElectronsHandler(LastingUnconvergedHandler):
    """The same for the electrons alone: the ions may stop before they are done."""

    def check(self, directory: str = "./") -> bool:
        """Tell whether the electrons of the last step are not converged."""
        output = Path(directory, self.output_filename)
        # what cannot be read is for the handlers of crashed runs
        return super().check(directory) and not bool(
            load_vasprun(str(output)).converged_electronic
        )


def relaxation_handlers() -> list[ErrorHandler]:
    """Return atomate2's handlers, with unconverged results left to stand."""
    return [
        LastingUnconvergedHandler() if type(h) is UnconvergedErrorHandler else h
        for h in DEFAULT_HANDLERS
    ]


def short_run_handlers() -> list[ErrorHandler]:
    """Return atomate2's handlers for runs that may stop before their ions converge."""
    return [
        UnconvergedElectronsHandler() if type(h) is UnconvergedErrorHandler else h
        for h in DEFAULT_HANDLERS
    ]
