"""Measure every question under benchmarks/questions/ and write JSON, table and pictures.

    python benchmarks/suite.py                      minutes for each question
    python benchmarks/suite.py --only evaluation    one of them; the others stay as they are
    python benchmarks/suite.py --quick              seconds for each: to see that they run
    python benchmarks/suite.py --full               whole trainings and the largest sizes as well
    python benchmarks/suite.py --draw [FILE ...]    measure nothing, write the table again

Writes benchmarks.json, benchmarks.md and benchmarks/*.svg into docs/; a quick look, which is no
measurement, goes to artifacts/benchmarks/. Nothing is written before all is measured: a run that is
interrupted leaves the old files. Each question has a process of its own.
"""

import argparse
import shlex
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import document
from harness.machine import load
from harness.measure import alone
from harness.question import answer, names

from grounding._errors import UserError

REPOSITORY = Path(__file__).parents[1]


def main(argv: list[str] | None = None) -> int:
    """Measure, write, and say what could not be measured."""
    arguments = parser().parse_args(argv)
    effort = "quick" if arguments.quick else "full" if arguments.full else "standard"
    place = REPOSITORY / ("artifacts/benchmarks" if arguments.quick else "docs")
    folder = arguments.output or place
    chosen = [] if arguments.draw is not None else arguments.only or names()
    busy = load()  # before this run adds to it
    failed = []
    try:
        # Answers of questions that are not asked, or cannot be answered, stay.
        answers = document.read(folder / document.DOCUMENT)
        for file in arguments.draw or []:
            answers |= document.read(file)
        for number, name in enumerate(chosen, start=1):
            print(f"[{number}/{len(chosen)}] {name}", flush=True)
            try:
                answers[name] = asked(name, effort) | {"load": busy}
            except Exception:
                failed.append(name)
                traceback.print_exc()
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
    """One answer, and when and how it was measured."""
    date, started = datetime.now(UTC), time.perf_counter()
    measured = alone(answer, name, effort)
    option = [] if effort == "standard" else [f"--{effort}"]
    return {
        **measured,
        "command": shlex.join(["python", "benchmarks/suite.py", "--only", name, *option]),
        "date": f"{date:%Y-%m-%d %H:%M} UTC",
        "seconds": time.perf_counter() - started,
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
        "--draw",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="measure nothing, write table and pictures again, "
        "with the answers in these benchmarks.json of other machines",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
