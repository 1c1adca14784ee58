"""One experiment from training to its last output, making only what is not up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from grounding import _registry as register
from grounding._errors import UserError, say
from grounding.experiment import Experiment
from grounding.export.points import EmbeddingOptions
from grounding.export.report import metric_lines, profile_table, text_table
from grounding.runs.artifacts import LeftOut, Output, made_once, make, reason_to_make
from grounding.runs.dynamics import dynamics_output
from grounding.runs.exporting import (
    ASSETS,
    assets_output,
    latents_output,
    onnx_output,
    points_output,
    weights_output,
)
from grounding.runs.film import film_output
from grounding.runs.manifest import shown_results
from grounding.runs.measuring import (
    analysis_output,
    manifold_output,
    probes_output,
    profile_output,
)
from grounding.runs.run import Run, load_run
from grounding.runs.training import metrics_path, train_experiment

# What `grounding run` makes, in this order.
CHAIN = (
    *("analysis", "manifold", "points", "encoder", "decoder", "assets", "dynamics", "profile"),
)


def outputs_of(run: Run) -> dict[str, Callable[[], Output]]:
    """Every output of a run at its default place, with the defaults of the commands, by kind."""
    place = run.experiment.artifact
    points = EmbeddingOptions()
    return {
        "analysis": lambda: analysis_output(run, run.experiment.analysis_path),
        "manifold": lambda: manifold_output(run, "test", run.experiment.manifold_analysis_path),
        "profile": lambda: profile_output(run, place("profile.json")),
        "probes": lambda: probes_output(run, place("probes.json")),
        "points": lambda: points_output(run, "test", points, place("test_latent_points.json")),
        "encoder": lambda: onnx_output(run, "encoder", place("encoder.onnx")),
        "decoder": lambda: onnx_output(run, "decoder", place("decoder.onnx")),
        "assets": lambda: assets_output(
            run, "test", ASSETS, None, place("test_interactive_assets.json")
        ),
        "latents": lambda: latents_output(run, "test", "npz", place("test_latents.npz")),
        "dynamics": lambda: dynamics_output(run, place("dynamics.json")),
        "film": lambda: film_output(run, points, place("film.json")),
        "weights": lambda: weights_output(run, place("weights.safetensors")),
    }


def run_chain(
    experiment: Experiment,
    *,
    command: str = "",
    tensorboard: Path | None = None,
    force: bool = False,
    resume: bool = False,
) -> bool:
    """Train an experiment and make every output of it, saying so line by line.

    An output that cannot be made does not stop the others.

    Args:
        experiment: what to run.
        command: what its user typed, for messages.
        tensorboard: folder to log to as well.
        force: do everything again, also under a name that another experiment has taken.
        resume: continue an interrupted training.

    Returns:
        Whether everything is there that can be made of this run.

    Raises:
        UserError: it cannot be trained.
    """
    line = train_experiment(
        experiment, command=command, tensorboard=tensorboard, force=force, resume=resume
    )
    say(f"train: {line}")
    run = load_run(experiment)
    outputs = [outputs_of(run)[kind]() for kind in CHAIN]
    made, missing = make_each(outputs, partial(bring_up_to_date, run, force=force))
    say("", *result_lines(run, made), "", "look at it: grounding serve --open")
    say(*(f"error: {problem}" for problem in missing), is_error=True)
    return not missing


def make_each(
    outputs: Iterable[Output], make_one: Callable[[Output], None]
) -> tuple[list[Output], list[str]]:
    """Make outputs one by one; what cannot be made stops no other.

    Returns:
        The outputs that are there now; and a line for each that should be and is not.
    """
    made, missing = [], []
    for output in outputs:
        try:
            make_one(output)
            made.append(output)
        except LeftOut as reason:
            say(f"{output.kind}: left out, {reason}")
        except UserError as error:
            missing.append(f"{output.kind}: {error}")
            say(f"{output.kind}: failed")
    return made, missing


def make_outputs(run: Run, kinds: Sequence[str]) -> list[Path]:
    """Make outputs of a run that are not up to date; the main file of each.

    What cannot be made stops no other.

    Args:
        run: a trained run.
        kinds: keys of `outputs_of`; default: those that `grounding run` makes, less what cannot be
            made of this run.

    Raises:
        UserError: one cannot be made, or a kind is unknown.
    """
    known = outputs_of(run)
    for kind in kinds:
        if kind not in known:
            raise UserError(f"{kind!r} cannot be exported; there are: {', '.join(known)}")
    paths, missing = [], []
    for kind in kinds or CHAIN:
        try:
            paths.append(made_once(run, known[kind]()))
        except UserError as error:
            if kinds or not isinstance(error, LeftOut):
                missing.append(str(error))
    if missing:
        raise UserError("; ".join(missing))
    return paths


def bring_up_to_date(run: Run, output: Output, *, force: bool = False) -> None:
    """Make an output unless it is up to date, and say so.

    Raises:
        UserError: it cannot be made.
    """
    reason = "" if force else reason_to_make(run, output)
    if reason is None:
        say(f"{output.kind}: up to date, {output.path}")
        return
    if reason:
        say(f"{output.kind}: {reason}; making it again")
    make_and_tell(run, output, show_table=False)


def make_and_tell(run: Run, output: Output, *, show_table: bool = True) -> None:
    """Make one output and say so.

    Raises:
        UserError: it cannot be made.
    """
    if output.notice:
        say(f"{output.kind}: {output.notice}")
    started = time.perf_counter()
    said = make(run, output).said
    seconds = time.perf_counter() - started
    if "\n" in said:  # a table stands on lines of its own
        if show_table:
            say(*said.splitlines(), "")
        said = "done"
    say(f"{output.kind}: {said} in {seconds:.1f} s, {output.path}")


def result_lines(run: Run, outputs: Sequence[Output]) -> list[str]:
    """The result table of a run and where everything lies."""
    manifest, checkpoint = run.manifest, run.checkpoint
    paths = {output.kind: output.path for output in outputs}
    results = {
        kind: shown_results(manifest.artifacts[manifest.key(path)].results)
        for kind, path in paths.items()
        if manifest is not None
    }
    epochs = f"{len(checkpoint.history)} epochs"
    if measure := run.experiment.training.keep_best:
        epochs += f", epoch {checkpoint.epoch} is the best by {measure}"
    rows = [("training", f"{checkpoint.seconds:.1f}", f"seconds, {epochs}")]
    if "analysis" in results:
        total = results["analysis"].get("total_parameters", {"value": None})["value"]
        shown = "undefined" if total is None else f"{total:,}"
        rows.insert(0, ("parameters", shown, run.experiment.model.architecture))
    if checkpoint.val_loss is not None:
        rows.append(("validation loss", f"{checkpoint.val_loss:.5f}", "mean squared error"))
    lines = text_table("lrl", (run.name, "", ""), rows)
    if "profile" in results:
        table = profile_table(results["profile"], len(run.splits.test))
        lines += ["", *table.splitlines()]
    known = set(register.metric.names())
    of_others = {
        name: one
        for name, one in results.get("manifold", {}).items()
        if name in known and not register.metric[name].is_ours
    }
    if of_others:
        lines += ["", *metric_lines(of_others)]
    files = {
        "checkpoint": run.path,
        "metrics": metrics_path(run.experiment.checkpoint_path),
        **({"report": run.experiment.analysis_path} if "analysis" in paths else {}),
        **paths,
    }
    return [*lines, "", *text_table("ll", ("file", ""), [(k, str(v)) for k, v in files.items()])]
