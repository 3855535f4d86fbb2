"""From elastic tensors of jobs to moduli, in their collection and the report."""

from __future__ import annotations

import numpy as np
import pytest
from jobflow import JobStore

from lps_flows.builders import ElasticTensorBuilder, result_store, run_builder
from lps_flows.chemistry import crystal, full_formula
from lps_flows.report.sections.structure import elasticity_section
from lps_flows.schemas import Provenance
from lps_flows.schemas.elasticity import ElasticTensorDocument, TensorDocument
from tests.builders.toy_campaign import put


def isotropic(key: str, bulk: float, shear: float) -> TensorDocument:
    """Return what a job would write of a crystal that is the same in all directions."""
    tensor = np.diag([2 * shear] * 3 + [shear] * 3)
    tensor[:3, :3] += bulk - 2 * shear / 3
    structure = crystal(key)
    return TensorDocument(
        method="ann-toy",
        provenance=Provenance(source="crystal", parent=key),
        formula=full_formula(structure),
        x=None,
        nsites=len(structure),
        tensor=tensor.tolist(),
        n_deformations=24,
        residual_stress=0.01,
    )


def test_moduli_reach_their_collection_and_the_report(job_store: JobStore) -> None:
    good = put(job_store, "tensor", isotropic("Li2S", 42.0, 30.0))
    soft = put(job_store, "soft", isotropic("LiPS3", 10.0, -1.0))
    none = {"tensor": None, "residual_stress": None, "failure": "it came apart"}
    apart = put(job_store, "apart", isotropic("P2S5", 1.0, 1.0).model_copy(update=none))
    results = result_store(job_store, "elastic_tensors")
    builder = ElasticTensorBuilder(job_store, results)
    assert run_builder(builder) == 3
    assert run_builder(builder) == 0
    found = {
        d["tensor_id"]: ElasticTensorDocument.from_store(d) for d in results.query()
    }
    results.close()
    stiff = found[good]
    assert stiff.label == "Li2S"
    assert stiff.moduli.bulk == pytest.approx(42.0)
    assert stiff.moduli.shear == pytest.approx(30.0)
    assert stiff.moduli.pugh == pytest.approx(1.4)
    assert stiff.note is None
    assert found[soft].moduli is None
    assert found[soft].lowest_stiffness == pytest.approx(-2.0)
    assert "no minimum" in found[soft].note
    assert (found[apart].moduli, found[apart].lowest_stiffness) == (None, None)
    section = elasticity_section([], list(found.values()))
    (table,) = section.blocks
    assert ["Li2S", "42.0", "30.0"] in [list(row[:3]) for row in table.rows]
    assert ["P2S5", "-", "it came apart"] in [[r[0], *r[-2:]] for r in table.rows]
