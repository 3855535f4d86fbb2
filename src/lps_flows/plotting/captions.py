"""Captions, generated from the documents a figure shows."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.analysis.rdf import measured_peaks
from lps_flows.analysis.shown import pair_groups, stacked_rows
from lps_flows.analysis.shown_diagram import in_region
from lps_flows.analysis.shown_electrolyte import window_rows
from lps_flows.appearance import counted
from lps_flows.foundation.writing import file_name
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.conductivity_map import ConductivityMapDocument
from lps_flows.schemas.elasticity import ElasticityDocument, ElasticTensorDocument
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.jumps import JumpDocument
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.phase_diagram import (
    HullInterval,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)
from lps_flows.schemas.phonons import FreeEnergyDocument
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.scattering import ScatteringDocument
from lps_flows.schemas.transport import TransportDocument


def ternary_caption(diagram: PhaseDiagramDocument) -> str:
    """Return the caption of the ternary diagram."""
    return (
        f"Phase diagram of {'-'.join(diagram.elements)} by {diagram.method}, from "
        f"{diagram.n_structures} structures of campaign {diagram.campaign}; the lowest "
        "phase of each composition is shown. Black: stable phases and the tie lines "
        "between them; squares: phases above the hull, coloured by their distance; "
        f"dashed: the {'-'.join(e.formula for e in diagram.end_members)} line."
        + (
            ""
            if diagram.ternary_note is None
            else f" Not in it, {diagram.ternary_note}."
        )
    )


def formation_caption(diagram: PhaseDiagramDocument) -> str:
    """Return the caption of the formation energies."""
    ends = " and ".join(end.formula for end in diagram.end_members)
    tolerance = float(diagram.settings["gap_tolerance"])
    opening = (
        f"Formation energies from {ends} by {diagram.method}: {diagram.n_on_line} "
        f"relaxed structures of campaign {diagram.campaign} at "
        f"{len(diagram.compositions)} compositions. Solid: hull; dashed: hull of the "
        "glass-ceramic structures alone. Tie lines are straight in the fraction of "
        "atoms, so slightly curved over x."
    )
    gaps = diagram.gaps()
    parts = [opening, *(_gap_sentence(gap, tolerance) for gap in gaps)]
    if diagram.metastable_hull and not gaps:
        parts.append(f"No miscibility gap at a tolerance of {tolerance:g} meV/atom.")
    undecided = [
        f"{p.x_start:.3f}-{p.x_end:.3f} ({p.note or 'not sampled inside'})"
        for p in diagram.metastable_hull
        if p.status in {"undecided", "unsampled"}
    ]
    if undecided:
        parts.append(f"Undecided: {', '.join(undecided)}.")
    if diagram.n_unconverged:
        parts.append(
            f"{counted(diagram.n_unconverged, 'relaxation')} stopped before they "
            "converged: upper bounds."
        )
    return " ".join(parts)


def _gap_sentence(gap: HullInterval, tolerance: float) -> str:
    return (
        f"Miscibility gap {gap.x_start:.3f} < x < {gap.x_end:.3f}: "
        f"{counted(gap.n_sampled, 'sampled composition')}, all more than {tolerance:g} "
        "meV/atom above the tie line, up to "
        f"{1000 * float(gap.depth or 0):.1f}; the widest unsampled stretch is "
        f"{gap.largest_unsampled:.3f} in x"
        + ("." if gap.probability is None else f"; probability {gap.probability:.2f}.")
    )


def motif_caption(trends: Sequence[MotifTrendDocument]) -> str:
    """Return the caption of the motif fractions."""
    on_line = [t for t in trends if t.x is not None]
    total = sum(t.n_structures for t in on_line)
    settings = on_line[0].settings if on_line else {}
    former, ligand = on_line[0].elements if on_line else ("P", "S")
    method = on_line[0].method if on_line else "no method"
    return (
        f"Fraction of {former} in each motif over x by {method}: mean and standard "
        f"deviation over the lowest structures (at most {settings.get('n_lowest', 0)}) "
        f"of each composition and parent crystal, {total} structures in all. Bonds: "
        f"{former}-{ligand} below {settings.get('ligand_cutoff', 0):g} Å, "
        f"{former}-{former} below {settings.get('former_cutoff', 0):g} Å."
    )


def rdf_caption(rdfs: Sequence[RDFDocument]) -> str:
    """Return the caption of the distribution functions."""
    binding, others = pair_groups(rdfs)
    on_line = [d for d in rdfs if d.x is not None]
    total = sum(d.n_structures for d in on_line)
    settings = on_line[0].settings if on_line else {}
    method = on_line[0].method if on_line else "no method"
    sources = {
        crystal: citation
        for pair in (*binding, *others)
        for crystal, (_, citation) in measured_peaks(pair).items()
    }
    measured = "; ".join(f"{key}: {source}" for key, source in sources.items())
    return (
        f"Partial radial distribution functions by {method}, each the average over "
        f"the {settings.get('n_lowest', 0)} lowest structures (or all, if fewer) of a "
        f"composition, {total} structures in all; coloured by parent crystal and "
        f"scaled to their maxima. Bins of {settings.get('bin_width', 0):g} Å, Gaussian "
        f"smoothing of {settings.get('smoothing', 0):g} Å. Ticks: first minimum."
        + (
            f" Dashed: first peaks of measured crystals, {measured}."
            if measured
            else ""
        )
    )


def window_caption(windows: Sequence[WindowDocument]) -> str:
    """Return the caption of the electrochemical windows."""
    shown = window_rows(windows)
    lacking = sorted({phase for *_, window in shown for phase in window.lacking})
    return (
        f"Electrochemical windows by {windows[0].method} from the diagram of all "
        f"elements, {counted(len(shown), 'structure')} of campaign "
        f"{windows[0].campaign}. Bars: neither taken up nor given off (orange: "
        "glass-ceramic); ticks: where the phases in equilibrium change. Thermodynamics "
        "at 0 K: interphases and slow reactions may widen what is seen."
        + (f" Phases not computed: {', '.join(lacking)}." if lacking else "")
    )


def scattering_caption(documents: Sequence[ScatteringDocument]) -> str:
    """Return the caption of the structure factors."""
    drawn = stacked_rows(documents)
    total = sum(d.n_structures for d in drawn)
    settings = drawn[0].settings if drawn else {}
    far = f"{settings.get('pair_cutoff', 0):g} Å"
    return (
        f"Structure factors S(Q) (Faber-Ziman) by {documents[0].method}, each the "
        f"average over the {settings.get('n_lowest', 0)} lowest structures (or all, if "
        f"fewer) of a composition, {total} structures in all; coloured by parent "
        f"crystal. Pairs up to {far}, fading out as (1 - (r / {far})²)³; atoms at "
        "rest, so peaks at large Q are higher than measured ones, and periodic cells "
        "keep Bragg peaks that a glass has not."
    )


def cluster_caption(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment], by: str
) -> str:
    """Return the caption of structures coloured by 'nearest crystal' or 'class'."""
    atoms = f"{model.element} atoms" if model.element else "all atoms"
    share = 100 * sum(model.explained_variance)
    how = (
        f"nearest crystal by Eq. 3, none below {model.similarity_threshold:g}"
        if by == "nearest crystal"
        else f"k-means class, k = {len(model.labels)} "
        + (
            "as set"
            if model.settings.get("n_clusters")
            else "with the best silhouette score"
        )
    )
    return (
        f"{len(places)} structures by {model.method} (campaign {model.campaign}): "
        "energy above the hull over x (outlined: crystals), and the plane of the first "
        f"two of {len(model.explained_variance)} principal "
        f"components ({share:.0f} % of the variance) of the fingerprints over {atoms}; "
        f"coloured by {how}. Stars: reference crystals."
    )


def region_caption(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    limit: float,
) -> str:
    """Return the caption of the region around Li3PS4, with the limit (meV/atom)."""
    shown = in_region(places, entries, limit)
    classes = ", ".join(
        f"{key}: class {label}" for key, label in model.reference_classes.items()
    )
    return (
        f"Distance above the hull around x = 0.75 by {model.method}: {len(shown)} "
        f"structures of campaign {model.campaign} up to {4 * limit:g} meV/atom, "
        f"coloured by class, k = {len(model.labels)} ({classes}). Outlined: crystals; "
        f"dashed: {limit:g} meV/atom, the limit of the candidates; star: a candidate."
    )


def elasticity_caption(documents: Sequence[ElasticityDocument]) -> str:
    """Return the caption of the bulk moduli."""
    shown = [d for d in documents if d.bulk_modulus is not None]
    doubtful = sum(not d.trusted for d in shown)
    method = shown[0].method if shown else "no method"
    volumes = sorted({len(d.volumes) for d in shown})
    text = (
        f"Equations of state (left) and bulk moduli (right; bars: standard error of "
        f"the third-order Birch-Murnaghan fit) of {len(shown)} structures by {method}, "
        f"atoms relaxed at {' or '.join(map(str, volumes))} volumes each; dashed and "
        "hatched: glass-ceramic structures."
    )
    if doubtful:
        text += f" {doubtful} of the fits are marked as not trusted."
    return text


def moduli_caption(documents: Sequence[ElasticTensorDocument]) -> str:
    """Return the caption of the moduli of elastic tensors."""
    left_out = [d.label for d in documents if d.moduli is None]
    soft = f" Not shown, as soft in some strain: {', '.join(left_out)}."
    return (
        f"Bulk, shear and Young's moduli (Hill's means) of the elastic tensors of "
        f"{counted(len(documents) - len(left_out), 'structure')} by "
        f"{documents[0].method}, one cell each at 0 K." + (soft if left_out else "")
    )


def msd_caption(documents: Sequence[TransportDocument]) -> str:
    """Return the caption of the mean-squared displacements."""
    return (
        f"Mean-squared displacement of {documents[0].mobile} {_runs_of(documents)}; "
        "heavy: the part that gave D; shade: one standard deviation; dotted: not used "
        "in the Arrhenius line."
    )


def arrhenius_caption(documents: Sequence[TransportDocument]) -> str:
    """Return the caption of the Arrhenius plot."""
    return (
        f"Diffusivities of {documents[0].mobile} and Arrhenius lines with 68 % "
        f"intervals {_runs_of(documents)}; open: not used; dashed: extrapolated; "
        "crossed: the framework broke."
    )


def conductivity_map_caption(documents: Sequence[ConductivityMapDocument]) -> str:
    """Return the caption of conductivity over composition."""
    return " ".join(map(_map_caption, documents))


def _map_caption(document: ConductivityMapDocument) -> str:
    points = document.points
    trusted = sum(point.trusted for point in points)
    without = sum(point.conductivity is None for point in points)
    return (
        f"Conductivity at {document.reference_temperature:g} K by "
        f"{document.dynamics_method} over x, of {counted(len(points), 'structure')} by "
        f"{document.method} of campaign {document.campaign}, with 68 % intervals; "
        "coloured by parent crystal, numbered by class. Filled: trusted, from "
        f"diffusive runs whose framework stayed intact ({trusted}); open: not trusted."
        + (f" Not drawn, for want of an Arrhenius line: {without}." if without else "")
    )


def _runs_of(documents: Sequence[TransportDocument]) -> str:
    methods = ", ".join(sorted({document.method for document in documents}))
    n_runs = sum(len(document.runs) for document in documents)
    labels = ", ".join(document.label for document in documents)
    return f"in {labels}: {counted(n_runs, 'run')} by {methods}"


def density_caption(run: MDRunDocument) -> str:
    """Return the caption of the density of mobile ions in one run."""
    return (
        f"Density of {run.mobile} in {run.label} at {run.temperature:g} K, "
        f"{run.production / 1000:.3g} ps by {run.method}; the file "
        f"CHGCAR_{density_name(run.label, run.temperature)} holds it for VESTA."
    )


def density_name(label: str, temperature: float) -> str:
    """Return the part of a file's name that tells a run's density from others."""
    return file_name(f"{label}_{temperature:g}K")


def jump_caption(documents: Sequence[JumpDocument]) -> str:
    """Return the caption of jump rates and lengths."""
    first = documents[0]
    return (
        f"Jumps of {first.mobile} in {counted(len(documents), 'run')} by "
        f"{first.method}: between maxima of its density, stays of less than "
        f"{first.settings['residence']:g} fs are none. Left: rates with the standard "
        "error over the ions; right: lengths of all jumps of a structure."
    )


def free_energy_caption(documents: Sequence[FreeEnergyDocument]) -> str:
    """Return the caption of free energies over the temperature."""
    left_out = [d.label for d in documents if not d.free_energy_above_hull]
    return (
        "Harmonic free energy above the hull of "
        f"{counted(len(documents) - len(left_out), 'structure')} by "
        f"{documents[0].method}, at fixed cells."
        + (f" Not shown: {', '.join(left_out)}." if left_out else "")
    )
