"""Run by test_ray.py in a process of its own: a real Ray cluster of two nodes, of which one is killed at work.

Writes told.json. It runs where the network is loopback alone, so Ray binds to that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from lnbench._cluster import Pool
from lnbench.errors import ClusterError
from lnbench.studies import Progress, Store, Study, run_on_ray
from tests.alone import QUICK
from tests.studies.squares import Elsewhere, Squares


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
        lost, odd, after = pool.lost, "", {}
        try:
            pool.work(range(10), "odd", lambda item: (item,), after.__setitem__, lambda item, _: given_up.append(item))
        except ClusterError as error:
            odd = str(error)
        after.clear()
        pool.work([7, 8], "square", lambda item: (item,), after.__setitem__, lambda item, _: given_up.append(item))
    left = [actor["State"] for actor in ray._private.state.actors().values() if actor["State"] != "DEAD"]
    told = {"found": found, "given_up": given_up, "lost": lost, "refusal": refusal}
    return {**told, "odd": odd, "after": after, "left": left}


def away() -> str:
    with Pool(Elsewhere(), number=1) as pool:
        try:
            return str(pool.ask("square", 1))
        except ClusterError as error:
            return str(error)


def graphics(folder: Path) -> dict[str, object]:
    """What workers of several GPUs, of which Ray has only been told, see of them."""
    found: dict[int, str] = {}
    with Pool(Squares(str(folder)), gpus=2) as pool:
        number = pool.number
        pool.work(range(2), "devices", lambda _: (), found.__setitem__, lambda *_: None)
    with Pool(Squares(str(folder)), gpus=0) as pool:
        none = [pool.number, pool.ask("devices")]
    with Pool(Squares(str(folder))) as pool:
        one = [pool.number, pool.gpus]
    try:
        Pool(Squares(str(folder)), gpus=8).__enter__()
    except ClusterError as error:
        refusal = str(error)
    return {"number": number, "found": found, "none": none, "one": one, "refusal": refusal}


def main(folder: Path) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": QUICK})
    ray.init(cluster.address, log_to_driver=False)
    node = cluster.add_node(num_cpus=1)
    small, refusal = squares(folder), away()
    study = Study.load(folder / "study.yaml")
    killed = run_on_ray(study, Store(folder / "ray"), workers=2, progress=Killer(cluster, node))
    again = run_on_ray(study, Store(folder / "ray"), workers=1)
    cluster.add_node(num_cpus=2, num_gpus=5)
    detecting = Study.load(folder / "detecting.yaml")
    shared = run_on_ray(detecting, Store(folder / "detected"), workers=2)
    plnd = run_on_ray(Study.load(folder / "plnd.yaml"), Store(folder / "plnd"), workers=2)
    told = {"detected": vars(shared), "plnd": vars(plnd), "graphics": graphics(folder)}
    told |= {"squares": small, "away": refusal, "killed": vars(killed), "again": vars(again)}
    (folder / "told.json").write_text(json.dumps(told))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
