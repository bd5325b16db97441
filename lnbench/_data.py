"""Where the files that come with lnbench lie: in a wheel, in an editable install or in a checkout.

``tasks/`` and ``neuron_sets/`` stand beside the package in a checkout and are put into it by the wheel.
"""

from pathlib import Path

from lnbench.errors import DataError

_PACKAGE = Path(__file__).resolve().parent

#: The name of the embedded model in neuron-set headers and as ``pretrained=``.
DEMO_MODEL = "lnbench/demo"


def packaged(name: str) -> Path:
    """The folder ``name`` (``tasks`` or ``neuron_sets``) of this installation.

    Raises:
        DataError: the installation lacks the folder.
    """
    for candidate in (_PACKAGE / "_packaged" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise DataError(
        f"this installation of lnbench lacks its folder {name!r}; "
        "reinstall it with `pip install --force-reinstall lnbench`"
    )


def demo_model_dir() -> Path:
    """The folder of the embedded model, an ordinary transformers checkpoint."""
    return packaged("neuron_sets") / "demo" / "model"
