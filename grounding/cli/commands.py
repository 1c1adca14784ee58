"""What each door does: a short walk through the rooms.

Every walk imports the rooms it passes through, so that `--help` and mistakes in the command line
are answered at once.
"""

from __future__ import annotations

import errno
import shlex
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import grounding
from grounding._errors import UserError
from grounding.cli.arguments import door_parser, grounding_parser
from grounding.cli.process import (
    Terminated,
    check_current_folder,
    ended_by_sigterm,
    import_torch,
    leave,
    prepare_streams,
)

if TYPE_CHECKING:
    from grounding.experiment.schema import Experiment
    from grounding.export.points import EmbeddingOptions
    from grounding.runs.run import Run
    from grounding.runs.step import Step

TRAINERS = {
    "vanilla_fc": "grounding/train_naive_autoencoder.py",
    "naive_conv": "grounding/train_covnet.py",
    "asymmetric_resnet": "grounding/train_covnet.py",
    "vgg": "grounding/train_covnet.py",
}


def door(command: str | None = None, *, architectures: Sequence[str] = tuple(TRAINERS)) -> NoReturn:
    """Run one command of this process, as `main` does, and end the process."""
    leave(main(command, architectures=architectures))


def main(
    command: str | None = None,
    argv: Sequence[str] | None = None,
    *,
    architectures: Sequence[str] = tuple(TRAINERS),
) -> int:
    """Run one command and return its exit status.

    Args:
        command: a key of `WALKS`; None takes it from the first argument.
        argv: the arguments; default: those of the process.
        architectures: what a trainer may train.

    Returns:
        0 if done; 2, with one line on stderr, if what the user asked for cannot be done; 130 if
        interrupted; 143 if asked to end; 141 if nobody reads the output any more.
    """
    prepare_streams()
    parser = door_parser(command) if command else grounding_parser(grounding.__version__)
    arguments = parser.parse_args(argv)
    try:
        with ended_by_sigterm():
            check_current_folder()
            if command == "train":
                train(arguments, architectures)
            else:
                WALKS[command or arguments.command](arguments)
            if sys.stdout:
                sys.stdout.flush()  # what cannot be written is found out here, not at exit
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as end:
        line = str(end) or "interrupted; what was written before is intact"
        print(line, file=sys.stderr)
        return 143 if isinstance(end, Terminated) else 130
    except BrokenPipeError:  # whoever read the output has left, as in `grounding run | head`
        sys.stdout = None  # or Python would complain again at exit
        return 141
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        print(f"error: cannot write what was to be shown: {error.strerror}", file=sys.stderr)
        sys.stdout = None
        return 2
    return 0


def train(arguments: Namespace, architectures: Sequence[str] = tuple(TRAINERS)) -> None:
    """Train an experiment and write its checkpoints and metrics."""
    experiment = _experiment(arguments)
    if experiment.model.architecture not in architectures:
        raise UserError(
            f"{Path(sys.argv[0]).name} trains {' and '.join(architectures)}, but "
            f"{arguments.config} has model.architecture {experiment.model.architecture}; use: "
            + _train_command(arguments, experiment)
        )
    if arguments.output:
        output = experiment.output.model_copy(update={"checkpoint_path": arguments.output})
        experiment = experiment.model_copy(update={"output": output})
    _import_torch(experiment)
    from grounding.runs.trainer import train_experiment

    print(train_experiment(experiment, arguments.tensorboard, resume=arguments.resume))


def analyze(arguments: Namespace) -> None:
    """Measure kNN accuracy and write the report as text and JSON."""
    run = _load_run(arguments)
    from grounding.runs.steps import analysis_step

    path = arguments.output or run.experiment.analysis_path
    _do(analysis_step(run, path))


def manifold(arguments: Namespace) -> None:
    """Measure a split's manifold metrics and write them as JSON."""
    run = _load_run(arguments)
    from grounding.runs.steps import manifold_step

    path = arguments.output or run.experiment.manifold_analysis_path
    _do(manifold_step(run, arguments.split, path, arguments.anchors))


def probe(arguments: Namespace) -> None:
    """Measure the probes of the latent space and of the reconstructions, and write them as JSON."""
    run = _load_run(arguments)
    from grounding.runs.probes import probes_path, probes_step

    _do(probes_step(run, arguments.output or probes_path(run.experiment)))


def points(arguments: Namespace) -> None:
    """Write a split's latent points for the viewer."""
    run = _load_run(arguments)
    from grounding.runs.steps import points_step

    path = arguments.output or run.experiment.artifact(f"{arguments.split}_latent_points.json")
    _do(points_step(run, arguments.split, _embedding_options(arguments), path))


def export_encoder(arguments: Namespace) -> None:
    """Write the encoder as ONNX."""
    run = _load_run(arguments)
    from grounding.runs.steps import onnx_step

    _do(onnx_step(run, "encoder", arguments.output or run.experiment.artifact("encoder.onnx")))


def export_decoder(arguments: Namespace) -> None:
    """Write the decoder as ONNX."""
    run = _load_run(arguments)
    from grounding.runs.steps import onnx_step

    _do(onnx_step(run, "decoder", arguments.output or run.experiment.artifact("decoder.onnx")))


def export_assets(arguments: Namespace) -> None:
    """Write the interactive assets for the playground."""
    run = _load_run(arguments)
    from grounding.runs.steps import assets_step

    path = arguments.output or run.experiment.artifact(f"{arguments.split}_interactive_assets.json")
    options = _embedding_options(arguments)
    _do(assets_step(run, arguments.split, options, arguments.projection_k, path))


def export(arguments: Namespace) -> None:
    """Write all that the playground needs: encoder, decoder and interactive assets."""
    run = _load_run(arguments)
    from grounding.runs.steps import assets_step, onnx_step

    def place(ending: str) -> Path:
        default = run.experiment.artifact(ending)
        return arguments.output / default.name if arguments.output else default

    options, split = _embedding_options(arguments), arguments.split
    assets = place(f"{split}_interactive_assets.json")
    _do(onnx_step(run, "encoder", place("encoder.onnx")))
    _do(onnx_step(run, "decoder", place("decoder.onnx")))
    _do(assets_step(run, split, options, arguments.projection_k, assets))


def run(arguments: Namespace) -> None:
    """Do the whole chain for one experiment, or its measured part for several seeds of it."""
    experiment = _experiment(arguments)
    _import_torch(experiment)
    again = {key: getattr(arguments, key) for key in ("tensorboard", "force", "resume")}
    if arguments.seeds:
        from grounding.studies.seeds import run_seeds

        run_seeds(experiment, arguments.seeds, **again)
        return
    from grounding.runs.chain import run_chain

    run_chain(experiment, **again)
    print("\nlook at it: grounding serve --open")


def compare(arguments: Namespace) -> None:
    """Put several experiments beside each other and beside controls, over several seeds."""
    from grounding.experiment.load import load_experiment

    experiments = [load_experiment(config, arguments.overrides) for config in arguments.configs]
    import_torch()
    from grounding.studies.comparison import compare

    compare(
        experiments,
        arguments.seeds,
        arguments.output,
        controls=arguments.controls,
        resume=arguments.resume,
    )


def serve(arguments: Namespace) -> None:
    """Serve the index of all runs, the pages and the artifacts on this machine."""
    from grounding.serve.server import serve

    serve(arguments.port, arguments.artifacts, open_browser=arguments.open)


def publish(arguments: Namespace) -> None:
    """Write a site of chosen runs that any static host can serve."""
    from grounding.export.site import publish

    made = publish(arguments.folder, arguments.artifacts, arguments.only)
    print(
        f"published {', '.join(made.runs)}: {made.files} files, {made.size / 1e6:.1f} MB, "
        f"{arguments.folder}"
    )


def verify(arguments: Namespace) -> None:
    """Check files against their hashes, and whether those of a run belong together."""
    from grounding.runs.findings import verify

    say = partial(print, flush=True)
    print(verify(arguments.paths, arguments.artifacts, say, arguments.overrides))


def schema(arguments: Namespace) -> None:  # noqa: ARG001
    """Print the JSON Schema of the config files."""
    import json

    from grounding.experiment.schema import json_schema

    print(json.dumps(json_schema(), indent=2))


WALKS = {
    "run": run,
    "compare": compare,
    "train": train,
    "analyze": analyze,
    "manifold": manifold,
    "probe": probe,
    "points": points,
    "export": export,
    "export-encoder": export_encoder,
    "export-decoder": export_decoder,
    "export-assets": export_assets,
    "serve": serve,
    "publish": publish,
    "verify": verify,
    "schema": schema,
}


def _experiment(arguments: Namespace) -> Experiment:
    from grounding.experiment.load import load_experiment

    return load_experiment(arguments.config, arguments.overrides)


def _load_run(arguments: Namespace) -> Run:
    experiment = _experiment(arguments)
    _import_torch(experiment)
    from grounding.runs.run import load_run

    run, ignored = load_run(
        experiment,
        getattr(arguments, "checkpoint", None),
        train_command=_train_command(arguments, experiment),
    )
    for line in ignored:
        print(f"warning: {line}", file=sys.stderr)
    return run


def _import_torch(experiment: Experiment) -> None:
    """Import PyTorch, and let a second core read the images meanwhile."""
    from grounding.data.catalog import read_ahead

    data = experiment.data
    reader = threading.Thread(target=read_ahead, args=(data.dataset, data.data_dir))
    reader.start()
    try:
        import_torch()
    finally:
        reader.join()


def _train_command(arguments: Namespace, experiment: Experiment) -> str:
    """What to type to train an experiment."""
    overrides = "".join(f" --set {shlex.quote(override)}" for override in arguments.overrides)
    trainer = TRAINERS[experiment.model.architecture]
    return f"python {trainer} --config {shlex.quote(arguments.config)}{overrides}"


def _embedding_options(arguments: Namespace) -> EmbeddingOptions:
    from grounding.export.points import EmbeddingOptions

    return EmbeddingOptions(
        max_points=arguments.max_points,
        l2_normalize=arguments.l2_normalize,
        umap_n_neighbors=arguments.umap_n_neighbors,
        umap_min_dist=arguments.umap_min_dist,
    )


def _do(step: Step) -> None:
    from grounding.runs.step import carry_out

    carry_out(step)
