"""``lnbench neurons``: look at neuron-set files, and make others of them; a module ``_neurons_*.py`` per command."""

from __future__ import annotations

import typer

from lnbench.cli._neurons_combine import app as combine
from lnbench.cli._neurons_convert import convert
from lnbench.cli._neurons_diff import diff
from lnbench.cli._neurons_push import push
from lnbench.cli._neurons_random import random
from lnbench.cli._neurons_show import show
from lnbench.cli._neurons_stats import stats

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def neurons() -> None:
    """Look at neuron-set files, and make others of them."""


#: In the order of the help page: what is asked for first.
for _command in (show, convert, diff, random, stats, push):
    app.command()(_command)
app.add_typer(combine, name="combine")
