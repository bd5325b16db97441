"""``lnbench eval``: hands the whole command line on to lm-eval."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def evaluate(context: typer.Context) -> None:
    """Run lm_eval with lnbench's model and tasks registered (`lnbench eval --help` shows lm_eval's own options)."""
    from lnbench.harness import run_eval

    raise typer.Exit(run_eval(context.args))
