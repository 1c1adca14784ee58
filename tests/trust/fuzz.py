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
SECONDS_AN_INPUT = 20
MEMORY_MB = 4096
LONGEST_INPUT = 8192


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

    unknown = sorted(set(asked.parsers) - set(NAMES))
    if unknown:
        options.error(f"no parser is called {unknown[0]}; there are: {', '.join(NAMES)}")
    print(f"{'parser':<16} {'inputs':>8} {'branches':>9} {'kept':>6} {'seconds':>8}  uncaught")
    failed = [name for name in asked.parsers or NAMES if not report(name, asked.inputs, asked.seed)]
    count = len(asked.parsers or NAMES)
    print(f"{count} parsers, {asked.inputs:,} inputs each, {len(failed)} with uncaught exceptions")
    return 1 if failed else 0


def report(name: str, inputs: int, seed: int) -> bool:
    """Fuzz one parser in a process of its own and print a line; whether all went well."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, name, "--here", folder]
        done = subprocess.run(
            [*command, "--inputs", str(inputs), "--seed", str(seed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        crashes = sorted(Path(folder).glob("crash-*")) + sorted(Path(folder).glob("*-[0-9a-f]*"))
        crash = crashes[0].read_bytes() if crashes else b""
    said = done.stderr
    ran = re.search(r"stat::number_of_executed_units: *(\d+)", said)
    covered = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", said)
    branches, kept = covered[-1] if covered else ("?", "?")
    good = done.returncode == 0 and ran is not None and int(ran[1]) >= inputs
    shown = f"{int(ran[1]):,}" if ran else "?"
    seconds = time.monotonic() - started
    print(
        f"{name:<16} {shown:>8} {branches:>9} {kept:>6} {seconds:>8.0f}  {0 if good else 'SOME'}",
        flush=True,
    )
    if not good:
        print(said[-3000:], file=sys.stderr)
        print(f"the input: {crash!r}", file=sys.stderr)
    return good


def fuzz(name: str, folder: Path, inputs: int, seed: int) -> None:
    """Fuzz one parser in this process, which ends with it."""
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=INSTRUMENTED):
        from parsers import parser
    work, corpus = folder / "work", folder / "corpus"
    for made in (work, corpus):
        made.mkdir()
    fuzzed = parser(name, work / "files")
    for number, start in enumerate(fuzzed.seeds):
        (corpus / str(number)).write_bytes(start)
    words = folder / "words"
    words.write_text("".join(f'"{quoted(word)}"\n' for word in fuzzed.words))
    atheris.Setup(
        [
            sys.argv[0],
            f"-runs={inputs + len(fuzzed.seeds)}",
            f"-seed={seed}",
            f"-max_len={LONGEST_INPUT}",
            f"-dict={words}",
            f"-timeout={SECONDS_AN_INPUT}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
            str(corpus),
        ],
        fuzzed.read,
    )
    atheris.Fuzz()


def quoted(word: bytes) -> str:
    """A word as libFuzzer's dictionaries write it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    raise SystemExit(main())
