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


def pytest_collection_modifyitems(items):
    """The network stays blocked for a test that has the fixture `hub_server`, but for this machine itself."""
    for item in items:
        if "hub_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@pytest.fixture
def hub_server(monkeypatch, tmp_path):
    """A hub on 127.0.0.1, and `huggingface_hub` turned to it, with an empty cache and no token.

    Subprocesses get there with ``env=os.environ | hub_server.environment(folder)``.
    """
    from huggingface_hub import constants

    from tests.hub_server import HubServer

    home = tmp_path / "hf_home"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with HubServer() as server:
        resolve = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", resolve)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        yield server


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data (published files, benchmark rows), named by ``LNBENCH_TEST_DATA``."""
    folder = os.environ.get("LNBENCH_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the real data folder: set LNBENCH_TEST_DATA")
    return Path(folder)
