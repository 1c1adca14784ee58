"""Measure every question under benchmarks/questions/ and write JSON, table and pictures.

    python benchmarks/suite.py                      minutes for each question
    python benchmarks/suite.py --only evaluation    one of them; the others stay as they are
    python benchmarks/suite.py --quick              seconds for each: to see that they run
    python benchmarks/suite.py --full               whole trainings and the largest sizes as well

Writes benchmarks.json, benchmarks.md and benchmarks/*.svg into docs/; a quick look, which is no
measurement, goes to artifacts/benchmarks/. All files are replaced together at the end: a run that
is interrupted leaves the old ones. Each question has a process of its own.
"""

import argparse
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import document
from harness.machine import load, machine
from harness.measure import alone
from harness.question import answer, names

from grounding._errors import UserError

REPOSITORY = Path(__file__).parents[1]


def main(argv: list[str] | None = None) -> int:
    """Measure, write, and say what could not be measured."""
    arguments = parser().parse_args(argv)
    effort = "quick" if arguments.quick else "full" if arguments.full else "standard"
    quick_place, place = REPOSITORY / "artifacts/benchmarks", REPOSITORY / "docs"
    folder = arguments.output or (quick_place if arguments.quick else place)
    busy = load()  # before this run adds to it
    try:
        old = document.read(folder)
        new: dict[str, Any] = {}
        for file in arguments.merge:
            new |= document.read_file(file)["answers"]
        chosen = [] if arguments.merge or arguments.draw else arguments.only or names()
        failed = []
        for number, name in enumerate(chosen, start=1):
            print(f"[{number}/{len(chosen)}] {name}", flush=True)
            try:
                new[name] = asked(name, effort) | {"load": busy}
            except RuntimeError as error:
                failed.append(name)
                print(f"    {error}", file=sys.stderr)
        # Answers of questions that were not asked, or could not be answered, stay.
        answers = {**old["answers"], **new}
        document.write(folder, {name: answers[name] for name in names() if name in answers})
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the figures of the last run are intact", file=sys.stderr)
        return 130
    print(f"wrote {folder / document.TABLE}")
    if failed:
        print(f"error: without an answer: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def asked(name: str, effort: str) -> dict[str, Any]:
    """One answer, with when, where and how it was measured."""
    date, started = datetime.now(UTC), time.perf_counter()
    measured = alone(answer, name, effort)
    option = [] if effort == "standard" else [f"--{effort}"]
    command = shlex.join(["python", "benchmarks/suite.py", "--only", name, *option])
    return {
        **measured,
        "effort": effort,
        "command": command,
        "date": f"{date:%Y-%m-%d %H:%M} UTC",
        "seconds": time.perf_counter() - started,
        "machine": alone(machine),
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog=f"questions: {', '.join(names())}",
    )
    parser.add_argument(
        "--only", nargs="+", choices=names(), default=[], metavar="NAME", help="questions to ask"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="seconds for each question")
    length.add_argument("--full", action="store_true", help="whole trainings, largest sizes")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where to write (default: docs)"
    )
    parser.add_argument(
        "--merge",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="measure nothing, take the answers of another machine's benchmarks.json",
    )
    parser.add_argument(
        "--draw", action="store_true", help="measure nothing, write table and pictures again"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
