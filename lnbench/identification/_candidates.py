"""Between which languages identification decides, unless told otherwise.

An identifier that may answer with any of 140 languages calls many a short French sentence Extremaduran. The default is
what a model under test can be expected to write: the languages of the benchmarks, and those that models drift into.
"""

#: The languages of MGSM, XQuAD, X-CSQA, XL-Sum and the Language Confusion Benchmark, as bare codes.
BENCHMARK: tuple[str, ...] = (
    *("am", "ar", "az", "bn", "cy", "de", "el", "en", "es", "fa", "fr", "gd", "gu", "ha", "hi", "id", "ig", "it"),
    *("ja", "ko", "ky", "mr", "my", "ne", "nl", "om", "pa", "pcm", "pl", "ps", "pt", "rn", "ro", "ru", "rw", "si"),
    *("so", "sr", "sw", "ta", "te", "th", "ti", "tr", "uk", "ur", "uz", "vi", "yo", "zh"),
)

#: Large languages outside the benchmarks in which a multilingual model may answer all the same.
DRIFT: tuple[str, ...] = ("bg", "ca", "cs", "da", "fi", "he", "hu", "no", "sv", "tl")

DEFAULT_CANDIDATES: tuple[str, ...] = tuple(sorted({*BENCHMARK, *DRIFT}))
