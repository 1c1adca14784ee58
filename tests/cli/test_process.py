"""What a command sets in its process before it computes."""

import os
import subprocess
import sys

import pytest


@pytest.mark.full
def test_threads_that_wait_for_work_soon_leave_their_core_to_others():
    """OpenMP itself says how long they spin; what the user has set stays."""
    code = "from grounding.cli.process import import_torch; import_torch()"
    told = {**os.environ, "OMP_DISPLAY_ENV": "verbose"}
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        told.pop(name, None)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=told | given,
            text=True,
            stderr=subprocess.PIPE,
        )
        for given in ({}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"})
    ]
    ours, theirs, active = (process.communicate()[1] for process in processes)
    if "GOMP_SPINCOUNT" not in ours:
        pytest.skip("this PyTorch has another OpenMP")
    assert "GOMP_SPINCOUNT = '10000'" in ours
    assert "GOMP_SPINCOUNT = '7'" in theirs
    assert "GOMP_SPINCOUNT = '10000'" not in active
