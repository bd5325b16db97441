"""Run by test_on_ray.py in a process of its own: detection on a real Ray cluster, of which a node is killed at work.

Writes told.json. It runs where the network is loopback alone, so Ray binds to that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ray
import torch
from ray.cluster_utils import Cluster

from lnbench.detection import (
    RayRunner,
    ShardStore,
    collect_impacts,
    collect_responses,
    collect_sites,
    impacts_key,
    responses_key,
)
from tests.alone import QUICK
from tests.detection import small_pass


class Killer:
    """Kills a node when the second shard has come in."""

    def __init__(self, cluster: Cluster, node: object) -> None:
        self.cluster, self.node, self.told = cluster, node, []

    def __call__(self, language: str, tokens: int, resumed: bool) -> None:
        self.told.append((language, tokens, resumed))
        if len(self.told) == 2:
            self.cluster.remove_node(self.node, allow_graceful=False)


class Stop(Exception):
    """What interrupts a pass."""


def stop(language: str, tokens: int, resumed: bool) -> None:
    raise Stop


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": QUICK})
    ray.init(cluster.address, log_to_driver=False)
    killer = Killer(cluster, cluster.add_node(num_cpus=1))
    small_pass.small_shards()
    documents, again = small_pass.documents(folder), []
    with RayRunner("lnbench/demo", device="cpu", workers=2) as runner:
        model, pool = runner.model, runner.pool
        pool.work(range(2), "open", lambda _: (), lambda *_: None, lambda *_: None)
        ray.wait(list(pool._calls), timeout=120)  # both are at work before one dies
        collect_sites(model, documents, sample=50, runner=runner, done=killer).save(folder / "ray.safetensors")
        store = ShardStore(folder / "ap", responses_key(model, documents, ["ffn.act"]))
        try:
            collect_responses(model, documents, store, runner=runner, done=stop)
        except Stop:
            kept = len(list((folder / "ap").glob("*.shard")))
        collect_responses(model, documents, store, runner=runner, done=lambda *one: again.append(one))
        key = impacts_key(model, documents, small_pass.SETTINGS)
        collect_impacts(model, documents, ShardStore(folder / "plnd", key), runner=runner)
        lost = pool.lost
    left = [actor["State"] for actor in ray._private.state.actors().values() if actor["State"] != "DEAD"]
    told = {"told": killer.told, "lost": lost, "kept": kept, "again": again, "left": left}
    (folder / "told.json").write_text(json.dumps(told))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
