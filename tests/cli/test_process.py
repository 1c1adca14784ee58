"""How a command's process loads PyTorch and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")  # every write to it fails


def python(code, *options, stdout=subprocess.PIPE):
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


def test_the_collector_is_off_only_while_pytorch_is_imported():
    done = python("""
import gc
from grounding.cli.process import import_torch
collected = []
gc.callbacks.append(lambda phase, info: collected.append(phase))
import_torch()
import sys
assert "torch" in sys.modules
assert not collected, collected
assert gc.isenabled()
frozen = gc.get_freeze_count()
assert frozen > 50_000, frozen
import_torch()  # again: nothing happens
assert gc.get_freeze_count() == frozen
gc.collect()
assert collected
""")
    assert done.returncode == 0, done.stderr


def test_who_has_the_collector_off_keeps_it_off():
    done = python("""
import gc
from grounding.cli.process import import_torch
gc.disable()
import_torch()
assert not gc.isenabled() and gc.get_freeze_count() == 0
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("status", [0, 2, 143])
def test_a_process_that_leaves_has_done_what_it_owes(status):
    done = python(f"""
import atexit, sys
from grounding.cli.process import leave
atexit.register(lambda: print("registered"))
print("said")
print("and said", end="", file=sys.stderr)
leave({status})
print("not reached")
""")
    assert (done.returncode, done.stdout) == (status, "said\nregistered\n")
    assert done.stderr == "and said"


def test_a_thread_that_still_works_is_waited_for():
    done = python("""
import threading, time
from grounding.cli.process import leave
def work():
    time.sleep(0.3)
    print("worked")
threading.Thread(target=work).start()
leave(0)
""")
    assert (done.returncode, done.stdout) == (0, "worked\n")


def test_a_profiler_gets_to_its_end(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("from grounding.cli.process import leave\nleave(0)\n")
    command = [sys.executable, "-m", "cProfile", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "function calls" in done.stdout


@pytest.mark.skipif(not FULL.exists(), reason=f"needs {FULL}")
def test_output_that_cannot_be_flushed_is_no_success():
    code = 'from grounding.cli.process import leave\nprint("said")\nleave(0)'
    with FULL.open("w") as full:
        done = python(code, "-E", stdout=full)  # -E: buffered, whatever the environment says
    assert done.returncode == 120
