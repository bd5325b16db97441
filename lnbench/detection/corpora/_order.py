"""In which order a corpus is read."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from lnbench.detection.corpora._corpus import Corpus

ORDERS = ("sequential", "shuffled")
#: The shuffle buffer holds at most so many documents, and stops growing at so many characters.
BUFFER_DOCUMENTS = 10_000
BUFFER_CHARACTERS = 64_000_000


def ordered(corpus: Corpus, order: str, seed: int) -> Iterator[str]:
    """The documents of a corpus as they come, or shuffled through a buffer.

    Shuffled, each document given out is drawn at random from a buffer that the source keeps filled. So text mixes over
    a window of :data:`BUFFER_DOCUMENTS` documents, not over a whole large file: shuffle a file that is sorted by
    topic beforehand. The draw depends on seed and language alone and is the same on every machine.
    """
    if order == "sequential":
        return corpus.documents()
    return _shuffled(corpus.documents(), Random(f"{seed}:{corpus.language}"))  # noqa: S311 (no secret)


def _shuffled(texts: Iterator[str], random: Random) -> Iterator[str]:
    buffer: list[str] = []
    characters = 0
    for text in texts:
        if len(buffer) < BUFFER_DOCUMENTS and characters < BUFFER_CHARACTERS:
            buffer.append(text)
            characters += len(text)
            continue
        at = int(random.random() * len(buffer))
        drawn, buffer[at] = buffer[at], text
        characters += len(text) - len(drawn)
        yield drawn
    while buffer:
        at = int(random.random() * len(buffer))
        buffer[at], buffer[-1] = buffer[-1], buffer[at]
        yield buffer.pop()
