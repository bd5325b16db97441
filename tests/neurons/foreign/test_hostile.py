"""Files that mean harm, or are damaged: one sentence, no code run, little memory, little time."""

import json
import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import LnbenchError, NeuronFileError
from lnbench.neurons import Heads, NeuronSet, write_foreign
from tests.neurons.conftest import full_set, quick

KINDS = ("lape", "mask", "json", "csv", "plnd")


def content(kind: str, folder: Path) -> bytes:
    made = full_set().select(sites="ffn.act", languages=["zh"])
    write_foreign(made, folder / "good", kind)
    return (folder / "good").read_bytes()


def load(path: Path) -> NeuronSet | None:
    """The set, or None after a sentence."""
    try:
        return NeuronSet.load(path, ["zh"], heads=Heads(4, 2, 4))
    except LnbenchError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
        return None


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(data=st.data())
def test_a_damaged_file_gives_a_set_or_one_sentence(kind, data, tmp_path):
    damaged = bytearray(content(kind, tmp_path))
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789{}[]",:'))
    (tmp_path / "damaged").write_bytes(damaged)
    load(tmp_path / "damaged")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_off_anywhere(kind, tmp_path):
    data = content(kind, tmp_path)
    whole = load(tmp_path / "good")
    for length in {*range(0, len(data), max(1, len(data) // 40)), len(data) - 1}:
        (tmp_path / "cut").write_bytes(data[:length])
        found = load(tmp_path / "cut")
        if kind in ("lape", "mask"):
            assert found is None
        else:
            assert found is None or len(found) <= len(whole)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["layer", "neuron", "zh", "0", "1", "ffn.act", "score", "site"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@quick
@given(value=VALUES)
def test_any_json(value, tmp_path):
    (tmp_path / "a.json").write_text("[ " + json.dumps(value) + "]")
    load(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps(value) + " " * 9)
    load(tmp_path / "a.json")


@quick
@given(lines=st.lists(st.text(alphabet="{}[]():,0123456789 np.int64(set)-'\"\t", max_size=40), min_size=5, max_size=5))
def test_any_text_of_five_lines(lines, tmp_path):
    (tmp_path / "a.txt").write_text("{0: {1}}\n" + "\n".join(lines[1:]) + "\n")
    load(tmp_path / "a.txt")


@quick
@given(cells=st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=4), max_size=5))
def test_any_table(cells, tmp_path):
    text = "layer,unit,language\n" + "\n".join(",".join(row) for row in cells)
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", errors="replace")
    load(tmp_path / "a.csv")


@quick
@given(
    value=st.recursive(st.integers(-(2**63), 2**63 - 1) | st.floats(), lambda x: st.lists(x, max_size=3), max_leaves=9)
)
def test_any_lists_of_tensors(value, tmp_path):
    def tensors(each):
        return [tensors(x) for x in each] if isinstance(each, list) else torch.tensor([each])

    torch.save([tensors(value)], tmp_path / "a.pth")
    load(tmp_path / "a.pth")


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_no_code_is_run(tmp_path):
    mark = tmp_path / "ran"
    torch.save([[torch.tensor([1]), Evil(mark)]], tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps([[Evil(mark)]]))
    np.save((tmp_path / "c.npy").open("wb"), np.array([Evil(mark)], object), allow_pickle=True)
    (tmp_path / "d.txt").write_text(f"{{0: {{__import__('os').mkdir('{mark}')}}}}\n" + "{}\n" * 4)
    (tmp_path / "e.txt").write_text(f"{{__import__('os').mkdir('{mark}'): {{1}}}}\n" + "{}\n" * 4)
    for path in sorted(tmp_path.glob("?.*")):
        with pytest.raises(NeuronFileError):
            NeuronSet.load(path, ["zh"])
    assert not mark.exists()


MIB = 2**20


def torch_zip(path: Path, pickled: bytes, storages: int = 0, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a/data.pkl", pickled)
        archive.writestr("a/version", b"3\n")
        archive.writestr("a/data/0", b"\0" * storages)


def overlapping_zip(path: Path) -> None:
    """A thousand entries over the same megabyte: a zip bomb without compression."""
    torch_zip(path, pickle.dumps([], 2), MIB)
    with zipfile.ZipFile(path, "a") as archive:
        first = archive.getinfo("a/data/0")
        for number in range(1, 1000):
            twin = zipfile.ZipInfo(f"a/data/{number}")
            twin.header_offset, twin.file_size, twin.compress_size, twin.CRC = first.header_offset, MIB, MIB, first.CRC
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
            archive._didModify = True


def one_tensor_many_times(path: Path) -> None:
    layer = torch.arange(100_000)
    torch.save([[layer] * 1000] * 1000, path)


def npy_of_a_terabyte(path: Path) -> None:
    with path.open("wb") as file:
        header = {"descr": "|b1", "fortran_order": False, "shape": (10, 1000, 10**8)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(b"\1" * 100)


def full_mask(path: Path) -> None:
    np.save(path.open("wb"), np.ones((10, 1000, 2000), bool))


#: name -> what writes the file. Each is refused, within seconds and 900 MiB (torch alone takes some 250).
BOMBS = {
    "zip bomb": lambda p: torch_zip(p, b"\x80\x02]" + b"0" * (60 * MIB), 0, zipfile.ZIP_DEFLATED),
    "packed storage": lambda p: torch_zip(p, pickle.dumps([], 2), 60 * MIB, zipfile.ZIP_DEFLATED),
    "overlapping zip": overlapping_zip,
    "endless pickle": lambda p: torch_zip(p, b"\x80\x02]" + b"]0" * (7 * MIB) + b"."),
    "bytearray in a pickle": lambda p: torch_zip(p, b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R."),
    "one tensor many times": one_tensor_many_times,
    "npy of a terabyte": npy_of_a_terabyte,
    "full mask": full_mask,
    "deep json": lambda p: p.write_text("[" * 10 * MIB),
    "deep json object": lambda p: p.write_text('{"a":' * MIB),
    "json of empty lists": lambda p: p.write_text("[" + "[]," * MIB + "[1.5]]"),
    "long json": lambda p: p.write_text("[" + "1," * 17 * MIB + "1]"),
    "many digits": lambda p: p.write_text('[{"layer": 0, "neuron": ' + "9" * 10 * MIB + "}]"),
    "deep plnd": lambda p: p.write_text("{0: " + "{" * 10 * MIB + "}\n" + "{}\n" * 4),
    "blank plnd": lambda p: p.write_text("{0: {1}" + " " * 10 * MIB + "\n" + "{}\n" * 4),
    "plnd of colons": lambda p: p.write_text("{0" + ":" * 10 * MIB + "}\n" + "{}\n" * 4),
    "plnd of one layer": lambda p: p.write_text("{0: {" + "1," * 5 * MIB + "}}\n" + "{}\n" * 4),
    "plnd of minus signs": lambda p: p.write_text("{0: {" + "-" * 3 * MIB + "1}}\n" + "{}\n" * 4),
    "csv of commas": lambda p: p.write_text("layer,unit\n" + "," * 10 * MIB),
    "csv of one cell": lambda p: p.write_text('layer,unit\n"' + "x" * 10 * MIB + '",1\n'),
    "csv of names": lambda p: p.write_text("layer,unit" + ",a" * MIB + "\n1,2\n"),
    "csv of labels": lambda p: p.write_text("layer,unit,lang\n" + "".join(f"0,1,l{i}\n" for i in range(9999))),
    "safetensors of a long header": lambda p: p.write_bytes((15 * MIB).to_bytes(8, "little") + b"{" + b"[" * 15 * MIB),
}  # fmt: skip

READ = """
import sys, time
from pathlib import Path
from lnbench.errors import LnbenchError
from lnbench.neurons import NeuronSet
started = time.process_time()
for path in sys.argv[1:]:
    try:
        NeuronSet.load(path, ["zh"])
        print("read", path)
    except LnbenchError as error:
        print(len(str(error)), str(error).count(chr(10)))
status = Path("/proc/self/status").read_text()  # rusage would count the parent's memory too
print("peak", int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) // 1024)
print("seconds", time.process_time() - started)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_little_memory_and_time(name, tmp_path):
    """Each in a process of its own, as an earlier one's garbage would count in its peak."""
    path = tmp_path / name.replace(" ", "-")
    BOMBS[name](path)
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    sentence, peak, seconds = done.stdout.splitlines()
    assert not sentence.startswith("read")
    length, newlines = map(int, sentence.split())
    assert length < 1000 and newlines == 0
    assert int(peak.split()[1]) < 900, peak
    assert float(seconds.split()[1]) < 30, seconds


def test_time_grows_with_the_length_and_not_with_its_square(tmp_path):
    """Four times the text takes about four times as long; sixteen would be its square."""
    times = []
    for length in (30_000, 120_000):
        (tmp_path / "a.txt").write_text("{0: {" + ", ".join(map(str, range(length))) + "}}\n" + "{}\n" * 4)
        started = time.process_time()
        assert len(NeuronSet.load(tmp_path / "a.txt", ["zh"])) == length
        times.append(time.process_time() - started)
    assert times[1] < 12 * times[0]


def test_a_large_file_is_refused_unread(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.write(b"[")
        file.truncate(40 * MIB)  # a hole: no bytes on the disk
    with pytest.raises(NeuronFileError, match="text is read up to 33554432"):
        NeuronSet.load(tmp_path / "a.json", ["zh"])
