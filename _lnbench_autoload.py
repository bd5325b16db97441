"""Lets the stock ``lm_eval`` command see lnbench: waits for lm-eval's modules, then registers model and tasks.

At start-up every process of the environment runs the one line of ``lnbench_autoload.pth``. It imports nothing, since
the first import from disk costs a bare interpreter about 2 ms; it waits for ``import lm_eval`` and then calls
:func:`install`. (From Python 3.15 on ``lnbench_autoload.start`` calls it at once.) This file imports nothing that an
interpreter has not loaded already and never lets an error of its own reach the program. ``LNBENCH_AUTOLOAD=0`` switches
it off.
It knows which modules to wait for; what to do with them is in ``lnbench.harness``.
"""

import os
import sys

#: The modules after whose execution lnbench has something to add.
WATCHED = ("lm_eval.models", "lm_eval.tasks", "lm_eval.loggers.evaluation_tracker")


def install():
    """Put the finder in front of ``sys.meta_path``, once; nothing happens when ``LNBENCH_AUTOLOAD=0``."""
    if os.environ.get("LNBENCH_AUTOLOAD") == "0" or any(isinstance(entry, Finder) for entry in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())


class Finder:
    """Finds nothing itself: hands a watched module's spec on with a call to lnbench after its execution."""

    def __init__(self):
        self._waiting = set(WATCHED)

    def find_spec(self, name, path=None, target=None):
        """The spec that the other finders have for a watched ``name``, else None."""
        if name not in self._waiting:
            return None
        self._waiting.discard(name)  # while the others are asked, who may ask back
        try:
            return self._watched_spec(name, path, target)
        except Exception:
            _log(name)
            return None
        finally:
            # A spec may be asked for and never executed, or the import may fail and be repeated.
            self._waiting.add(name)

    def _watched_spec(self, name, path, target):
        for finder in list(sys.meta_path):
            find_spec = None if finder is self else getattr(finder, "find_spec", None)
            spec = find_spec(name, path, target) if find_spec else None
            if spec is not None:
                _call_after_execution(spec)
                return spec
        return None


def _call_after_execution(spec):
    """Have ``spec.loader`` tell lnbench once it has executed the module; the loader stays the same object."""
    loader = spec.loader
    execute = loader.exec_module

    def exec_module(module):
        del loader.exec_module
        execute(module)
        _tell(spec.name, module)

    loader.exec_module = exec_module


def _tell(name, module):
    try:
        from lnbench.harness import imported

        imported(name, module)
    except Exception:
        _log(name)


def _log(name):
    import logging

    logging.getLogger("lnbench").warning("lnbench could not add itself to %s", name, exc_info=True)
