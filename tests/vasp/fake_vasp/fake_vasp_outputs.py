# ruff: noqa: ISC004, E501 - the layout of VASP's files, line by line
"""VASP's output files, written by the stand-in (see fake_vasp.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BANNER = "STAND-IN FOR VASP (tests only): not a DFT calculation"
GAP, N_EMPTY = 2.5, 4


@dataclass
class Step:
    """One ionic step: Å, eV, eV/Å, kbar (positive under compression), K."""

    cell: np.ndarray
    scaled: np.ndarray
    energy: float
    forces: np.ndarray
    stress: np.ndarray
    kinetic: float | None = None
    temperature: float | None = None


def write_outputs(
    atoms: Any, steps: Sequence[Step], inputs: Any, n_electronic: int
) -> None:
    """Write vasprun.xml, OUTCAR, OSZICAR and XDATCAR."""
    symbols, counts = species_blocks(atoms)
    n_electrons = float(np.dot(inputs.valences, counts))
    vasprun = Vasprun(atoms, inputs, symbols, counts, n_electrons, n_electronic)
    Path("vasprun.xml").write_text(vasprun.text(steps))
    write_outcar(atoms, steps, inputs, n_electrons, n_electronic)
    write_oszicar(steps, n_electronic)
    write_xdatcar(steps, symbols, counts)


def species_blocks(atoms: Any) -> tuple[list[str], list[int]]:
    """Elements and counts in the order of POSCAR, which POTCAR must follow."""
    symbols: list[str] = []
    counts: list[int] = []
    for symbol in atoms.get_chemical_symbols():
        if not symbols or symbols[-1] != symbol:
            symbols.append(symbol)
            counts.append(0)
        counts[-1] += 1
    return symbols, counts


def rows(values: Iterable[Iterable[float]]) -> str:
    return "\n".join(
        "<v> " + " ".join(f"{value:18.10f}" for value in row) + " </v>"
        for row in values
    )


def varray(name: str, values: Any) -> str:
    return f'<varray name="{name}">\n{rows(values)}\n</varray>'


class Vasprun:
    """Builder of vasprun.xml."""

    def __init__(
        self,
        atoms: Any,
        inputs: Any,
        symbols: list[str],
        counts: list[int],
        n_electrons: float,
        n_electronic: int,
    ) -> None:
        self.atoms, self.inputs = atoms, inputs
        self.symbols, self.counts = symbols, counts
        self.n_electrons, self.n_electronic = n_electrons, n_electronic

    def text(self, steps: Sequence[Step]) -> str:
        blocks = [
            '<?xml version="1.0" encoding="ISO-8859-1"?>',
            f"<!-- {BANNER} -->",
            "<modeling>",
            '<generator><i name="program" type="string">vasp </i>'
            '<i name="version" type="string">6.0.0-standin </i>'
            '<i name="subversion" type="string">stand-in for tests </i></generator>',
            "<incar>" + self.incar() + "</incar>",
            self.kpoints(),
            "<parameters>" + self.parameters() + "</parameters>",
            self.atominfo(),
            self.structure(steps[0], "initialpos"),
            *(
                self.calculation(step, last=index == len(steps) - 1)
                for index, step in enumerate(steps)
            ),
            self.structure(steps[-1], "finalpos"),
            "</modeling>",
        ]
        return "\n".join(blocks) + "\n"

    def incar(self) -> str:
        return "\n".join(item(key, value) for key, value in self.inputs.incar.items())

    def parameters(self) -> str:
        shown = {
            "PREC": "normal",
            "ENMAX": self.inputs.incar.get("ENCUT", "400"),
            "NELM": "60",
            "NELMIN": "2",
            "EDIFF": "0.0001",
            "EDIFFG": "-0.05",
            "NSW": "0",
            "IBRION": "-1",
            "ISIF": "2",
            "ISMEAR": "1",
            "SIGMA": "0.2",
            "ISPIN": "1",
            "POTIM": "0.5",
            "LORBIT": "0",
            "NELECT": str(self.n_electrons),
            "NBANDS": str(int(self.n_electrons // 2) + N_EMPTY),
            "GGA": "PE",
            "LHFCALC": "F",
            "LDAU": "F",
            "LUSE_VDW": "F",
        }
        shown |= {k: v for k, v in self.inputs.incar.items() if k in shown}
        inside = "\n".join(item(key, value) for key, value in shown.items())
        return f'<separator name="general">{inside}</separator>'

    def kpoints(self) -> str:
        style, divisions = self.inputs.kpoints
        name = "Gamma" if style[0] in "AaGg" else "Monkhorst-Pack"
        text = " ".join(str(n) for n in divisions)
        # The stand-in has no electrons: it lists the Gamma point for all of them.
        return (
            f'<kpoints><generation param="{name}"><v type="int" name="divisions"> {text}'
            ' </v><v name="usershift"> 0.0 0.0 0.0 </v></generation>'
            + varray("kpointlist", [[0.0, 0.0, 0.0]])
            + varray("weights", [[1.0]])
            + "</kpoints>"
        )

    def atominfo(self) -> str:
        ions = "".join(
            f"<rc><c>{symbol:2s}</c><c>{kind + 1:4d}</c></rc>"
            for kind, (symbol, count) in enumerate(
                zip(self.symbols, self.counts, strict=True)
            )
            for _ in range(count)
        )
        kinds = "".join(
            f"<rc><c>{count:4d}</c><c>{symbol:2s}</c><c> 1.0</c><c>{valence:8.3f}</c>"
            f"<c> {title} </c></rc>"
            for count, symbol, valence, title in zip(
                self.counts,
                self.symbols,
                self.inputs.valences,
                self.inputs.titles,
                strict=True,
            )
        )
        return (
            f"<atominfo><atoms>{sum(self.counts)}</atoms><types>{len(self.counts)}"
            '</types><array name="atoms"><dimension dim="1">ion</dimension>'
            '<field type="string">element</field><field type="int">atomtype</field>'
            f"<set>{ions}</set></array>"
            '<array name="atomtypes"><dimension dim="1">type</dimension>'
            '<field type="int">atomspertype</field><field type="string">element</field>'
            "<field>mass</field><field>valence</field>"
            '<field type="string">pseudopotential</field>'
            f"<set>{kinds}</set></array></atominfo>"
        )

    def structure(self, step: Step, name: str | None = None) -> str:
        tag = "<structure>" if name is None else f'<structure name="{name}">'
        volume = abs(np.linalg.det(step.cell))
        return (
            f"{tag}<crystal>{varray('basis', step.cell)}"
            f'<i name="volume"> {volume:.8f} </i>'
            f"{varray('rec_basis', np.linalg.inv(step.cell).T)}</crystal>"
            f"{varray('positions', step.scaled)}</structure>"
        )

    def calculation(self, step: Step, *, last: bool) -> str:
        energies = energy_block(step.energy)
        electronic = "".join(
            f"<scstep>{energy_block(step.energy + 0.3 * 10.0**-index)}</scstep>"
            for index in range(1, self.n_electronic)
        )
        electronic += f"<scstep>{energies}</scstep>"
        extra = self.eigenvalues() + self.dos() if last else ""
        return (
            f"<calculation>{electronic}{self.structure(step)}"
            f"{varray('forces', step.forces)}{varray('stress', step.stress)}"
            f"{energies}{extra}</calculation>"
        )

    def eigenvalues(self) -> str:
        n_full = int(self.n_electrons // 2)
        levels = [(-5.0 + 5.0 * i / max(n_full, 1), 1.0) for i in range(n_full)]
        levels += [(GAP + 0.5 * i, 0.0) for i in range(N_EMPTY)]
        listed = "".join(f"<r> {e:9.4f} {f:8.4f} </r>" for e, f in levels)
        return (
            '<eigenvalues><array><dimension dim="1">band</dimension>'
            '<dimension dim="2">kpoint</dimension><dimension dim="3">spin</dimension>'
            "<field>eigene</field><field>occ</field>"
            f'<set><set comment="spin 1"><set comment="kpoint 1">{listed}</set></set>'
            "</set></array></eigenvalues>"
        )

    def dos(self) -> str:
        grid = np.linspace(-6, 6, 25)
        listed = "".join(
            f"<r> {e:9.4f} {1.0 if e < 0 or e > GAP else 0.0:9.4f} {0.0:9.4f} </r>"
            for e in grid
        )
        return (
            f'<dos><i name="efermi"> {GAP / 2:.6f} </i><total><array>'
            '<dimension dim="1">gridpoints</dimension>'
            '<dimension dim="2">spin</dimension><field>energy</field>'
            "<field>total</field><field>integrated</field>"
            f'<set><set comment="spin 1">{listed}</set></set></array></total></dos>'
        )


def energy_block(energy: float) -> str:
    names = ("e_fr_energy", "e_wo_entrp", "e_0_energy")
    inside = "".join(f'<i name="{name}"> {energy:18.8f} </i>' for name in names)
    return f"<energy>{inside}</energy>"


def item(key: str, value: str) -> str:
    """One INCAR entry with the type that VASP would give it."""
    if value.strip(".").upper() in ("TRUE", "FALSE", "T", "F"):
        kind, text = "logical", value.strip(".")[0].upper()
    elif is_number(value, int):
        kind, text = "int", value
    elif is_number(value, float):
        return f'<i name="{key}"> {float(value):18.10E} </i>'
    else:
        kind, text = "string", value
    return f'<i type="{kind}" name="{key}"> {text} </i>'


def is_number(text: str, kind: type) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def write_oszicar(steps: Sequence[Step], n_electronic: int) -> None:
    lines = []
    for number, step in enumerate(steps, start=1):
        lines.append(
            "       N       E                     dE             d eps       ncg"
            "     rms          rms(c)"
        )
        for index in range(1, n_electronic + 1):
            change = 0.3 * 10.0**-index
            lines.append(
                f"DAV: {index:3d}   {step.energy + change:18.10E} {-change:14.5E}"
                f" {-change:14.5E}   512 {change:10.3E}"
            )
        if step.temperature is None:
            lines.append(
                f"{number:4d} F= {step.energy:.8E} E0= {step.energy:.8E}"
                f"  d E ={0.0:.6E}"
            )
        else:
            total = step.energy + float(step.kinetic or 0)
            lines.append(
                f"{number:7d} T= {step.temperature:6.0f}. E= {total:.8E}"
                f" F= {step.energy:.8E} E0= {step.energy:.8E}"
                f" EK= {step.kinetic:.5E} SP= 0.00E+00 SK= 0.00E+00"
            )
    Path("OSZICAR").write_text("\n".join(lines) + "\n")


def write_outcar(
    atoms: Any,
    steps: Sequence[Step],
    inputs: Any,
    n_electrons: float,
    n_electronic: int,
) -> None:
    lines = [
        f" vasp.6.0.0-standin   {BANNER}",
        " running on    1 total cores",
        f"   IBRION = {int(inputs.number('IBRION')):6d}    ionic relax",
        f"   k-points           NKPTS =      1   number of bands    NBANDS= "
        f"{int(n_electrons // 2) + N_EMPTY:6d}",
        "   total plane-waves  NPLWV =  1000",
        f"   NELECT = {n_electrons:12.4f}    total number of electrons",
    ]
    for number, step in enumerate(steps, start=1):
        for index in range(1, n_electronic + 1):
            lines += [
                f"----- Iteration {number:6d}({index:4d})  -----",
                "  entropy T*S    EENTRO =         0.00000000",
            ]
        if n_electronic < int(inputs.number("NELM")):
            lines.append(
                "------------------------ aborting loop because EDIFF is reached -----"
            )
        lines += [
            f" E-fermi : {GAP / 2:8.4f}     XC(G=0):  -9.0000     alpha+bet : -9.0",
            " FORCE on cell =-STRESS in cart. coord.  units (eV):",
            "  in kB  " + " ".join(f"{v:12.5f}" for v in voigt(step.stress)),
            "  external pressure = "
            f"{np.trace(step.stress) / 3:12.2f} kB  Pullay stress =        0.00 kB",
            " POSITION                                       TOTAL-FORCE (eV/Angst)",
            " " + "-" * 83,
            *(
                " ".join(f"{value:13.6f}" for value in [*position, *force])
                for position, force in zip(
                    step.scaled @ step.cell, step.forces, strict=True
                )
            ),
            " " + "-" * 83,
            "    total drift:                                0.000000      0.000000"
            "      0.000000",
            "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
            f"  free  energy   TOTEN  = {step.energy:18.8f} eV",
            f"  energy  without entropy= {step.energy:18.8f}  energy(sigma->0) ="
            f" {step.energy:18.8f}",
        ]
    lines += [
        f" number of electron {n_electrons:13.7f} magnetization ",
        " General timing and accounting informations for this job:",
        "                  Total CPU time used (sec):        1.000",
        "                            User time (sec):        1.000",
        "                          System time (sec):        0.000",
        "                         Elapsed time (sec):        1.000",
        "                   Maximum memory used (kb):        1000.",
        "                   Average memory used (kb):        1000.",
    ]
    Path("OUTCAR").write_text("\n".join(lines) + "\n")


def voigt(stress: np.ndarray) -> list[float]:
    """XX YY ZZ XY YZ ZX, the order of OUTCAR."""
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0))
    return [float(stress[pair]) for pair in pairs]


def write_xdatcar(steps: Sequence[Step], symbols: list[str], counts: list[int]) -> None:
    lines = []
    for number, step in enumerate(steps, start=1):
        lines += [
            BANNER,
            "  1.0",
            *("  ".join(f"{value:14.8f}" for value in row) for row in step.cell),
            "  ".join(symbols),
            "  ".join(str(count) for count in counts),
            f"Direct configuration= {number:6d}",
            *("  ".join(f"{value:12.8f}" for value in row) for row in step.scaled),
        ]
    Path("XDATCAR").write_text("\n".join(lines) + "\n")
