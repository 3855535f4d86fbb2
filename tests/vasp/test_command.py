"""VASP is whatever atomate2's settings call VASP."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_command_comes_from_atomate2(stand_in_command: str, tmp_path: Path) -> None:
    settings = tmp_path / "atomate2.yaml"
    settings.write_text(f"VASP_CMD: {stand_in_command}\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.vasp.run_static"],
        cwd=tmp_path,
        env={
            **os.environ,
            "ATOMATE2_CONFIG_FILE": str(settings),
            "PYTHONPATH": os.pathsep.join(
                [str(ROOT), os.environ.get("PYTHONPATH", "")]
            ),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 0
    (outcar,) = tmp_path.glob("job_*/OUTCAR.gz")
    assert outcar.stat().st_size > 0
