"""Joining a Ray cluster: a wrong address is refused within seconds. Work on one: tests/studies/test_ray.py."""

from __future__ import annotations

import signal
import socket

import pytest

from lnbench._cluster import Pool, connect
from lnbench._cluster._join import of_ray, sentence, travelling
from lnbench.errors import ClusterError, DataError

ray = pytest.importorskip("ray", reason="Ray is not installed")


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("10.0.0.9:6379", ("10.0.0.9", 6379)),
        ("ray://head.cluster:10001", ("head.cluster", 10001)),
        ("[fd00::9]:6379", ("fd00::9", 6379)),
    ],
    ids=["plain", "client", "ipv6"],
)
def test_an_address_where_nobody_listens_is_refused_before_ray_waits(monkeypatch, address, where):
    asked = []

    def refuse(place, timeout):
        asked.append((place, timeout))
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was asked"))
    with pytest.raises(ClusterError, match=r"cannot be joined \(.*Connection refused\); check --address"):
        connect(address)
    assert asked == [(where, 5.0)]


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_one_sentence(monkeypatch, address):
    def real(place, timeout):
        raise OverflowError("getsockaddrarg: port must be 0-65535")

    monkeypatch.setattr(socket, "create_connection", real)
    with (
        pytest.raises(ClusterError, match=f"the Ray cluster '{address}' cannot be joined"),
        Pool(None, address=address),
    ):
        pass
    assert not ray.is_initialized()


def test_joining_keeps_what_the_command_does_on_sigterm(monkeypatch):
    def own(*_):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, own)
    monkeypatch.setattr(ray, "init", lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    try:
        assert connect() and signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_refusals_travel_as_they_are_and_what_cannot_is_named():
    refusal = DataError("no text")
    assert travelling(refusal) is refusal

    class Odd(Exception):
        def __init__(self, first, second):
            super().__init__(first)

    found = travelling(Odd("this\nand that", 2))
    assert isinstance(found, ClusterError) and "failed (Odd: this); see" in str(found) and "\n" not in str(found)


def test_the_line_of_an_error_that_says_why():
    assert sentence(ValueError("first.\nsecond")) == "first"
    assert sentence(ValueError()) == "ValueError"
    born = "The actor died because of an error raised in its creation task, A.__init__()\n  File x\nKeyError: 'y'"
    assert sentence(RuntimeError(born)) == "KeyError: 'y'"


BY_RAY = """\x1b[36mray::_Actor.call()\x1b[39m (pid=30097, repr=<lnbench._cluster._pool._Actor at 0x7f>)
  File "python/ray/includes/common.pxi", line 89, in ray._raylet.check_status
OSError: Broken pipe"""
BY_THE_TASK = """\x1b[36mray::_Actor.call()\x1b[39m (pid=30097, repr=<lnbench._cluster._pool._Actor at 0x7f>)
  File "/x/lnbench/_cluster/_pool.py", line 284, in call
    raise travelling(error) from error
OSError: Broken pipe"""


@pytest.mark.parametrize(
    ("told", "error", "lost"),
    [
        (BY_RAY, OSError("Broken pipe"), True),
        (BY_THE_TASK, OSError("Broken pipe"), False),
        (BY_RAY, DataError("x"), False),
    ],
)
def test_a_killed_workers_broken_line_is_no_error_of_its_task(told, error, lost):
    exceptions = pytest.importorskip("ray.exceptions")
    assert of_ray(exceptions.RayTaskError("_Actor.call", told, error, ip="127.0.0.1")) is lost
