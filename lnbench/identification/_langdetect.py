"""langdetect, seeded: one detector object per text, on a factory of our own.

The library draws random numbers. Unseeded, the same text can get two answers; its global factory is left alone here,
so that neither we nor a caller change the other's results. It is weaker on short text than py3langid.
"""

from __future__ import annotations

from importlib.metadata import version

from lnbench.identification._protocol import UNDECIDED
from lnbench.languages import fold

_SEED = 0


class Langdetect:
    """55 languages; ``zh-cn`` and ``zh-tw`` are both ``zh`` here."""

    def __init__(self) -> None:
        from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
        from langdetect.lang_detect_exception import LangDetectException

        self._factory = DetectorFactory()
        self._factory.load_profile(PROFILES_DIRECTORY)
        self._factory.set_seed(_SEED)
        self._refusal = LangDetectException
        self._labels = {label: fold(label) for label in sorted(self._factory.get_lang_list())}
        self.signature = f"langdetect-{version('langdetect')}-seed{_SEED}"
        self.languages = frozenset(self._labels.values())

    def identify(self, text: str, candidates: tuple[str, ...]) -> str:
        """See :class:`lnbench.identification.Identifier`."""
        detector = self._factory.create()
        if candidates:
            detector.set_prior_map({label: 1.0 for label, code in self._labels.items() if code in candidates})
        try:
            detector.append(text)
            label = detector.detect()
        except self._refusal:  # no features: empty or numeric text
            return UNDECIDED
        return self._labels.get(label, UNDECIDED)
