"""What is around a command: closed streams, a folder that is gone, names that are no text, outputs that are no file."""

import inspect
import os
import shlex
import subprocess
import sys

import pytest

from lnbench import _surroundings
from lnbench._paths import at_home, is_endless
from lnbench._write import check_writable, whole
from lnbench.errors import DataError, OutputError

LNBENCH = f"{shlex.quote(sys.executable)} -m lnbench"


def shell(command: str, folder, **variables: str) -> subprocess.CompletedProcess:
    """A command line of a shell, in a folder."""
    quick = {"PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1"}
    line = ["sh", "-c", command.replace("lnbench", LNBENCH, 1)]
    return subprocess.run(line, cwd=folder, capture_output=True, env=os.environ | quick | variables)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("command", "code"), [("lnbench --version", 0), ("lnbench cache show --nonsense", 2)])
def test_closed_streams(command, code, closed, tmp_path):
    done = shell(f"{command} {closed}", tmp_path)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"nonsense" not in done.stdout, "what belongs on stderr went to stdout"


def test_a_folder_that_is_gone(tmp_path):
    (tmp_path / "gone").mkdir()
    done = shell("rmdir ../gone; lnbench --version", tmp_path / "gone")
    assert done.returncode == 1
    assert done.stderr.decode().strip().endswith("is gone; change to another and start again")
    assert done.stderr.count(b"\n") == 1


def test_characters_that_the_output_has_not_are_escaped(tmp_path):
    (tmp_path / "中.txt").write_text("这是一个很长的中文句子，用来测试。\n", encoding="utf-8")
    done = shell("lnbench fidelity 中.txt --expect zh", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"\\u4e2d.txt: 1 texts" in done.stdout


@pytest.mark.parametrize("name", ["a\udcff", "a\x1b[31m", "a\x07", "a\x85"])
def test_a_name_that_is_no_text_is_refused_before_any_work(name, monkeypatch):
    with pytest.raises(DataError, match="rename it"):
        _surroundings.check(["fidelity", name])
    monkeypatch.setenv("LNBENCH_DATA", name)
    with pytest.raises(DataError, match="LNBENCH_DATA"):
        _surroundings.check([])


def test_texts_of_several_lines_and_all_scripts_pass():
    _surroundings.check(["--model_args", '{"mask":\n\t"中文"}', "العربية", "-x", ""])


FOREIGN = {
    "MPLBACKEND": ("nonsense", "MPLBACKEND='nonsense' is no backend of matplotlib; unset it, or say agg"),
    "SOURCE_DATE_EPOCH": ("abc", "SOURCE_DATE_EPOCH='abc' is not a whole number; unset it, or give one"),
    "TQDM_MININTERVAL": ("abc", "TQDM_MININTERVAL='abc' is not a number; unset it, or give one"),
    "TQDM_NCOLS": ("1.5", "TQDM_NCOLS='1.5' is not a whole number; unset it, or give one"),
    "HF_HUB_DOWNLOAD_TIMEOUT": ("", "HF_HUB_DOWNLOAD_TIMEOUT='' is not a whole number; unset it, or give one"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_variable_that_a_library_could_not_read_is_one_sentence(name, tmp_path):
    value, sentence = FOREIGN[name]
    done = shell("lnbench plot counts zh_ffn.pt", tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stderr.decode() == f"error: {sentence}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [("MPLBACKEND", ""), ("MPLBACKEND", "TkAgg"), ("MPLBACKEND", "module://x.y"), ("SOURCE_DATE_EPOCH", "1700000000"),
     ("TQDM_MININTERVAL", "0.5"), ("TQDM_DISABLE", "1"), ("TQDM_BAR_FORMAT", "{bar}")],
)  # fmt: skip
def test_variables_that_libraries_read_pass(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    _surroundings.check([])


def test_every_number_that_tqdm_reads_is_known():
    from tqdm.std import tqdm

    read = inspect.signature(tqdm.__init__).parameters
    typed = {"total", "ncols", "miniters", "position", "nrows"}
    numbers = {name for name, one in read.items() if type(one.default) in (int, float)} | typed
    known = {*_surroundings._WHOLE, *_surroundings._NUMBERS}
    assert {f"TQDM_{name.upper()}" for name in numbers} == {name for name in known if name.startswith("TQDM_")}


def test_every_backend_of_matplotlib_is_known():
    backend_registry = pytest.importorskip("matplotlib.backends.registry").backend_registry  # from 3.9 on
    assert all(map(_surroundings._is_backend, backend_registry.list_all()))


@pytest.fixture(params=["pipe", "device", "circle", "link to a pipe"])
def no_file(request, tmp_path):
    path = tmp_path / "out.json"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        try:
            os.mknod(path, 0o20666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")
    elif request.param == "circle":
        path.symlink_to(path)
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    return path


def test_what_is_no_file_stays_what_it_is(no_file):
    before = os.lstat(no_file)
    for refused in (lambda: check_writable(no_file), lambda: whole(no_file).__enter__()):
        with pytest.raises(OutputError, match=r"a device or a pipe; name a file|leads in a circle"):
            refused()
    assert os.lstat(no_file) == before
    assert len(list(no_file.parent.iterdir())) <= 2


def test_a_link_to_a_file_stays_and_the_file_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    for name in ("there", "new"):
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
    (tmp_path / "far" / "there").write_text("old")
    for name in ("there", "new"):
        check_writable(tmp_path / name)
        with whole(tmp_path / name) as part:
            part.write_text("text")
        assert (tmp_path / name).is_symlink() and (tmp_path / "far" / name).read_text() == "text"
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["new", "there"]


@pytest.mark.parametrize("name", ["a" * 254, "中" * 84])
def test_names_as_long_as_a_disk_takes(name, tmp_path):
    with whole(tmp_path / name) as part:
        part.write_text("text")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_nobodys_home():
    assert str(at_home("~nosuchuser/x")) == "~nosuchuser/x"
    assert at_home("~/x").is_absolute()


def test_what_never_ends(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert is_endless(tmp_path / "pipe")
    assert not any(map(is_endless, (tmp_path, tmp_path / "nothing")))
    for command in ("study plan pipe", "check . --baseline pipe", "fidelity /dev/zero --expect zh"):
        (tmp_path / "results_x.json").write_text("{}")
        done = shell(f"lnbench {command}", tmp_path)
        assert done.returncode in (1, 2)
        assert done.stderr.startswith(b"error: ") and done.stderr.count(b"\n") == 1
