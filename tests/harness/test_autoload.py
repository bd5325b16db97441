"""The start-up hook by itself: what it costs, what it waits for, and that no error of its own gets out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOOK = (ROOT / "lnbench_autoload.pth").read_text().strip()

FAKE = {  # stands for lm-eval: only the names that the hook waits for, and what it touches in them
    "lm_eval/__init__.py": "",
    "lm_eval/api/__init__.py": "",
    "lm_eval/api/registry.py": (
        "class Registry(dict):\n    def register(self, name, target):\n        self[name] = target\n"
        "model_registry = Registry()\n"
    ),
    "lm_eval/models/__init__.py": "import lm_eval.api.registry\nDONE = True\n",
}


def python(code: str, *folders: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = ":".join(map(str, (*folders, ROOT)))
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {path.split(':')!r}\n{code}"],
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def fake_lm_eval(tmp_path: Path) -> Path:
    for name, text in FAKE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_start_up_imports_nothing():
    found = python(f"import site\nbefore = set(sys.modules)\n{HOOK}\nprint(sorted(set(sys.modules) - before))")
    assert found.stdout.strip() == "[]", found.stderr


def test_files_for_start_up_call_the_same_function():
    assert HOOK.startswith("import sys; ")  # site runs no other lines
    assert '__import__("_lnbench_autoload").install() if name == "lm_eval"' in HOOK
    assert "\n" not in HOOK
    assert (ROOT / "lnbench_autoload.start").read_text().strip() == "_lnbench_autoload:install"


def test_waits_for_execution_and_runs_once(fake_lm_eval: Path):
    code = (
        f"{HOOK}\n{HOOK}\n"
        "import importlib, types\n"
        "told = []\n"
        "sys.modules['lnbench'] = types.ModuleType('lnbench')\n"
        "fake = sys.modules['lnbench.harness'] = types.ModuleType('lnbench.harness')\n"
        "fake.imported = lambda name, module: told.append((name, module.DONE))\n"
        "import lm_eval.models, lm_eval.api.registry\n"
        "loader = lm_eval.models.__loader__\n"
        "print(told, type(loader).__name__, 'exec_module' in vars(loader))\n"
        "print(sum(type(f).__name__ == 'Finder' for f in sys.meta_path))"
    )
    found = python(code, fake_lm_eval)
    assert found.stdout.splitlines() == ["[('lm_eval.models', True)] SourceFileLoader False", "1"], found.stderr


def test_a_spec_that_is_looked_at_and_an_import_that_fails_do_not_use_the_hook_up(fake_lm_eval: Path):
    (fake_lm_eval / "lm_eval/models/__init__.py").write_text("import os\nassert 'READY' in os.environ\nDONE = True\n")
    code = (
        f"{HOOK}\n"
        "import importlib.util, os, types\n"
        "told = []\n"
        "sys.modules['lnbench'] = types.ModuleType('lnbench')\n"
        "fake = sys.modules['lnbench.harness'] = types.ModuleType('lnbench.harness')\n"
        "fake.imported = lambda name, module: told.append((name, module.DONE))\n"
        "assert importlib.util.find_spec('lm_eval.models')\n"
        "try:\n    import lm_eval.models\nexcept AssertionError:\n    os.environ['READY'] = '1'\n"
        "import lm_eval.models\n"
        "print(told)"
    )
    assert python(code, fake_lm_eval).stdout.strip() == "[('lm_eval.models', True)]"


def test_off_switch(fake_lm_eval: Path):
    code = f"{HOOK}\nimport lm_eval\nprint([type(f).__name__ for f in sys.meta_path if type(f).__name__ == 'Finder'])"
    assert python(code, fake_lm_eval, LNBENCH_AUTOLOAD="0").stdout.strip() == "[]"
    assert python(code, fake_lm_eval).stdout.strip() == "['Finder']"


def test_own_errors_are_logged_and_swallowed(fake_lm_eval: Path):
    code = f"{HOOK}\nsys.modules['lnbench'] = None\nimport lm_eval.models\nprint(lm_eval.models.DONE)"
    found = python(code, fake_lm_eval)
    assert (found.returncode, found.stdout.strip()) == (0, "True")
    assert "lnbench could not add itself to lm_eval.models" in found.stderr


def test_another_finder_that_asks_back(fake_lm_eval: Path):
    """Two hooks that each ask `importlib.util.find_spec` must not call each other for ever."""
    code = (
        f"{HOOK}\n"
        "import importlib.util\n"
        "class Asking:\n"
        "    busy = False\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if self.busy or not name.startswith('lm_eval.models'): return None\n"
        "        self.busy = True\n"
        "        try: return importlib.util.find_spec(name)\n"
        "        finally: self.busy = False\n"
        "sys.meta_path.insert(0, Asking()); sys.meta_path.insert(2, Asking())\n"
        "import lm_eval.models\nprint(lm_eval.models.DONE)"
    )
    assert python(code, fake_lm_eval).stdout.strip() == "True"


def test_missing_lm_eval_stays_missing():
    found = python(f"{HOOK}\ntry:\n    import lm_eval.models\nexcept ImportError as error:\n    print(error.name)")
    assert found.stdout.strip() == "lm_eval"


def test_silent_when_lm_eval_reads_entry_points(fake_lm_eval: Path):
    """The next release of lm-eval has `load_plugins`; then the entry point is the only registration."""
    registry = fake_lm_eval / "lm_eval/api/registry.py"
    show = (
        "import lm_eval.api.registry as r, lnbench.harness._plugin as p\np.add_model()\nprint(dict(r.model_registry))"
    )
    site = Path(__import__("yaml").__file__).parents[1]
    assert python(show, fake_lm_eval, site).stdout.strip() == (
        "{'lnbench': 'lnbench.harness.lm:LnbenchLM', 'lnbench-vllm': 'lnbench.harness.vllm.lm:LnbenchVLLM'}"
    )
    registry.write_text(registry.read_text() + "def load_plugins(group, registry): ...\n")
    assert python(show, fake_lm_eval, site).stdout.strip() == "{}"
