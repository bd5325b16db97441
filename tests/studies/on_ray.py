"""Run by test_ray.py in a process of its own: a real Ray cluster of two nodes, of which one is killed at work.

Prints one line of JSON. It runs where the network is loopback alone, so Ray binds to that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from lnbench._cluster import Pool
from lnbench.studies import Progress, Store, Study, run_on_ray
from tests.studies.squares import Squares


class Killer(Progress):
    """Kills a node when three cells are done."""

    def __init__(self, cluster: Cluster, node: object) -> None:
        self.cluster, self.node, self.done_cells = cluster, node, 0

    def done(self, role: object, work: int) -> None:
        self.done_cells += 1
        if self.done_cells == 3:
            self.cluster.remove_node(self.node, allow_graceful=False)


def squares(folder: Path) -> dict[str, object]:
    found: dict[int, int] = {}
    given_up: list[int] = []
    with Pool(Squares(str(folder)), number=2) as pool:
        pool.work(range(8), "square", lambda item: (item,), found.__setitem__, lambda item, _: given_up.append(item))
        try:
            pool.ask("refuse")
        except ValueError as error:
            refusal = str(error)
        return {"found": found, "given_up": given_up, "lost": pool.lost, "refusal": refusal}


def main(folder: Path) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(cluster.address, log_to_driver=False)
    node = cluster.add_node(num_cpus=1)
    small = squares(folder)
    study = Study.load(folder / "study.yaml")
    killed = run_on_ray(study, Store(folder / "ray"), workers=2, progress=Killer(cluster, node))
    again = run_on_ray(study, Store(folder / "ray"), workers=1)
    print(json.dumps({"squares": small, "killed": vars(killed), "again": vars(again)}))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
