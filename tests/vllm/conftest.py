"""Tests of real engines: `make test-vllm` builds an environment for them; without vLLM there are none."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

# Before vLLM is imported: CPU builds take this much memory (GiB) for keys and values, and nobody is told of the run.
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")

collect_ignore_glob = [] if find_spec("vllm") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    """An engine is a process of its own, which this one talks to."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of kept exports, of these tests only."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["LNBENCH_CACHE"] = str(folder)
    return folder
