"""``lnbench detect corpus``: what text detection would read, and how much of each vocabulary that covers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lnbench._near import hint
from lnbench.cli import _detect_options as options
from lnbench.cli._outputs import check_outputs, write_json
from lnbench.errors import SpecError

#: As lnbench.reporting has them, known here before it is loaded.
_FORMATS = ("terminal", "markdown", "csv", "json", "latex")


def corpus(
    model: options.Model,
    corpus: options.Corpora,
    words: Annotated[list[str] | None, typer.Option(help="LANG=FILE: a word list, a word a line.")] = None,
    tokens: options.Tokens = None,
    documents: options.DocumentCount = None,
    document: options.Document = "line",
    field: options.Field = "text",
    max_length: options.MaxLength = 512,
    order: options.Order = "sequential",
    seed: options.Seed = 0,
    unequal: options.Unequal = False,
    revision: options.Revision = None,
    form: Annotated[str, typer.Option("--format", help=", ".join(_FORMATS))] = "terminal",
    json: Annotated[Path | None, typer.Option(help="Write every number to this JSON file.")] = None,
) -> None:
    """Print documents, tokens, distinct words and the share of the vocabulary that each corpus covers.

    Loads the tokenizer alone. The text is what `lnbench detect` reads with the same options, after every cut.
    """
    _check_format(form)
    check_outputs(json, None)
    text = options.Text(corpus, document, field, tokens, documents, max_length, order, seed, unequal)
    labels = [each.language for each in text.parsed()]
    listed = dict(_named(one, labels) for one in words or [])
    from lnbench.analysis.counts import render_corpus
    from lnbench.detection import coverage_of, read_words
    from lnbench.models import load_tokenizer

    lists = {label: read_words(path) for label, path in listed.items()}
    tokenizer = load_tokenizer(model, revision=revision)
    read = text.read(tokenizer, covered=False)
    with options.bar("counting", sum(read.tokens.values())) as advance:
        found = coverage_of(tokenizer, read, lists, done=lambda language, new: advance(language, new, False))
    rows = {row.language: row.as_json() for row in found}
    print(render_corpus(rows, form), end="")
    if json is not None:
        write_json(rows, json)


def _check_format(form: str) -> None:
    if form not in _FORMATS:
        raise SpecError(f"--format {form!r} is unknown; {hint(form, _FORMATS)}choose one of {', '.join(_FORMATS)}")


def _named(text: str, labels: list[str]) -> tuple[str, Path]:
    """Label and file of ``LANG=FILE``.

    Raises:
        SpecError: there is no ``=``, or no corpus of the language.
    """
    label, equals, file = text.partition("=")
    if not equals or not file:
        raise SpecError(f"the word list {text!r} names no language and file; write LANG=FILE, as in zh=words.txt")
    if label not in labels:
        raise SpecError(f"the word list {text!r} is of a language without --corpus; there are {', '.join(labels)}")
    return label, Path(file)
