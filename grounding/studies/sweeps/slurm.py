"""A sweep as an array of jobs for Slurm: a script that a person submits."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}{most}
#SBATCH --cpus-per-task={threads}
#SBATCH --output={name}_sweep_%a.log
{more}cd {folder} || exit 1
trials=(
{trials}
)
export OMP_NUM_THREADS={threads}
{python} -m grounding sweep {name} --trial "${{trials[$SLURM_ARRAY_TASK_ID]}}"
"""


def array_script(
    name: str, trials: Sequence[str], *, workers: int | None, threads: int, gpus: float
) -> str:
    """What `sbatch` takes: each job trains one trial, going on from its last checkpoint.

    Args:
        name: of the sweep.
        trials: names of the runs that are missing.
        workers: at most so many jobs at once; None for all.
        threads: processors of each.
        gpus: of each.
    """
    return TEMPLATE.format(
        name=shlex.quote(name),
        last=len(trials) - 1,
        most=f"%{workers}" if workers else "",
        threads=threads,
        more=f"#SBATCH --gpus-per-task={gpus:g}\n" if gpus else "",
        folder=shlex.quote(str(Path.cwd())),
        trials="\n".join(f"  {shlex.quote(one)}" for one in trials),
        python=shlex.quote(sys.executable),
    )
