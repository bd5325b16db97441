"""What lnbench refuses, and how it says so.

Every refusal is a subclass of :class:`LnbenchError`. Its message is one sentence: what is wrong, the offending
value, and what to do. The command line prints that sentence and exits with a code that is not 0; it never shows a
traceback for one of these.
"""

#: Of a sentence so many characters are shown at its beginning and at its end: it quotes what a file of others says.
_BEGINNING, _END = 1_500, 400


class LnbenchError(Exception):
    """Base of all refusals; ``str(error)`` is the sentence that the user reads.

    It is one line of bounded length without anything that acts on a terminal, whatever it quotes.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if not text.isprintable():
            text = "".join(map(_shown, text))
        return text if len(text) <= _BEGINNING + _END else f"{text[:_BEGINNING]} ... {text[-_END:]}"


def _shown(char: str) -> str:
    """A line break as a blank, and any other character that is not to be seen by its number."""
    if char in "\t\n\r":
        return " "
    return char if char.isprintable() else char.encode("unicode_escape").decode()


class NeuronFileError(LnbenchError):
    """A neuron-set file is missing, truncated, unsafe to read or not a neuron-set file."""


class NeuronSetError(LnbenchError):
    """The rows or the header of a neuron set contradict each other."""


class ModelMismatchError(LnbenchError):
    """A neuron set does not fit the model (layers, site widths, index range)."""


class UnsupportedArchitectureError(LnbenchError):
    """lnbench does not know where this architecture keeps its neurons."""


class SpecError(LnbenchError):
    """An ablation or steering spec names something unknown or impossible."""


class UnknownLanguageError(LnbenchError):
    """A language that is unknown, or that the neuron set at hand does not hold."""


class EngineError(LnbenchError):
    """An engine cannot carry out a plan on this model."""


class ModelArgumentError(LnbenchError):
    """A model argument is missing, unknown or contradicts another."""


class CacheError(LnbenchError):
    """A response cache that could serve one condition the answers of another."""


class DeltaError(LnbenchError):
    """A delta file is missing or damaged, or was made from other weights than the model has."""


class TaskError(LnbenchError):
    """A task definition is broken or missing."""


class DataError(LnbenchError):
    """Task data or a corpus is missing or malformed."""


class StudyError(LnbenchError):
    """A study file cannot be read or asks for something impossible, or its store holds another study."""


class OutputError(LnbenchError):
    """A result cannot be written where it was asked for."""


class ClusterError(LnbenchError):
    """A Ray cluster is missing, has no room, or loses its workers."""
