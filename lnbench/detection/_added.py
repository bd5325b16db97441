"""Statistics for a set that has none: what steering sets neurons to, and frequencies to draw controls by."""

from __future__ import annotations

from lnbench.detection._detect import with_constants
from lnbench.detection._measured import CorpusStatistics
from lnbench.neurons import NeuronSet, with_header

#: The header's parameter that holds where added statistics come from.
RECIPE = "statistics"


def with_statistics(neurons: NeuronSet, measured: CorpusStatistics) -> NeuronSet:
    """Any set with the statistics of its neurons: a converted file, a set found by PLND or AP, a random one.

    The rows, and so the content hash, stay. The header says what was measured under ``parameters["statistics"]``
    (``model``, ``revision``, ``corpus`` with its hash, ``settings``), in a line of history, and, where it knew no
    model or architecture, those that were measured.

    Args:
        neurons: the set; statistics that it has are replaced.
        measured: what :func:`~lnbench.detection.collect_sites` gives, with every site of the set.

    Raises:
        ModelMismatchError: the set was made for a model of another shape, or has neurons outside the measured one.
        SpecError: a site of the set was not measured.
    """
    neurons.check(measured.architecture)
    made = with_constants(neurons, measured.sites)
    header, known = neurons.header, neurons.header.model is not None
    recipe = {
        "model": measured.model,
        "revision": measured.revision,
        "corpus": dict(measured.corpus),
        "settings": dict(measured.settings),
    }
    header = header.replace(
        model=header.model if known else measured.model,
        revision=header.revision if known else measured.revision,
        architecture=header.architecture or measured.architecture,
        parameters={**header.to_json()["parameters"], RECIPE: recipe},
    )
    return with_header(made, header.noted(_line(measured)))


def _line(measured: CorpusStatistics) -> str:
    text = str(measured.corpus.get("sha256", "unknown text"))[:12]
    return f"statistics of {'+'.join(measured.languages)}@{text} measured on {measured.model or 'a model'}"
