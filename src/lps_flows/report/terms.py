"""The words of the report, explained where they stand."""

from __future__ import annotations

from dataclasses import replace

from lps_flows.report.blocks import Section, Terms

_WORDS = {
    "glass-ceramic (gc-)": "A structure made from a crystal (its parent) by removing "
    "formula units of an end member and relaxing what is left; the search looks for "
    "the units whose removal costs least.",
    "x": "Position on the composition line: the share of the first end member among "
    "the formula units, from 0 to 1.",
    "formation energy": "Energy per atom against a mixture of the two end members of "
    "the same composition (the paper's Eq. 1); negative is downhill.",
    "hull": "The lowest energies that single phases or mixtures of two reach; the "
    "distance above it is what a structure would gain by decomposing.",
    "metastable hull": "The same among the glass-ceramic structures alone.",
    "miscibility gap": "A stretch of x in which every sampled structure lies above the "
    "tie line of its two ends: one glass-ceramic would part into two.",
    "probability": "Share of repetitions in which the statement holds when all "
    "energies are drawn anew within their errors.",
    "surrogate": "A model that stands for density functional theory (DFT) and is much "
    "cheaper; its numbers are not those of DFT.",
    "candidate": "A composition outside every gap, close enough to the hull, alike in "
    "its Li environments to a crystal that conducts.",
    "motif": "What a P atom is part of: a PS4 tetrahedron alone, or joined to another "
    "by a corner, an edge or a P-P bond.",
    "g(r)": "Radial distribution function: how many more neighbours lie at distance r "
    "than in a gas of the same density; its first peak is the bond length.",
    "fingerprint": "The surroundings of the atoms of a structure as one vector of "
    "numbers.",
    "similarity (S_P)": "Cosine between two fingerprints (the paper's Eq. 3): 1 "
    "for the same surroundings, lower for others.",
    "class": "Group of structures whose fingerprints lie together (k-means); the "
    "numbers of the classes have no order.",
    "principal component": "Direction along which the fingerprints differ most; two of "
    "them make the plane that is drawn.",
    "held out": "Structures that the potential was not trained on: their error is what "
    "to expect of new ones.",
    "RMSE, MAE": "Root mean square and mean absolute error, here per atom.",
    "committee": "Several potentials trained alike; where they disagree, none of them "
    "knows.",
    "generation": "One round of the search: children are made from the best structures "
    "so far and relaxed.",
    "still falling": "The best energy of a search fell in its last generations, so it "
    "is an upper bound.",
    "MSD": "Mean-squared displacement of the mobile ions: its slope over time gives "
    "the diffusivity D.",
    "Ea": "Activation energy: the slope of ln D over 1/T (Arrhenius).",
    "framework": "The anions that should stay where they are while the ions move; a "
    "run in which they break says nothing of the material.",
    "Nernst-Einstein": "Conductivity from the diffusivity, as if the ions moved "
    "independently of each other.",
}

_OF_SECTIONS = {
    "findings": ("glass-ceramic (gc-)", "surrogate", "miscibility gap", "candidate"),
    "phase-diagram": (
        "x",
        "formation energy",
        "hull",
        "metastable hull",
        "miscibility gap",
        "probability",
    ),
    "candidates": ("candidate", "class", "similarity (S_P)", "probability"),
    "motifs": ("motif", "g(r)"),
    "classes": ("fingerprint", "similarity (S_P)", "class", "principal component"),
    "potential": ("held out", "RMSE, MAE", "committee"),
    "search": ("generation", "still falling", "committee"),
    "conductivity": ("MSD", "Ea", "framework", "Nernst-Einstein"),
}


def explained(section: Section) -> Section:
    """Return a section that explains its words first, where it says anything."""
    words = _OF_SECTIONS.get(section.section_id, ())
    if not section.blocks or not words:
        return section
    terms = Terms({word: _WORDS[word] for word in words})
    return replace(section, blocks=[terms, *section.blocks])
