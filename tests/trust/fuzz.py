"""Coverage-guided fuzzing of every parser: what `make fuzz` runs.

    python tests/trust/fuzz.py [--inputs N] [--seed S] [PARSER ...]

Each parser of parsers.py gets N inputs (default 20,000) in a process of its own. Atheris, which
drives libFuzzer, keeps an input if it reaches a branch of `grounding` or of the Python libraries
below it that none has reached before, and mutates those on. Prints one line a parser; exits with 1
if any exception was not caught, after printing the input, which belongs into seeds.py then.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))  # what all tests share

INSTRUMENTED = ["grounding", "yaml", "json", "zipfile", "starlette"]
LIMITS = ("-max_len=8192", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1")


def main() -> int:
    """Fuzz the parsers that were asked for, one after another."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("parsers", nargs="*", metavar="PARSER", help="names; default: all")
    options.add_argument("--inputs", type=int, default=20_000, metavar="N")
    options.add_argument("--seed", type=int, default=1, metavar="S")
    options.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.here:
        fuzz(asked.parsers[0], asked.here, asked.inputs, asked.seed)
    from parsers import NAMES

    print(f"{'parser':<16} {'inputs':>8} {'branches':>9} {'seconds':>8}  uncaught")
    names = asked.parsers or NAMES
    failed = [name for name in names if not report(name, asked.inputs, asked.seed)]
    print(f"{len(names)} parsers, {asked.inputs:,} inputs each, {len(failed)} with exceptions")
    return 1 if failed else 0


def report(name: str, inputs: int, seed: int) -> bool:
    """Fuzz one parser in a process of its own and print a line; whether all went well."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, __file__, name, "--inputs", str(inputs), "--seed", str(seed)]
        done = subprocess.run(
            [*words, "--here", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        crashes = [path.read_bytes() for path in Path(folder).glob("*-[0-9a-f]*")]
    ran = re.search(r"stat::number_of_executed_units: *(\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+) ft:", done.stderr) or ["?"]
    count, seconds = int(ran[1]) if ran else 0, time.monotonic() - started
    good = done.returncode == 0 and count >= inputs
    uncaught = 0 if good else "SOME"
    print(f"{name:<16} {count:>8,} {covered[-1]:>9} {seconds:>8.0f}  {uncaught}", flush=True)
    if not good:
        print(f"{done.stderr[-3000:]}\nthe input: {crashes}", file=sys.stderr)
    return good


def fuzz(name: str, folder: Path, inputs: int, seed: int) -> None:
    """Fuzz one parser in this process, which ends with it."""
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=INSTRUMENTED):
        from parsers import parser
    fuzzed = parser(name, folder / "work" / "files")
    words, corpus = folder / "words", folder / "corpus"
    corpus.mkdir()
    for number, start in enumerate(fuzzed.seeds):
        (corpus / str(number)).write_bytes(start)
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in fuzzed.words)
    words.write_text("".join(f'"{word}"\n' for word in quoted))
    count = f"-runs={inputs + len(fuzzed.seeds)}"
    places = (f"-dict={words}", f"-artifact_prefix={folder}/", str(corpus))
    atheris.Setup([sys.argv[0], count, f"-seed={seed}", *LIMITS, *places], fuzzed.read)
    atheris.Fuzz()


if __name__ == "__main__":
    raise SystemExit(main())
