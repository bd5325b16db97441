"""``lnbench export``: a model with neurons ablated or steered in its weights, as an ordinary checkpoint."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench.errors import ModelArgumentError

if TYPE_CHECKING:
    from lnbench.models import Checkpoint, Plan
    from lnbench.neurons import NeuronSet

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_Model = Annotated[
    str | None,
    typer.Option("--model", help="lnbench/demo, a folder or a name on the hub; left out: the model that MASK names."),
]
_Mask = Annotated[str, typer.Option(help="Neuron set: a path, a shipped name or hf://...; several joined by +.")]
_Out = Annotated[Path, typer.Option(help="Folder to make; it must not hold anything.")]
_Spec = Annotated[str | None, typer.Option(help="zero (if left out), scale:0.5, add:0.1, set:mean:fr, or a YAML file.")]
_Lang = Annotated[str | None, typer.Option(help="Languages whose neurons are meant, joined by +.")]
_Match = Annotated[str | None, typer.Option(help="What a random control keeps: layer-site, site or activation.")]
_Exclude = Annotated[str | None, typer.Option(help="Neurons that are also of these languages stay untouched.")]
_Languages = Annotated[
    str | None, typer.Option(help="Languages of a foreign file that names none, in its order, joined by +.")
]
_KvMap = Annotated[str | None, typer.Option(help="From query to key/value rows of a PLND file: layout or released.")]
_Link = Annotated[
    bool,
    typer.Option("--link/--copy", help="Hard links of unchanged weight files where the file system can, or copies."),
]
_Force = Annotated[bool, typer.Option("--force", help="Replace an earlier export in OUT, once the new one is whole.")]
_Push = Annotated[str | None, typer.Option("--push-to-hub", help="Upload the folder to this repository, ORG/NAME.")]


@app.command()
def export(
    mask: _Mask,
    out: _Out,
    model: _Model = None,
    spec: _Spec = None,
    lang: _Lang = None,
    sites: Annotated[str | None, typer.Option(help="Sites to edit, joined by +.")] = None,
    layers: Annotated[str | None, typer.Option(help="all, first:8, last:4, middle, 0-7+12 ...")] = None,
    exclude: _Exclude = None,
    top: Annotated[
        int | None, typer.Option(help="Only so many neurons of each language, those with the best scores.")
    ] = None,
    control: Annotated[str | None, typer.Option(help="random: as many random neurons instead.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random control.")] = None,
    match: _Match = None,
    n1: Annotated[int | None, typer.Option(help="Number of understanding layers.")] = None,
    n2: Annotated[int | None, typer.Option(help="Number of generation layers.")] = None,
    languages: _Languages = None,
    site: Annotated[
        str | None, typer.Option(help="Where the neurons of a foreign file are that does not say it.")
    ] = None,
    kv_map: _KvMap = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the hub.")] = None,
    link: _Link = True,
    force: _Force = False,
    push_to_hub: _Push = None,
    private: Annotated[bool, typer.Option("--private", help="Make the repository on the hub private.")] = False,
) -> None:
    """Write a model with a spec in its weights as a checkpoint that transformers loads as any other.

    Only the weight files that change are written anew. The folder appears whole or not at all.
    """
    from lnbench.models import check_export_push, check_target, compile_plan, push_export
    from lnbench.neurons import counted

    if private and push_to_hub is None:
        raise ModelArgumentError("--private says who may see the upload, and there is none; add --push-to-hub ORG/NAME")
    check_target(out, replace=force)
    if push_to_hub is not None:
        check_export_push(push_to_hub)
    keys = {"lang": lang, "sites": sites, "layers": layers, "exclude": exclude, "top": top}
    wanted = _spec(spec, **keys, control=control, seed=seed, match=match, n1=n1, n2=n2)
    neurons, checkpoint = _opened(mask, model, revision, {"languages": languages, "site": site, "kv_map": kv_map})
    plan = compile_plan(wanted, neurons, checkpoint.architecture)
    print(f"lnbench: mask {mask}, model {checkpoint.name}, {counted(plan.neurons)}; {plan.description}", flush=True)
    told = _write(checkpoint, plan, out, link, force, _about(mask))
    print(f"wrote {out}: {told}")
    if push_to_hub is not None:
        print(f"uploaded to {push_export(out, push_to_hub, private=private)}")


def _spec(spec: str | None, **keys: Any) -> Any:
    from lnbench.models import Spec

    return Spec.parse(spec, **keys)


def _opened(
    mask: str, model: str | None, revision: str | None, told: dict[str, str | None]
) -> tuple[NeuronSet, Checkpoint]:
    """The set and the checkpoint, which a foreign file is read by the shape of."""
    from lnbench.models import open_checkpoint
    from lnbench.neurons import Architecture, FileFacts, load_masks

    @cache
    def checkpoint(name: str) -> Checkpoint:
        return open_checkpoint(name, revision=revision)

    def shape() -> Architecture:
        if model is None:
            raise ModelArgumentError(f"{mask} does not name its model, and --model is not given; add --model MODEL")
        return checkpoint(model).architecture

    given: dict[str, Any] = {key: value for key, value in told.items() if value is not None}
    if "languages" in given:
        given["languages"] = tuple(given["languages"].replace(",", "+").split("+"))
    neurons = load_masks(mask, FileFacts(architecture=shape, **given))
    return neurons, checkpoint(model or _own_model(neurons, mask))


def _own_model(neurons: NeuronSet, mask: str) -> str:
    if not neurons.header.model:
        raise ModelArgumentError(f"{mask} does not name its model, and --model is not given; add --model MODEL")
    return neurons.header.model


def _about(mask: str) -> dict[str, Any]:
    """What the record says of the call: the command as it was typed, and the files of the mask."""
    from lnbench.neurons import resolve_masks

    files = [
        {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in resolve_masks(mask)
    ]
    return {"command": shlex.join(["lnbench", *sys.argv[1:]]), "masks": files}


def _write(checkpoint: Checkpoint, plan: Plan, out: Path, link: bool, force: bool, about: dict[str, Any]) -> str:
    from lnbench.models import PLAN_FILE, export_size, writing_bar
    from lnbench.models import export as export_model

    with writing_bar(export_size(checkpoint, plan, link)) as done:
        folder = export_model(checkpoint, plan, out, link=link, replace=force, about=about, done=done)
    weights = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))["weights"]
    biases = f", {len(weights['biases'])} new biases" if weights["biases"] else ""
    return f"{weights['how']}{biases}"
