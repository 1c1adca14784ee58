"""What the values of options may be: text from the command line -> a number, or one clear line.

Raised `argparse.ArgumentTypeError`s become the parser's errors.
"""

import argparse

MOST_SEEDS = 1000
MAX_SEED = 2**32 - 1


def whole_number(text: str) -> int:
    """A whole number, 0 or more."""
    return _checked_int(text, 0)


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    return _checked_int(text, 1)


def at_least_two(text: str) -> int:
    """A whole number, 2 or more."""
    return _checked_int(text, 2)


def at_least_100(text: str) -> int:
    """A whole number, 100 or more."""
    return _checked_int(text, 100)


def _checked_int(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{value} is less than {least}")
    return value


def seed_list(text: str) -> tuple[int, ...]:
    """Seeds in the order given: numbers and ranges between commas, each seed once."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        low = _seed(first, text)
        high = _seed(last, text) if dash else low
        if high < low:
            raise argparse.ArgumentTypeError(f"{part.strip()} goes down; write {high}-{low}")
        if high - low >= MOST_SEEDS or len(seeds) + high - low >= MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"{text} is more than {MOST_SEEDS} seeds")
        seeds += range(low, high + 1)
    twice = next((seed for place, seed in enumerate(seeds) if seed in seeds[:place]), None)
    if twice is not None:
        raise argparse.ArgumentTypeError(f"{text} has seed {twice} twice")
    return tuple(seeds)


def _seed(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:11]) > MAX_SEED:
        raise argparse.ArgumentTypeError(
            f"{whole!r} is no list of seeds from 0 to {MAX_SEED}; write e.g. 0-4 or 0,1,5-7"
        )
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0 to 1")
    return value
