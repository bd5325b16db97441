"""``lnbench eval``: hands the whole command line on to lm-eval."""

from __future__ import annotations

import typer

from lnbench.cli._frame import examples_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def evaluate(context: typer.Context) -> None:
    """Run lm_eval with lnbench's model and tasks registered (`lnbench eval --help` shows lm_eval's own options)."""
    from lnbench.harness import run_eval

    if {"-h", "--help"} & set(context.args):
        print("Run lm_eval with lnbench's model and tasks registered; the model is `lnbench` where none is named.\n")
        print(f"{str(examples_of('eval')).lstrip(chr(8)).strip()}\n\nlm_eval's own options:\n", flush=True)
    raise typer.Exit(run_eval(context.args))
