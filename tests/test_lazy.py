"""Names that are loaded on first use are listed before it."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import lnbench

ROOMS = ["lnbench", *(found.name for found in pkgutil.walk_packages(lnbench.__path__, "lnbench.") if found.ispkg)]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_lists_all_that_it_offers(name):
    room = importlib.import_module(name)
    assert set(getattr(room, "__all__", ())) <= set(dir(room))


def test_listing_loads_nothing():
    listed = "{'NeuronSet', 'ablate', 'models'} <= {*dir(lnbench)}"
    code = f"import sys, lnbench; listed = {listed}; print('torch' in sys.modules, listed)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_every_room_below_the_package_is_listed():
    public = {name.split(".")[1] for name in ROOMS if name.count(".") == 1 and "._" not in name} - {"cli"}
    assert public <= set(dir(lnbench))
