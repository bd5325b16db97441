"""What all tests share: no network, one thread for tiny models, and the folder of real data when there is one."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports them: hubs stay untouched, also in the subprocesses that tests start.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("LNBENCH_NEURON_SETS", None)

# A property that holds slowly still holds: shared machines make absolute deadlines flaky.
settings.register_profile("lnbench", deadline=None)
settings.load_profile("lnbench")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data (published files, benchmark rows), named by ``LNBENCH_TEST_DATA``."""
    folder = os.environ.get("LNBENCH_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the real data folder: set LNBENCH_TEST_DATA")
    return Path(folder)
