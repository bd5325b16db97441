"""The smallest input of everything that hostile files have brought to light: refused now, in one sentence."""

import json
from pathlib import Path

import pytest

from lnbench.errors import LnbenchError
from tests.fuzz import neuron_files, result_files, spec_files, tensor_files
from tests.fuzz.formats import of_safetensors
from tests.fuzz.guard import LONGEST_SENTENCE
from tests.fuzz.parsers import Bench, parsers
from tests.fuzz.torch_zip import saved, stored_zip


def changed(file: bytes, change, *where) -> bytes:
    """A JSON file with one value put elsewhere."""
    content = json.loads(file)
    at = content
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = change
    return json.dumps(content).encode()


def header(file: bytes, name: str, value) -> bytes:
    """A safetensors file whose header says something else of one entry."""
    form = of_safetensors(file)
    tree = form.read(file)
    tree[0][name] = value
    return form.write(tree)


def half_a_character(file: bytes) -> bytes:
    """A set whose header names an architecture that no file can name."""
    length = int.from_bytes(file[:8], "little")
    outer = json.loads(file[8 : 8 + length])
    inner = json.loads(outer["__metadata__"]["lnbench.neurons"])
    inner["architecture"]["model_type"] = "\ud800"
    outer["__metadata__"]["lnbench.neurons"] = json.dumps(inner)  # as an escape, which is all of ASCII
    made = json.dumps(outer).encode()
    return len(made).to_bytes(8, "little") + made + file[8 + length :]


def zip_that_points_before_itself() -> bytes:
    made = bytearray(stored_zip([("archive/data.pkl", b"\x80\x02]."), ("archive/version", b"3\n")]))
    at = made.rindex(b"PK\x05\x06") + 16
    made[at : at + 4] = (2**31).to_bytes(4, "little")
    return bytes(made)


def mask_of_another_model() -> bytes:
    import torch

    return saved([[torch.tensor([519]), torch.tensor([1]), torch.tensor([2])]])


def mask_with_a_long_header() -> bytes:
    said = b"{'descr': '|b1', 'fortran_order': False, 'shape': (2, 3, 16), }" + b" " * 9000 + b"?\n"
    return b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little") + said + bytes(96)


HUGE = 10**400
TASK = result_files.TASK
FINDINGS = {
    "a type that is no text": (
        "neurons .safetensors",
        lambda: header(neuron_files.ours(".safetensors")[0], "index", {"dtype": {"a": 1}, "shape": [1],
        "data_offsets": [0, 4]}),
        "input.safetensors is a damaged safetensors file",
    ),
    "a zip that points before its beginning": ("neurons .pt", zip_that_points_before_itself, "cut off or damaged"),
    "a neuron that the model lacks, of an unnamed file": ("LAPE .pth", mask_of_another_model, "input.neuron.pth"),
    "a header that numpy reads for minutes": ("mask .npy", mask_with_a_long_header, "Header info length (9065)"),
    "a header that is no dict": (
        "deltas", lambda: header(tensor_files.delta_file(), "__metadata__", 4), "input.safetensors' cannot be read",
    ),
    "an infinite shape": (
        "deltas",
        lambda: tensor_files.delta_file().replace(b'\\"shape\\": [2]', b'\\"shape\\":1e99').replace(b"[4, 3]",
        b"[1e999]"),
        "input.safetensors' cannot be read",
    ),
    "an entry that is a list": (
        "checkpoints", lambda: header(tensor_files.checkpoint_file(), "a.bias", ["F32", [2], [0, 8]]),
        "model.safetensors",
    ),
    "an index that is nested too deep": (
        "checkpoint index", lambda: b'{"weight_map": ' + b"[" * 3000 + b"]" * 3000 + b"}", "index.json cannot be read",
    ),
    "a file name that no disk takes": (
        "checkpoint index", lambda: b'{"weight_map": {"a": "' + b"x" * 300 + b'"}}', "which is no file beside it",
    ),
    "a date that is none": ("spec YAML", lambda: b"steps: [zero]\nlang: 2001-99-99\n", "not readable YAML"),
    "a seed of no control": (
        "spec YAML", lambda: b"steps: [zero]\ncontrol: none\nseed: 3\n", "has no effect without control=random",
    ),
    "a number of 5000 digits": ("spec YAML", lambda: b"steps: [zero]\ntop: " + b"9" * 5000, "not readable YAML"),
    "a number of 5000 hexadecimal digits": (
        "study YAML",
        lambda: b"name: c\nlanguages: [en]\ntasks: [demo_mc]\nlimit: 0x" + b"9" * 5000,
        "a number of over 64 bits",
    ),
    "a timestamp that only looks like one": ("study YAML", lambda: b"name: !!timestamp x\n", "not readable YAML"),
    "a boolean that is none": ("study YAML", lambda: b"name: !!bool x\n", "not readable YAML"),
    "YAML that is nested too deep": ("spec YAML", lambda: b"steps: " + b"[" * 3000 + b"]" * 3000, "nested too deep"),
    "aliases that multiply": (
        "spec YAML",
        lambda: b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (b + 1, b + 1, b",".join([b"*%c" % b] * 9)) for b in range(ord("a"), ord("k"))
        ),
        "too many entries",
    ),
    "YAML that contains itself": ("expectations YAML", lambda: b"expect: &a [*a]\n", "contains itself"),
    "more draws than there is memory": (
        "study YAML", lambda: spec_files.STUDY.replace(b"seeds: 2}", b"seeds: 2147483647}"), "more than 10000 draws",
    ),
    "a score of 400 digits": (
        "results JSON", lambda: changed(result_files.written()["original"], HUGE, "results", TASK, "fidelity,none"),
        "no score can be",
    ),
    "an infinite seed": (
        "results JSON",
        lambda: changed(result_files.written()["random"], float("inf"), "config", "lnbench", "plan", "seed"),
        "config.lnbench is damaged",
    ),
    "a damaged role of an unnamed cell": (
        "cell manifests", lambda: changed(json.dumps(result_files.manifest()).encode(), "x", "role", "spec"),
        "manifest.json",
    ),
    "a damaged role of an unnamed failure": (
        "failed cells", lambda: changed(json.dumps(result_files.FAILED).encode(), "x", "role", "spec"), "failed.json",
    ),
    "a table of another shape": ("tables JSON", lambda: changed(result_files.table_file(), "abc", "rows"),
    "is no table of lnbench"),
    "a table whose cells are text": (
        "tables JSON", lambda: changed(result_files.table_file(), {"en": "x"}, "rows", 0, "cells"),
        "is no table of lnbench",
    ),
    "a bundle without results": ("bundles", lambda: changed(result_files.bundle_file(), [], "tasks"),
    "it holds no result"),
    "a bundle of a nameless model": ("bundles", lambda: changed(result_files.bundle_file(), "", "model", "name"),
    "without a name"),
    "answers without a language": ("responses JSONL", lambda: b'{"text": "a"}\n',
    "input.jsonl, line 1: no language to expect"),
    "a head that is no CSV": ("prompts CSV", lambda: b'""2""\n', "en.csv, line 1: not CSV"),
    "half a character in a header": (
        "neurons .safetensors",
        lambda: half_a_character(neuron_files.ours(".safetensors")[0]),
        "its header is not JSON (half a character",
    ),
    "an infinite key of examples": (
        "MGSM examples JSON",
        lambda: b'{"MGSM_EXEMPLARS": {"en": [Infinity, {"q": "Question: B?", "a":"Answer: 2"}]}, '
        b'"EXEMPLAR_NUMBER_ANSWERS": [1, 2]}',
        "as published; fetch it again",
    ),
    "a set of dicts as examples": (
        "MGSM examples Python",
        lambda: b"MGSM_EXEMPLARS = {'en': { {'q': 'Q: A?', 'a': 'A: 1'}}}\n",
        "something else than published examples",
    ),
    "examples in a hundred brackets": (
        "MGSM examples Python", lambda: b"nan{" + b"(" * 300 + b"\xc4\xb0", "something else than published examples",
    ),
    "examples behind 90,000 signs": (
        "MGSM examples Python", lambda: b"-" * 90_000 + b"1\n", "something else than published examples",
    ),
    "half a character in YAML": ("spec YAML", lambda: b'steps: [zero]\nlang: "\\ud800"\n', "half a character"),
    "an amount of 5000 digits": ("corpus arguments", lambda: b"9" * 5000, "tokens cannot be"),
}  # fmt: skip
#: What was mended so that it is read.
READ = {
    "sites that are no list": (
        "study.json",
        lambda: changed(json.dumps(result_files.ABOUT).encode(), 5, "absent", 0, "sites"),
    ),
    "a card with a date that is none": ("model card", lambda: b"license: 2001-99-99\n"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    made = {}

    def of(name: str) -> Bench:
        return made.setdefault(name, made.get(name) or Bench(parsers()[name], tmp_path_factory.mktemp("fuzz-")))

    return of


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", FINDINGS, ids=lambda what: what.replace(" ", "-"))
def test_refused_in_one_sentence(what, bench):
    name, data, says = FINDINGS[what]
    at = bench(name)
    assert at.finding(data()) is None
    with pytest.raises(LnbenchError) as refusal:
        at.parser.parse(at.path)
    assert says in str(refusal.value)


@pytest.mark.parametrize("what", READ, ids=lambda what: what.replace(" ", "-"))
def test_read(what, bench):
    name, data = READ[what]
    at = bench(name)
    assert at.finding(data()) is None
    at.parser.parse(at.path)


def test_a_refusal_is_one_short_line_that_acts_on_no_terminal():
    hostile = "a\nb\r\x1b[2Jc\x1b]0;title\x07\u202edoor\u2028\x85\ud800\x00" + "x" * 9_000 + "; mend it"
    said = str(LnbenchError(hostile))
    assert said.isprintable() and len(said) <= LONGEST_SENTENCE
    assert said.startswith("a b \\x1b[2Jc\\x1b]0;title\\x07\\u202edoor") and said.endswith("; mend it")
    assert str(LnbenchError("ein Wort, 中文, العربية")) == "ein Wort, 中文, العربية"


class TestTheGuardItself:
    """A guard that sees nothing would let everything pass."""

    @staticmethod
    def found(does, tmp_path: Path):
        from tests.fuzz import guard

        guard.watch()
        (tmp_path / "input").write_bytes(b"x")
        return guard.finding(does, tmp_path / "input", "input")

    @pytest.mark.parametrize(
        ("does", "says"),
        [
            (lambda path: path.with_name("b").write_text("a"), "does open"),
            (lambda path: path.unlink(), "does os.remove"),
            (lambda path: eval("1 + 1"), "does compile"),
            (lambda path: __import__("os").system("true"), "does os.system"),
            (lambda path: __import__("subprocess").run(["true"]), "does subprocess.Popen"),
            (lambda path: __import__("pickle").loads(b"cposix\ngetpid\n)R."), "does pickle.find_class"),
            (lambda path: 1 / 0, "ZeroDivisionError at ?"),
            (lambda path: exec("raise SystemExit"), "does compile"),
        ],
        ids=["write", "remove", "eval", "system", "process", "unpickle", "error", "exec"],
    )
    def test_sees(self, does, says, tmp_path):
        assert self.found(does, tmp_path)[0] == says

    def test_sees_slow_large_and_nameless(self, tmp_path):
        def refuse(sentence):
            def does(path):
                raise LnbenchError(sentence)

            return does

        assert self.found(lambda path: sum(range(10**8)), tmp_path)[0] == "slow"
        assert "unnamed file" in self.found(refuse("this is wrong; mend it"), tmp_path)[0]
        assert "wrong length" in self.found(refuse("input"), tmp_path)[0]
        assert self.found(refuse("the file 'input' is wrong; mend it"), tmp_path) is None

    def test_lets_reading_pass(self, tmp_path):
        assert self.found(lambda path: [path.read_text(), __import__("ast").literal_eval("[1]")], tmp_path) is None
