"""Whole commands of this version beside those of an earlier checkout, in turns in one run.

    python benchmarks/side_by_side.py CHECKOUT [--only train-0,analyze] [--runs 3] [--json FILE]
        [--set training.epochs=3]

Each command runs in a fresh folder: a training in an empty one, all others beside a copy of the
outputs of experiment 4 after three epochs, which each version has made for itself. Both versions
take turns, the one that begins as well, so that a busy minute hits both; the table has medians of
seconds by the clock and of all processors, the medians of their ratios, and the highest memory.
"""

import argparse
import compileall
import json
import shutil
import tempfile
from pathlib import Path

from harness.document import table
from harness.machine import load, machine
from harness.measure import GROUNDING, Spent, alone, median_ratio, process, summed_up
from harness.question import Row

NEW, OLD = "now", "earlier"
REPOSITORY = Path(__file__).parents[1]
RUN = ["--config", "4", "--set", "training.epochs=3"]
TRAININGS = {f"train-{config}": ["train", "--config", config] for config in "014567"}
COMMANDS = {
    **TRAININGS,
    "analyze": ["analyze", *RUN],
    "manifold": ["manifold", *RUN],
    "probe": ["probe", *RUN],
    "points": ["points", *RUN],
    "export-encoder": ["export-encoder", *RUN],
    "export-decoder": ["export-decoder", *RUN],
    "export-assets": ["export-assets", *RUN],
    "verify": ["verify", "artifacts"],
    "schema": ["schema"],
    "--help": ["--help"],
    "run": ["run", *RUN],
}


def main() -> None:
    """Measure, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, help="folder of the earlier version")
    parser.add_argument("--only", metavar="NAME,...", help=f"some of: {', '.join(COMMANDS)}")
    parser.add_argument("--set", action="append", default=[], help="for trainings, as KEY=VALUE")
    parser.add_argument("--runs", type=int, default=3, help="of each command (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as well")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(COMMANDS)
    if unknown := [name for name in chosen if name not in COMMANDS]:
        parser.error(f"there is no {unknown[0]!r}; there are: {', '.join(COMMANDS)}")
    checkouts = {OLD: arguments.checkout.resolve(), NEW: REPOSITORY}
    if not (checkouts[OLD] / "grounding" / "__main__.py").is_file():
        parser.error(f"{arguments.checkout} is no checkout: it has no grounding/__main__.py")
    for checkout in checkouts.values():  # else a version that nobody has used yet looks slow
        compileall.compile_dir(checkout / "grounding", quiet=1)
    settings = [part for one in arguments.set for part in ("--set", one)]
    commands = COMMANDS | {name: [*given, *settings] for name, given in TRAININGS.items()}
    found = {"machine": alone(machine), "load before": load(), "runs": arguments.runs}
    with tempfile.TemporaryDirectory() as name:
        prepared = {way: Path(name) / way for way in checkouts}
        if not TRAININGS.keys() >= set(chosen):
            for way, folder in prepared.items():
                folder.mkdir()
                print(f"preparing: {way}", flush=True)
                in_version(checkouts[way], ["run", *RUN], folder)
        rows = []
        for command in chosen:
            rows.append(row(command, commands[command], checkouts, prepared, arguments.runs))
            head, rule, line = table(rows[-1:])
            print("\n".join([line] if len(rows) > 1 else [head, rule, line]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({**found, "rows": rows}, indent=2) + "\n")


def row(
    command: str,
    words: list[str],
    checkouts: dict[str, Path],
    prepared: dict[str, Path],
    runs: int,
) -> Row:
    """What one command takes both ways."""
    spent: dict[str, list[Spent]] = {way: [] for way in checkouts}
    for number in range(runs):
        for way in (OLD, NEW) if number % 2 == 0 else (NEW, OLD):
            with tempfile.TemporaryDirectory() as name:
                if command not in TRAININGS:
                    shutil.copytree(prepared[way], name, dirs_exist_ok=True)
                spent[way].append(in_version(checkouts[way], words, Path(name)))
    (clock, cpu, memory), (new_clock, new_cpu, new_memory) = map(summed_up, spent.values())
    times, new_times = zip(*spent[OLD], strict=True), zip(*spent[NEW], strict=True)
    ratio, cpu_ratio, _ = map(median_ratio, times, new_times)
    return {
        "command": command,
        "earlier, s": clock,
        "now, s": new_clock,
        "times as fast": ratio,
        "earlier, processor s": cpu,
        "now, processor s": new_cpu,
        "ratio of these": cpu_ratio,
        "earlier, MB": memory,
        "now, MB": new_memory,
    }


def in_version(checkout: Path, arguments: list[str], folder: Path) -> Spent:
    """Run a command of one version in a folder."""
    return process([*GROUNDING, *arguments], folder, {"PYTHONPATH": str(checkout)})


if __name__ == "__main__":
    main()
