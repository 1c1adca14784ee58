"""The command line of every door: options, defaults and help; imports nothing heavy."""

import argparse
from pathlib import Path
from typing import NoReturn

from grounding.cli.option_values import (
    at_least_100,
    at_least_two,
    positive,
    seed_list,
    share,
    whole_number,
)

SPLITS = ("train", "val", "test")

SUMMARIES = {
    "run": "train, analyse and export one experiment, skipping what is up to date",
    "compare": "several experiments beside each other and beside controls, over several seeds",
    "train": "train an experiment's autoencoder",
    "analyze": "kNN analysis of the latent space",
    "manifold": "manifold metrics and the manifold score",
    "probe": "linear probe, other kNN references, reconstruction error and regrounding drift",
    "points": "latent points in three dimensions, for the viewer",
    "export": "encoder, decoder and interactive assets: all that the playground needs",
    "export-encoder": "the encoder as ONNX",
    "export-decoder": "the decoder as ONNX",
    "export-assets": "interactive assets for the playground",
    "serve": "show all runs in the browser, from a server on this machine",
    "publish": "write a site of chosen runs for any static host",
    "verify": "check that files are as they were written and belong together",
    "schema": "print the JSON Schema of the config files",
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line on stderr and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit."""
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


def door_parser(command: str, prog: str | None = None) -> Parser:
    """The parser of one command, as its own program.

    Args:
        command: a key of `SUMMARIES`.
        prog: name to show in help; default: the program's own.
    """
    parser = Parser(prog=prog, description=SUMMARIES[command].capitalize() + ".")
    add_options(parser, command)
    return parser


def grounding_parser(version: str) -> Parser:
    """The parser of `grounding`, with every command as a subcommand."""
    parser = Parser(
        prog="grounding",
        description="Train small autoencoders and measure how good their latent spaces are.",
        epilog="Start with: grounding run --config 4",
    )
    parser.add_argument("--version", action="version", version=f"grounding {version}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, summary in SUMMARIES.items():
        add_options(
            commands.add_parser(command, help=summary, description=summary.capitalize() + "."),
            command,
        )
    return parser


def add_options(parser: argparse.ArgumentParser, command: str) -> None:
    """Add a command's options to a parser."""
    if command in ("serve", "publish"):
        _add_site_options(parser, command)
    if command == "verify":
        _add_verify_options(parser)
    if command == "compare":
        _add_compare_options(parser)
    if command in ("serve", "publish", "verify", "schema", "compare"):
        return
    parser.add_argument(
        "--config", required=True, metavar="FILE", help="the experiment's YAML file, or its number"
    )
    _add_set(parser, "override a value of the config; may be repeated")
    if command in ("run", "train"):
        parser.add_argument(
            "--tensorboard",
            nargs="?",
            type=Path,
            const=Path("artifacts/tensorboard"),
            metavar="FOLDER",
            help="also log for TensorBoard (default folder: artifacts/tensorboard)",
        )
        again = parser.add_mutually_exclusive_group()
        again.add_argument(
            "--resume",
            action="store_true",
            help="continue an interrupted training after its last checkpoint",
        )
    if command == "run":
        again.add_argument("--force", action="store_true", help="do everything again")
        parser.add_argument(
            "--seeds",
            type=seed_list,
            metavar="SEEDS",
            help="train and measure once for each of these seeds, e.g. 0-4 or 0,1,5-7, and sum up",
        )
    if command == "train":
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="where to write the final checkpoint"
        )
    if command not in ("run", "train"):
        parser.add_argument(
            "--checkpoint",
            type=Path,
            metavar="FILE",
            help="checkpoint to use (default: output.checkpoint_path of the config)",
        )
        place = "FOLDER" if command == "export" else "FILE"
        parser.add_argument("--output", type=Path, metavar=place, help="where to write the result")
    if command in ("manifold", "points", "export", "export-assets"):
        parser.add_argument(
            "--split", choices=SPLITS, default="test", help="images to use (default: test)"
        )
    if command == "manifold":
        _add_anchors(parser)
    if command in ("points", "export", "export-assets"):
        _add_embedding_options(parser, command)


def _add_compare_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "configs", nargs="+", metavar="CONFIG", help="YAML files of experiments, or their numbers"
    )
    parser.add_argument(
        "--seeds",
        type=seed_list,
        default=(0, 1, 2, 3, 4),
        metavar="SEEDS",
        help="seeds to compare over, e.g. 0-4 or 0,1,5-7; missing ones are run (default: 0-4)",
    )
    _add_set(parser, "override a value of every config; may be repeated")
    parser.add_argument(
        "--no-controls",
        action="store_false",
        dest="controls",
        help="leave out raw pixels, PCA, the untrained encoder and the one trained with labels",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an interrupted training after its last checkpoint",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("artifacts/comparison"),
        metavar="STEM",
        help="write STEM.json, STEM.csv and STEM.svg (default: artifacts/comparison)",
    )


def _add_set(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        help=what,
    )


def _add_anchors(parser: argparse.ArgumentParser) -> None:
    much = parser.add_mutually_exclusive_group()
    much.add_argument(
        "--exact",
        action="store_const",
        dest="anchors",
        const=0,
        help="measure every pair of images (default: up to 70,000 images)",
    )
    much.add_argument(
        "--anchors",
        type=at_least_100,
        metavar="N",
        help="estimate from N random images, each against all, with 95 %% confidence intervals "
        "(default: 10,000 where there are more than 70,000 images)",
    )


def _add_site_options(parser: argparse.ArgumentParser, command: str) -> None:
    if command == "publish":
        parser.add_argument(
            "folder",
            type=Path,
            metavar="DIR",
            help="the site: a new or empty folder, or one that an earlier publish made",
        )
    _add_artifacts(parser, "where the outputs of runs lie")
    if command == "publish":
        parser.add_argument(
            "--only",
            nargs="+",
            default=[],
            metavar="NAME",
            help="names of the experiments to publish (default: all)",
        )
        return
    parser.add_argument(
        "--port",
        type=whole_number,
        default=8000,
        metavar="N",
        help="port to listen on; if it is taken, the next free one (default: 8000)",
    )
    parser.add_argument("--open", action="store_true", help="open the index in the browser")


def _add_verify_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a file, an artifacts folder, a published folder, or a run by its checkpoint, its "
        "config or the experiment's name",
    )
    _add_set(parser, "override a value of the config that names a run; may be repeated")
    _add_artifacts(parser, "where to look for a run by its name")


def _add_artifacts(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--artifacts",
        type=Path,
        default=Path("artifacts"),
        metavar="FOLDER",
        help=f"{what} (default: artifacts)",
    )


def _add_embedding_options(parser: argparse.ArgumentParser, command: str) -> None:
    default = 5000 if command == "points" else 3000
    parser.add_argument(
        "--max-points",
        type=whole_number,
        default=default,
        metavar="N",
        help=f"draw at most N points, 0 for all (default: {default})",
    )
    parser.add_argument(
        "--l2-normalize",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="scale latents to unit length first (default: no)",
    )
    parser.add_argument(
        "--umap-n-neighbors",
        type=at_least_two,
        default=30,
        metavar="N",
        help="neighbours that UMAP keeps together (default: 30)",
    )
    parser.add_argument(
        "--umap-min-dist",
        type=share,
        default=0.1,
        metavar="D",
        help="how close UMAP packs points, 0 to 1 (default: 0.1)",
    )
    if command != "points":
        parser.add_argument(
            "--projection-k",
            type=positive,
            default=12,
            metavar="K",
            help="neighbours that a probe is placed between (default: 12)",
        )
