"""Options that several commands share, and what their values may be."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from grounding._errors import UserError
from grounding._paths import given_path

F = TypeVar("F", bound=Callable[..., Any])
V = TypeVar("V")

SPLITS = ("train", "val", "test")
MOST_SEEDS = 1000
MAX_SEED = 2**32 - 1


class Place(click.ParamType[Path]):
    """A path; `~` is the home folder."""

    name = "path"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        """The path that a text names."""
        del param, ctx
        return given_path(value)


class Seeds(click.ParamType[tuple[int, ...]]):
    """Seeds in the order given: numbers and ranges between commas, each seed once."""

    name = "seeds"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """The seeds that a text lists."""
        if not isinstance(value, str):
            return tuple(value)
        seeds: list[int] = []
        for part in value.split(","):
            first, dash, last = part.strip().partition("-")
            for text in (first, last) if dash else (first,):
                if not (text.isascii() and text.isdigit()) or int(text[:11]) > MAX_SEED:
                    self.fail(
                        f"{value!r} is no list of seeds from 0 to {MAX_SEED}; write e.g. 0-4 or "
                        "0,1,5-7",
                        param,
                        ctx,
                    )
            low, high = int(first), int(last if dash else first)
            if high < low:
                self.fail(f"{part.strip()} goes down; write {high}-{low}", param, ctx)
            if len(seeds) + high - low >= MOST_SEEDS:
                self.fail(f"{value} is more than {MOST_SEEDS} seeds", param, ctx)
            seeds += range(low, high + 1)
        twice = next((seed for place, seed in enumerate(seeds) if seed in seeds[:place]), None)
        if twice is not None:
            self.fail(f"{value} has seed {twice} twice", param, ctx)
        return tuple(seeds)


class Numbers(click.ParamType[tuple[float, ...]]):
    """Numbers between commas."""

    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """The numbers that a text lists."""
        if not isinstance(value, str):
            return tuple(value)
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers; write e.g. 0.5 or 0.5,0.4,0.4", param, ctx)


def once(option: str, axes: Iterable[tuple[str, V]]) -> dict[str, V]:
    """Axes by their key, each given once.

    Raises:
        UserError: one was given twice.
    """
    found: dict[str, V] = {}
    for key, axis in axes:
        if key in found:
            raise UserError(f"--{option} {key} is there twice; give all its values at once")
        found[key] = axis
    return found


def all_of(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator that adds several options, in this order."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


IMPORT = click.option(
    "--import",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="import a Python module that registers components; may be repeated",
)


def overrides(what: str = "override a value of the config; may be repeated") -> Callable[[F], F]:
    """`--set` and `--import`."""
    return all_of(
        click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help=what),
        IMPORT,
    )


CONFIG = all_of(
    click.option(
        "--config",
        required=True,
        metavar="FILE",
        help="the experiment's YAML file, its number, or a run's name",
    ),
    overrides(),
)
CONFIG_OR_DATA = all_of(
    click.option(
        "--config",
        metavar="FILE",
        help="the experiment's YAML file, its number, or a run's name",
    ),
    click.option(
        "--data",
        metavar="PATH",
        help="instead of --config: a folder or file of images, for which a config is written",
    ),
    overrides(),
)
TENSORBOARD = click.option(
    "--tensorboard",
    type=Place(),
    is_flag=False,
    flag_value="artifacts/tensorboard",
    metavar="[FOLDER]",
    help="also log for TensorBoard (default folder: artifacts/tensorboard)",
)
RESUME = click.option(
    "--resume", is_flag=True, help="continue an interrupted training after its last checkpoint"
)
SEEDS = Seeds()
NUMBERS = Numbers()
CHECKPOINT = click.option(
    "--checkpoint",
    type=Place(),
    metavar="FILE",
    help="checkpoint to use (default: the experiment's final one)",
)
OUTPUT = click.option("--output", type=Place(), metavar="FILE", help="where to write the result")
SPLIT = click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="test",
    show_default=True,
    help="images to use",
)
ARTIFACTS = click.option(
    "--artifacts",
    type=Place(),
    default=Path("artifacts"),
    metavar="FOLDER",
    help="where the runs lie (default: artifacts)",
)
ANCHORS = click.option(
    "--anchors",
    type=click.IntRange(100),
    metavar="N",
    help="estimate from N random images, each against all, with 95 % confidence intervals "
    "(default: 10,000 where there are more than 70,000 images)",
)
PROJECTION_K = click.option(
    "--projection-k",
    type=click.IntRange(1),
    metavar="K",
    help="neighbours that a probe is placed between (default: 12)",
)


def max_points(most: int) -> Callable[[F], F]:
    """How many points are drawn; `most` by default."""
    return click.option(
        "--max-points",
        type=click.IntRange(0),
        default=most,
        show_default=True,
        metavar="N",
        help="draw at most N points, 0 for all",
    )


def embedding(most: int) -> Callable[[F], F]:
    """How latents become points; `most` of them by default."""
    return all_of(
        max_points(most),
        click.option(
            "--l2-normalize/--no-l2-normalize",
            default=True,
            help="scale latents to unit length first, unless they have one or two numbers "
            "(default: yes)",
        ),
        click.option(
            "--umap-n-neighbors",
            type=click.IntRange(2),
            default=30,
            show_default=True,
            metavar="N",
            help="neighbours that UMAP keeps together",
        ),
        click.option(
            "--umap-min-dist",
            type=click.FloatRange(0, 1),
            default=0.1,
            show_default=True,
            metavar="D",
            help="how close UMAP packs points, 0 to 1",
        ),
    )


def command_line(
    command: str,
    config: str,
    given: tuple[str, ...],
    modules: tuple[str, ...],
    seeds: tuple[int, ...] = (),
) -> str:
    """What to type for a command on an experiment, with the user's own overrides and modules."""
    words = [("--set", override) for override in given] + [("--import", name) for name in modules]
    words += [("--seeds", ",".join(map(str, seeds)))] if seeds else []
    options = "".join(f" {option} {shlex.quote(value)}" for option, value in words)
    return f"grounding {command} --config {shlex.quote(config)}{options}"
