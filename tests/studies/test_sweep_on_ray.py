"""A sweep on a Ray cluster of two nodes, one of which dies, beside the same on one machine."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY, image_set, own_config

import grounding
from grounding.cli import main

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'grounding[ray]'")
pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]

AXIS = "--grid=training.learning_rate=0.003,0.01,0.03"


@pytest.fixture
def cluster(in_folder, tmp_path_factory, monkeypatch):
    """Two nodes of one processor each, on this machine, in a folder with images and a config."""
    from ray.cluster_utils import Cluster

    image_set(Path("images"), train=1000)
    own_config(more="output: {save_every_n_epochs: 1}\n")
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # Ray writes a token there
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), *sys.path]))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def result(name):
    """What a sweep came to: values, and all weights."""
    rows = grounding.Sweep(name).rows()
    assert [row["state"] for row in rows] == ["done"] * 6
    kept = ("training.learning_rate", "seed", "val_loss", "epochs")
    weights = [
        torch.load(f"artifacts/{row['run']}_final.pt", weights_only=True)["state_dict"]
        for row in rows
    ]
    return [[row[key] for key in kept] for row in rows], weights


def epochs():
    every = Path("artifacts").glob("there_*_metrics.jsonl")
    return [len(path.read_bytes().splitlines()) for path in every]


def test_a_node_dies_and_the_sweep_has_the_bits_of_a_local_one(cluster):
    other = cluster.add_node(num_cpus=1)
    asked = ["--config", "own.yaml", AXIS, "--seeds=0,1", "--set", "training.epochs=24"]
    killed = []

    def kill():
        while sum(2 < count < 20 for count in epochs()) < 2:  # one on each node
            time.sleep(0.05)
        killed.append(epochs())
        cluster.remove_node(other, allow_graceful=False)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    address = f"--address={cluster.address}"
    assert main("sweep", ["there", *asked, "--engine=ray", address, "--threads=1"]) == 0
    thread.join(timeout=10)
    assert killed
    assert main("sweep", ["here", *asked, "--workers=2", "--threads=1"]) == 0
    values, weights = result("there")
    expected, alike = result("here")
    assert values == expected
    for first, second in zip(weights, alike, strict=True):
        assert all(torch.equal(first[key], second[key]) for key in first.keys() | second.keys())
    # Nothing was begun anew: each training is the first of its name.
    for path in Path("artifacts").glob("there_*_seed*.run.json"):
        finals = [a for a in json.loads(path.read_text())["artifacts"].values()
                  if a["kind"] == "checkpoint"]  # fmt: skip
        assert [one["made_from"]["training"][:6] for one in finals] == ["000001"]
    assert main("verify", ["artifacts"]) == 0


def test_ctrl_c_leaves_a_sweep_that_the_same_command_goes_on_with(cluster):
    asked = ["c", "--config", "own.yaml", AXIS, "--seeds=0,1", "--set", "training.epochs=12"]
    asked += ["--engine=ray", f"--address={cluster.address}", "--threads=1"]
    begun = subprocess.Popen([sys.executable, "-m", "grounding", "sweep", *asked])
    while not list(Path("artifacts").glob("c_*_final.pt")):
        assert begun.poll() is None
        time.sleep(0.05)
    begun.send_signal(signal.SIGINT)
    assert begun.wait(timeout=60) == 130
    time.sleep(3)  # a trial that went on would have ended by now
    trained = {path: path.stat().st_mtime_ns for path in Path("artifacts").glob("c_*_final.pt")}
    assert 1 <= len(trained) < 6
    assert main("sweep", asked) == 0
    assert [row["state"] for row in grounding.Sweep("c").rows()] == ["done"] * 6
    assert all(path.stat().st_mtime_ns == at for path, at in trained.items())


def test_what_a_node_without_shared_storage_has_made_is_brought_back(cluster, monkeypatch):
    data = Path("images").absolute()
    asked = ["--config", "own.yaml", AXIS, "--seeds=0,1", "--set", f"data.data_dir={data}"]
    asked += ["--engine=ray", f"--address={cluster.address}", "--threads=1"]
    real = "grounding.studies.sweeps.on_ray.tempfile.NamedTemporaryFile"
    monkeypatch.setattr(real, lambda **_: _Elsewhere())
    assert main("sweep", ["s", *asked]) == 0
    assert [row["state"] for row in grounding.Sweep("s").rows()] == ["done"] * 6
    assert main("verify", ["artifacts"]) == 0


class _Elsewhere:
    """A mark that no node can see."""

    name = "no/such/place"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_a_cluster_that_cannot_be_reached_or_is_too_small_is_one_line(cluster, refused):
    asked = ["s", "--config", "own.yaml", AXIS, "--engine=ray"]
    line = refused("sweep", *asked, f"--address={cluster.address}", "--threads=64")
    assert "no node has 64 processors and 0 GPUs for a trial: the cluster has 1 and 0" in line
    line = refused("sweep", *asked, "--address=127.0.0.1:1")
    assert "the Ray cluster 127.0.0.1:1 cannot be reached" in line
    assert "start one: ray start --head, and name it: --address HOST:6379" in line
