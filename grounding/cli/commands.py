"""The commands: one function each, its options beside it.

Every function imports what it needs when it is called, so that `--help` and mistakes in the
command line are answered at once.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import grounding
from grounding._errors import UserError, say
from grounding._files import write_text
from grounding._paths import given_path
from grounding.cli import options
from grounding.cli.options import command_line
from grounding.cli.process import import_torch

if TYPE_CHECKING:
    from grounding.experiment import Experiment
    from grounding.export.latents import Format
    from grounding.runs.artifacts import Output
    from grounding.runs.run import Run


@click.group(
    name="grounding",
    help="Train small autoencoders and measure how good their latent spaces are.",
    epilog="Start with: grounding run --config 7",
    no_args_is_help=False,
)
@click.version_option(grounding.__version__, message="grounding %(version)s")
def grounding_group() -> None:
    """Hold the commands."""


@grounding_group.command(
    help="Train, analyse and export one experiment, skipping what is up to date."
)
@options.CONFIG_OR_DATA
@options.TENSORBOARD
@options.RESUME
@click.option("--force", is_flag=True, help="do everything again, also under a name that is taken")
@click.option(
    "--seeds",
    type=options.SEEDS,
    metavar="SEEDS",
    help="train and measure once for each of these seeds, e.g. 0-4 or 0,1,5-7, and sum up",
)
def run(
    config: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    **given: Any,
) -> int | None:
    """Train an experiment and make every output of it; or its measured part for several seeds."""
    _check_exclusive(given)
    config = _config_of(config, data, overrides, modules)
    experiment = _experiment(config, overrides, modules)
    seeds = given.pop("seeds")
    if seeds:
        from grounding.studies.seeds import run_seeds

        again = command_line("run", config, overrides, modules, seeds)
        run_seeds(experiment, seeds, command=again, **given)
        return None
    from grounding.runs.chain import run_chain

    again = command_line("run", config, overrides, modules)
    complete = run_chain(experiment, command=again, **given)
    return 0 if complete else 2


@grounding_group.command(
    help="Several experiments beside each other and beside controls, over several seeds."
)
@click.argument("configs", nargs=-1, required=True, metavar="CONFIG...")
@click.option(
    "--seeds",
    type=options.SEEDS,
    default="0-4",
    metavar="SEEDS",
    help="seeds to compare over, e.g. 0-4 or 0,1,5-7; missing ones are run (default: 0-4)",
)
@options.overrides("override a value of every config; may be repeated")
@click.option(
    "--controls/--no-controls",
    default=True,
    help="the encoder trained with labels and untrained, PCA, the mean image, pixels, HOG, "
    "distances of deformed images (default: yes)",
)
@options.RESUME
@click.option(
    "--output",
    type=options.Place(),
    default=Path("artifacts/comparison"),
    metavar="STEM",
    help="write STEM.json, STEM.csv, STEM.html and STEM.svg (default: artifacts/comparison)",
)
def compare(
    configs: tuple[str, ...],
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    **given: Any,
) -> None:
    """Compare experiments over several seeds."""
    experiments = [_experiment(config, overrides, modules) for config in configs]
    from grounding.studies.comparison import compare

    seeds = given["seeds"]
    commands = [command_line("run", config, overrides, modules, seeds) for config in configs]
    compare(experiments, seeds, given["output"], given["controls"], given["resume"], commands)


@grounding_group.command(
    help="Train many variants of one config for several seeds, and compare them on validation "
    "images. The same command, or NAME alone, goes on where it ended."
)
@click.argument("name", metavar="NAME")
@click.option("--config", metavar="FILE", help="the experiment's YAML file, or its number")
@options.overrides()
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=A,B",
    help="values of an axis, e.g. training.learning_rate=2e-3,5e-3; may be repeated",
)
@click.option(
    "--space",
    multiple=True,
    metavar="KEY=KIND:LOW:HIGH",
    help="range of an axis, of the kind log, linear, int or logint; may be repeated",
)
@click.option("--seeds", type=options.SEEDS, metavar="SEEDS", help="of each point, e.g. 0-4")
@click.option(
    "--search",
    type=click.Choice(("grid", "random", "tpe")),
    help="how points are chosen (default: grid; random where there is a --space)",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    metavar="N",
    help="points to draw with --search random or tpe",
)
@click.option(
    "--metric",
    default="val_loss",
    show_default=True,
    help="by which points are judged: val_loss, val_knn, or val_knn_K with K neighbours",
)
@click.option(
    "--prune",
    multiple=True,
    type=click.Choice(("epochs", "seeds")),
    help="give points up that do badly after a share of the epochs, or for the first seeds",
)
@click.option("--add-grid", multiple=True, metavar="KEY=A,B", help="further values, or an axis")
@click.option("--add-seeds", type=options.SEEDS, metavar="SEEDS", help="further seeds")
@click.option(
    "--final",
    type=click.IntRange(0),
    default=0,
    metavar="K",
    help="measure the best K points on the test images, which is entered in the ledger",
)
@click.option("--retry", is_flag=True, help="try again what has failed")
@click.option(
    "--engine",
    type=click.Choice(("local", "ray", "slurm")),
    default="local",
    show_default=True,
    help="what trains: processes of this machine, a Ray cluster; slurm prints an array script",
)
@click.option("--address", metavar="HOST:PORT", help="of the Ray cluster")
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="trials at once (default: one a core, or a GPU; with Ray: as many as fit)",
)
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="of a trial (default: cores / workers)"
)
@click.option(
    "--gpus", type=click.FloatRange(0), default=0, metavar="N", help="of a trial, with Ray or Slurm"
)
@click.option("--list", "only_list", is_flag=True, help="show what there is; train nothing")
@click.option("--trial", metavar="RUN", help="train this one trial alone")
def sweep(
    name: str,
    config: str | None,
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    only_list: bool,
    trial: str | None,
    engine: str,
    **given: Any,
) -> None:
    """Try points of a config's space, each for several seeds."""
    _import(modules)
    if config is None and (key := next((k for k in _OF_PLAN if given[k]), "")):
        _misused(f"--{key} begins a sweep and needs --config; to extend one: --add-{key}")
    import_torch()
    from grounding.studies.sweeps.plan import grid_axis, space_axis
    from grounding.studies.sweeps.sweep import Sweep

    asked = Sweep(
        name,
        config,
        overrides=overrides,
        grid=options.once("grid", map(grid_axis, given["grid"])),
        space=options.once("space", map(space_axis, given["space"])),
        seeds=given["seeds"] or (),
        search=given["search"],
        trials=given["trials"] or 0,
        metric=given["metric"],
        prune=given["prune"],
        add_grid=options.once("add-grid", map(grid_axis, given["add_grid"])),
        add_seeds=given["add_seeds"] or (),
    )
    limits = {key: given[key] for key in ("workers", "gpus")}
    if only_list:
        say(*asked.table().splitlines())
    elif trial:
        say(asked.train_one(trial))
    elif engine == "slurm":
        print(asked.script(threads=given["threads"] or 1, **limits), end="")
    else:
        more = {key: given[key] for key in ("threads", "address", "final", "retry")}
        asked.run(engine=engine, **limits, **more)


_OF_PLAN = ("grid", "space", "seeds", "search", "trials", "prune")


@grounding_group.command(help="Train an experiment's autoencoder.")
@options.CONFIG
@options.TENSORBOARD
@options.RESUME
@click.option("--force", is_flag=True, help="train again, also under a name that is taken")
@click.option(
    "--output", type=options.Place(), metavar="FILE", help="where to write the final checkpoint"
)
@click.pass_obj
def train(
    allowed: tuple[tuple[str, ...], tuple[str, ...]] | None,
    /,
    config: str,
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    output: Path | None,
    **given: Any,
) -> None:
    """Train an experiment and write its checkpoints and metrics."""
    _check_exclusive(given)
    experiment = _experiment(config, overrides, modules)
    architecture = experiment.model.architecture
    again = command_line("train", config, overrides, modules)
    only, but_not = allowed or ((), ())
    if (only and architecture not in only) or architecture in but_not:
        trains = " and ".join(only) or f"all but {' and '.join(but_not)}"
        raise UserError(
            f"{Path(sys.argv[0]).name} trains {trains}, but {config} has "
            f"model.architecture {architecture}; use: {again}"
        )
    if output:
        place = experiment.output.model_copy(update={"checkpoint_path": output})
        experiment = experiment.model_copy(update={"output": place})
    from grounding.runs.training import train_experiment

    say(train_experiment(experiment, command=again, **given))


def on_a_run(
    name: str, text: str, *more: Callable[[Any], Any]
) -> Callable[[Callable[..., Output]], click.Command]:
    """A decorator: a command that loads a run and makes the output that the function returns.

    Args:
        name: of the command.
        text: its help.
        more: options that the function takes besides the run and `output`.
    """

    def decorate(function: Callable[..., Output]) -> click.Command:
        def command(
            config: str,
            overrides: tuple[str, ...],
            modules: tuple[str, ...],
            checkpoint: Path | None,
            **given: Any,
        ) -> None:
            _check_exclusive(given)
            run = _run(config, overrides, modules, checkpoint)
            from grounding.runs.chain import make_and_tell

            make_and_tell(run, function(run, **given))

        options_of = options.all_of(options.CONFIG, options.CHECKPOINT, options.OUTPUT, *more)
        return grounding_group.command(name, help=text)(options_of(command))

    return decorate


@on_a_run("analyze", "kNN analysis of the latent space.")
def analyze(run: Run, output: Path | None) -> Output:
    """The kNN accuracy and scores of each class, as text and JSON."""
    from grounding.runs.measuring import analysis_output

    return analysis_output(run, output or run.experiment.analysis_path)


@on_a_run(
    "manifold",
    "Manifold metrics and the manifold score.",
    options.SPLIT,
    click.option(
        "--exact",
        is_flag=True,
        help="measure every pair of images (default: up to 70,000 images)",
    ),
    options.ANCHORS,
)
def manifold(run: Run, output: Path | None, split: str, exact: bool, anchors: int | None) -> Output:
    """A split's manifold metrics as JSON."""
    from grounding.runs.measuring import manifold_output

    path = output or run.experiment.manifold_analysis_path
    return manifold_output(run, split, path, 0 if exact else anchors)


@on_a_run("measure", "The profile of the latent space: seven axes instead of one score.")
def measure(run: Run, output: Path | None) -> Output:
    """Classes, geometry, spread, decoder, dynamics, invariance and novelty, as JSON."""
    from grounding.runs.measuring import profile_output

    return profile_output(run, output or run.experiment.artifact("profile.json"))


@on_a_run(
    "probe", "Linear probe, other kNN references, reconstruction error and regrounding drift."
)
def probe(run: Run, output: Path | None) -> Output:
    """Probes of the latent space and of the reconstructions, as JSON."""
    from grounding.runs.measuring import probes_output

    return probes_output(run, output or run.experiment.artifact("probes.json"))


@on_a_run(
    "dynamics",
    "What happens to latents that are decoded and encoded again and again.",
    click.option(
        "--images",
        type=click.IntRange(2),
        default=750,
        show_default=True,
        metavar="N",
        help="test images whose latents are followed, at most 3,000",
    ),
)
def dynamics(run: Run, output: Path | None, images: int) -> Output:
    """The phase portrait of E(D(z)): numbers, figures, arrays for the pages."""
    from grounding.runs.dynamics import dynamics_output

    return dynamics_output(run, output or run.experiment.artifact("dynamics.json"), images)


@on_a_run("report", "One HTML file about the run: numbers beside controls, and pictures.")
def report(run: Run, output: Path | None) -> Output:
    """The report of a run as HTML that stands alone."""
    from grounding.studies.report import report_output

    return report_output(run, output or run.experiment.artifact("report.html"))


@on_a_run(
    "points",
    "Latent points in three dimensions, for the viewer.",
    options.SPLIT,
    options.embedding(5000),
)
def points(run: Run, output: Path | None, split: str, **layout: Any) -> Output:
    """A split's latent points for the viewer."""
    from grounding.export.points import EmbeddingOptions
    from grounding.runs.exporting import points_output

    path = output or run.experiment.artifact(f"{split}_latent_points.json")
    return points_output(run, split, EmbeddingOptions(**layout), path)


@on_a_run(
    "film",
    "The training as a film, for the viewer: points and images at each kept checkpoint.",
    options.embedding(5000),
)
def film(run: Run, output: Path | None, **layout: Any) -> Output:
    """Aligned layouts of the test latents at the checkpoints of a training."""
    from grounding.export.points import EmbeddingOptions
    from grounding.runs.film import film_output

    return film_output(
        run, EmbeddingOptions(**layout), output or run.experiment.artifact("film.json")
    )


@on_a_run("export-encoder", "The encoder as ONNX.")
def export_encoder(run: Run, output: Path | None) -> Output:
    """The encoder as ONNX."""
    from grounding.runs.exporting import onnx_output

    return onnx_output(run, "encoder", output or run.experiment.artifact("encoder.onnx"))


@on_a_run("export-decoder", "The decoder as ONNX.")
def export_decoder(run: Run, output: Path | None) -> Output:
    """The decoder as ONNX."""
    from grounding.runs.exporting import onnx_output

    return onnx_output(run, "decoder", output or run.experiment.artifact("decoder.onnx"))


@on_a_run(
    "export-assets",
    "Interactive assets for the playground.",
    options.SPLIT,
    options.embedding(3000),
    options.PROJECTION_K,
)
def export_assets(
    run: Run, output: Path | None, split: str, projection_k: int | None, **layout: Any
) -> Output:
    """Interactive assets for the playground."""
    from grounding.export.points import EmbeddingOptions
    from grounding.runs.exporting import assets_output

    path = output or run.experiment.artifact(f"{split}_interactive_assets.json")
    return assets_output(run, split, EmbeddingOptions(**layout), projection_k, path)


@on_a_run(
    "latents",
    "Latents as a table, with the images' indices, labels, class names and files.",
    options.SPLIT,
    click.option(
        "--format",
        "form",
        type=click.Choice(("npy", "npz", "parquet", "csv")),
        default="npz",
        show_default=True,
        help="of the file",
    ),
)
def latents(run: Run, output: Path | None, split: str, form: Format) -> Output:
    """A split's latents for other software."""
    from grounding.runs.exporting import latents_output

    path = output or run.experiment.artifact(f"{split}_latents.{form}")
    return latents_output(run, split, form, path)


@on_a_run("export-weights", "The weights as safetensors.")
def export_weights(run: Run, output: Path | None) -> Output:
    """The weights of encoder and decoder as safetensors."""
    from grounding.runs.exporting import weights_output

    return weights_output(run, output or run.experiment.artifact("weights.safetensors"))


@grounding_group.command(
    help="Encoder, decoder and interactive assets: all that the playground needs."
)
@options.CONFIG
@options.CHECKPOINT
@click.option("--output", type=options.Place(), metavar="FOLDER", help="where to write the results")
@options.SPLIT
@options.embedding(3000)
@options.PROJECTION_K
def export(
    config: str,
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    checkpoint: Path | None,
    output: Path | None,
    split: str,
    projection_k: int | None,
    **layout: Any,
) -> int:
    """Write all that the playground needs: encoder, decoder and interactive assets."""
    run = _run(config, overrides, modules, checkpoint)
    from grounding.export.points import EmbeddingOptions
    from grounding.runs.chain import make_and_tell, make_each
    from grounding.runs.exporting import assets_output, onnx_output

    def place(ending: str) -> Path:
        default: Path = run.experiment.artifact(ending)
        return output / default.name if output else default

    assets = place(f"{split}_interactive_assets.json")
    outputs = [
        onnx_output(run, "encoder", place("encoder.onnx")),
        onnx_output(run, "decoder", place("decoder.onnx")),
        assets_output(run, split, EmbeddingOptions(**layout), projection_k, assets),
    ]
    _, missing = make_each(outputs, partial(make_and_tell, run))
    say(*(f"error: {problem}" for problem in missing), is_error=True)
    return 2 if missing else 0


@grounding_group.command(help="Measure embeddings of any model, and put them into the viewer.")
@click.argument("latents", type=options.Place(), metavar="LATENTS")
@click.option(
    "--labels",
    type=options.Place(),
    metavar="FILE",
    help="labels, one a row: .npy, .parquet or text (default: those in LATENTS, if there are any)",
)
@click.option(
    "--images", type=options.Place(), metavar="FILE", help="images for the viewer, as .npy"
)
@click.option("--name", help="name of its files (default: that of LATENTS)")
@click.option("-k", "k", type=click.IntRange(1), default=5, show_default=True, help="neighbours")
@click.option(
    "--metric",
    type=click.Choice(("euclidean", "cosine")),
    default="euclidean",
    show_default=True,
    help="distance of kNN accuracy",
)
@click.option("--seed", type=click.IntRange(0, options.MAX_SEED), default=42, show_default=True)
@options.max_points(5000)
@options.ANCHORS
@click.option("--force", is_flag=True, help="replace an evaluation of other embeddings")
def evaluate(
    latents: Path, labels: Path | None, images: Path | None, name: str | None, **given: Any
) -> None:
    """Measure embeddings: .npy, .npz, .parquet or .csv, one row each."""
    import_torch()
    from grounding.data.embeddings import read_array, read_embeddings
    from grounding.runs.evaluation import evaluate

    pictures = None if images is None else read_array(images)
    table = read_embeddings(latents, labels)
    classes = "no labels" if table.labels is None else f"{len(set(table.labels.tolist()))} classes"
    say(f"data: {latents}, {len(table.latents):,} x {table.latents.shape[1]}, {classes}")
    name = name or re.sub(r"[^A-Za-z0-9_.-]+", "_", latents.stem).strip("_.-") or "embeddings"
    found = evaluate(table, images=pictures, name=name, **given)
    say("", *str(found).splitlines(), "", f"wrote {', '.join(map(str, found.files))}")
    say("look at it: grounding serve --open")


@grounding_group.command(
    help="Make a run of a model that was trained elsewhere: an encoder and a decoder as ONNX."
)
@click.option("--encoder", required=True, type=options.Place(), metavar="FILE", help="ONNX model")
@click.option("--decoder", type=options.Place(), metavar="FILE", help="ONNX model, if there is one")
@click.option(
    "--data",
    metavar="FOLDER",
    help="images to judge it on (default: MNIST)",
)
@click.option("--name", default="attached", show_default=True, help="name of the run")
@click.option(
    "--mean",
    type=options.NUMBERS,
    default="0",
    show_default=True,
    metavar="M[,M...]",
    help="the encoder gets (x - mean) / std of pixels x in [0, 1]; one number, or one a channel",
)
@click.option(
    "--std",
    type=options.NUMBERS,
    default="1",
    show_default=True,
    metavar="S[,S...]",
    help="see --mean",
)
@options.overrides()
@click.option("--force", is_flag=True, help="replace a run of this name that is another model's")
def attach(name: str, overrides: tuple[str, ...], modules: tuple[str, ...], **given: Any) -> None:
    """Make a run of an encoder and a decoder that were trained elsewhere."""
    _import(modules)
    import_torch()
    from grounding.runs.attach import attach
    from grounding.runs.building import data_lines

    typed = " ".join(map(shlex.quote, ["grounding", *sys.argv[1:]]))
    run = attach(**given, name=name, overrides=overrides, command=typed)
    say(*data_lines(run.splits))
    say(f"attached {run.name}: {run.model.latent_dim} latent dimensions, wrote {run.path}")
    say("", f"measure it and put it into the pages: grounding run --config {run.name}")


@grounding_group.command(
    help="Show what would be read: counts, classes, sizes, splits, and a contact sheet."
)
@click.argument("path", required=False, metavar="[PATH]")
@click.option("--config", metavar="FILE", help="instead of PATH: an experiment's YAML file")
@options.overrides()
@click.option(
    "--output",
    type=options.Place(),
    metavar="FILE",
    help="where to write the contact sheet (default: NAME_images.png)",
)
def data(
    path: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    output: Path | None,
) -> None:
    """Show what a folder or file of images, or an experiment, would be read as."""
    if (path is None) == (config is None):
        _misused("name either a PATH of images or a --config")
    if config is None:
        assert path is not None
        _import(modules)
        import_torch()
        from grounding.experiment.document import document_of, parse_yaml
        from grounding.experiment.load import load_experiment
        from grounding.experiment.suggested import suggested

        found = suggested(path, overrides)
        values, places = parse_yaml(found.text, f"{found.name}.yaml")
        document = document_of(values, Path(f"{found.name}.yaml"), places, overrides)
        experiment = load_experiment(document)
    else:
        experiment = _experiment(config, overrides, modules)
    from grounding.data.contact_sheet import contact_sheet, write_sheet
    from grounding.runs.building import load_splits, read_images
    from grounding.runs.overview import overview

    images = read_images(experiment)
    _, splits = load_splits(experiment, images)
    say(*overview(images, splits))
    sheet = output or Path(f"{experiment.name}_images.png")
    place = experiment.data.data_dir
    if place is not None and place.is_dir() and place.resolve() in sheet.resolve().parents:
        raise UserError(
            f"{sheet} would lie in {place} and be read as one of the images; name a place outside "
            "with --output FILE.png"
        )
    write_sheet(sheet, contact_sheet(splits), only_over_ours=output is None)
    say("", f"wrote {sheet}: some images of each class")
    if config is None:
        given = "".join(f" --set {shlex.quote(one)}" for one in overrides)
        say(f"train on them: grounding run --data {shlex.quote(str(path))}{given}")


@grounding_group.command(help="Show all runs in the browser, from a server on this machine.")
@options.ARTIFACTS
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="port to listen on; if it is taken, the next free one",
)
@click.option("--open", "open_browser", is_flag=True, help="open the index in the browser")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="address to listen on; any but this machine's own asks every visitor for a token",
)
def serve(artifacts: Path, **given: Any) -> None:
    """Serve the index of all runs, the pages and the artifacts on this machine."""
    from grounding.serve.server import serve

    serve(artifacts=artifacts, **given)


@grounding_group.command(help="Write a site of chosen runs for any static host.")
@click.argument("folder", type=options.Place(), metavar="DIR")
@options.ARTIFACTS
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="publish this experiment; may be repeated (default: all)",
)
@click.option("--force", is_flag=True, help="replace files that were edited since the last time")
@click.option(
    "--one-file",
    type=click.Choice(["auto", "playground", "viewer"]),
    is_flag=False,
    flag_value="auto",
    metavar="[PAGE]",
    help="write one page of one run as the HTML file DIR, which opens from disk without a server",
)
def publish(
    folder: Path, artifacts: Path, only: tuple[str, ...], force: bool, one_file: str | None
) -> None:
    """Write a site that any static host can serve, or one file."""
    from grounding.serve import one_file as single
    from grounding.serve.site import publish

    if one_file is None:
        say(*publish(folder, artifacts, only, force=force))
    elif len(only) != 1:
        raise UserError("--one-file shows one run; name it with --only NAME")
    else:
        say(*single.one_file(folder, artifacts, only[0], one_file, force=force))


@grounding_group.command(help="How many models were measured on the test images of each data set.")
@click.argument("folder", type=options.Place(), default=Path("artifacts"), metavar="[FOLDER]")
def ledger(folder: Path) -> None:
    """Count the looks at the test images."""
    from grounding.export.report import text_table
    from grounding.runs.ledger import ledger_path, looks

    found = looks(folder)
    if not found:
        raise UserError(f"there is no {ledger_path(folder)}: nothing was measured there yet")
    head = ("data", "", "models", "configs", "runs", "measurements", "first", "last")
    rows = [
        (
            one.source,
            one.data,
            *(f"{n:,}" for n in (one.checkpoints, one.configs, one.runs)),
            f"{one.looks:,}",
            one.first[:10],
            one.last[:10],
        )
        for one in found
    ]
    say(*text_table("llrrrrll", head, rows))


@grounding_group.command(help="Check that files are as they were written and belong together.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@options.ARTIFACTS
@options.IMPORT
def verify(paths: tuple[str, ...], artifacts: Path, modules: tuple[str, ...]) -> None:
    """Check the files of runs and sites against their manifests."""
    _import(modules)
    from grounding.runs.verify import verify
    from grounding.serve.site import check_site, is_site

    print(verify(paths, artifacts, sites=(is_site, check_site)))


@grounding_group.command(help="Print the JSON Schema of the config files.")
@options.IMPORT
def schema(modules: tuple[str, ...]) -> None:
    """Print the JSON Schema of the config files."""
    from importlib.metadata import entry_points

    from grounding._registry import ENTRY_POINTS

    if not modules and not entry_points(group=ENTRY_POINTS):
        # What comes with the package says the same, and is there without importing a model.
        print((Path(grounding.__file__).parent / "configs/schema.json").read_text(), end="")
        return
    _import(modules)
    from grounding.experiment import json_schema

    print(json.dumps(json_schema(), indent=2))


@grounding_group.command(help="List what configs can name: models, objectives, metrics ...")
@options.IMPORT
def components(modules: tuple[str, ...]) -> None:
    """List all registered components with a line about each."""
    _import(modules)
    from grounding import _registry as register

    for registry in register.REGISTRIES:
        print(f"{registry.kind}s")
        for one in registry.components():
            whose = "" if one.is_ours else f"  [{one.make.__module__}]"
            say(f"  {one.name:<28}  {one.summary}{whose}")


COMMANDS = grounding_group.commands


def _experiment(config: str, overrides: tuple[str, ...], modules: tuple[str, ...]) -> Experiment:
    """The experiment that a command is about."""
    from grounding.experiment.document import document_of, read_document
    from grounding.runs.manifest import ENDING, manifest_path, read_manifest

    _import(modules)
    of_run, known = manifest_path(config), None
    is_name = of_run.name == f"{config}{ENDING}" and not given_path(config).is_file()
    if is_name and given_path(of_run).is_file():
        known = read_manifest(of_run).config  # empty if it is of a study
    if known:
        document = document_of(known, of_run, {}, overrides)
    else:
        document = read_document(config, overrides)
    import_torch()
    from grounding.experiment import load_experiment

    experiment = load_experiment(document)
    for note in document.notes:
        say(f"note: {note}", is_error=True)
    return experiment


def _config_of(
    config: str | None, data: str | None, overrides: tuple[str, ...], modules: tuple[str, ...]
) -> str:
    """The config that was named, or the one that is written for images that were named."""
    if (config is None) == (data is None):
        _misused("name either a --config or a folder of images with --data")
    if config is not None:
        return config
    assert data is not None
    from grounding.experiment.document import read_document

    _import(modules)
    import_torch()
    from grounding.experiment.suggested import own_name, suggested

    path = Path(f"{own_name(data)}.yaml")
    if path.exists():
        said = read_document(path).values.get("data")
        held = said.get("data_dir", said.get("source")) if isinstance(said, dict) else None
        places = {os.path.realpath(given_path(str(one))) for one in (held, data)}
        if held is None or len(places) > 1:
            raise UserError(
                f"{path} is there already, and not about {data}; move it away, or use it: "
                f"grounding run --config {shlex.quote(str(path))}"
            )
        say(f"config: {path}, as it is")
        return str(path)
    write_text(path, suggested(data, overrides).text)
    say(f"config: wrote {path}")
    return str(path)


def _misused(text: str) -> NoReturn:
    raise click.UsageError(text, click.get_current_context())


def _import(modules: tuple[str, ...]) -> None:
    """Import modules that register components; those of the current folder are found as well."""
    for name in modules:
        sys.path.insert(0, str(Path.cwd()))
        try:
            importlib.import_module(name)
        except Exception as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise UserError(f"--import {name}: {said}") from None
        finally:
            sys.path.remove(str(Path.cwd()))


def _run(
    config: str,
    overrides: tuple[str, ...],
    modules: tuple[str, ...],
    checkpoint: Path | None,
) -> Run:
    experiment = _experiment(config, overrides, modules)
    from grounding.runs.building import data_lines
    from grounding.runs.run import load_run

    run = load_run(
        experiment, checkpoint, train_command=command_line("train", config, overrides, modules)
    )
    for note in run.notes:
        say(f"warning: {note}", is_error=True)
    if run.path == experiment.best_path:
        epoch, epochs = run.checkpoint.epoch, len(run.checkpoint.history)
        say(f"checkpoint: {run.path}, the best of {epochs} epochs is {epoch}")
    say(*data_lines(run.splits))
    return run


def _check_exclusive(given: dict[str, Any]) -> None:
    for one, other in (("resume", "force"), ("exact", "anchors")):
        if given.get(one) and given.get(other):
            context = click.get_current_context()
            raise click.UsageError(f"--{one} and --{other} exclude each other", context)
