"""One experiment from training to its last output, skipping what is up to date."""

import sys
from pathlib import Path

from grounding.experiment.schema import Experiment
from grounding.runs.run import Run, load_run, trained_run
from grounding.runs.step import carry_out
from grounding.runs.steps import chain_steps, result_lines


def run_chain(
    experiment: Experiment,
    *,
    tensorboard: Path | None = None,
    force: bool = False,
    resume: bool = False,
) -> None:
    """Train an experiment and make every output of it, saying so line by line.

    Args:
        experiment: what to run.
        tensorboard: folder to log to as well.
        force: do everything again.
        resume: continue an interrupted training.

    Raises:
        UserError: something of it cannot be done; what was made before stays.
    """
    run, damage = (None, "") if force else trained_run(experiment)
    if run:
        print(f"train: up to date, {experiment.checkpoint_path}")
    else:
        if damage:
            print(f"train: {damage}; training again")
        run, line = trained_now(experiment, tensorboard=tensorboard, resume=resume)
        print(f"train: {line}")
    steps = chain_steps(run)
    for step in steps:
        reason = "" if force else step.reason_to_make()
        if reason is None:
            print(f"{step.name}: up to date, {step.path}")
            continue
        if reason:
            print(f"{step.name}: {reason}; making it again")
        carry_out(step, show_table=False)
    print()
    print("\n".join(result_lines(run, steps)))


def trained_now(
    experiment: Experiment,
    *,
    tensorboard: Path | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> tuple[Run, str]:
    """Train an experiment; the run, and a line about the training.

    Args:
        experiment: what to train.
        tensorboard: folder to log to as well.
        resume: continue an interrupted training.
        quiet: show nothing of it but a bar on a terminal.

    Raises:
        UserError: see `trainer.train_experiment`.
    """
    from grounding.runs.trainer import train_experiment  # draws bars, which few chains need

    line = train_experiment(experiment, tensorboard, resume=resume, quiet=quiet)
    run, ignored = load_run(experiment)
    for warning in ignored:
        print(f"warning: {warning}", file=sys.stderr)
    return run, line
