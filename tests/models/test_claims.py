"""Every cell that a description claims, held to edits written by hand on a tiny model; the others are refused."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from lnbench.errors import EngineError, UnsupportedArchitectureError
from lnbench.models import (
    OPERATIONS,
    Claims,
    Plan,
    applied,
    architecture_of,
    claims_of,
    export,
    grouped_query_index,
    observed,
    site_map,
    supported_architectures,
)
from lnbench.neurons import SITES
from tests.models import by_hand
from tests.models.tiny import EVERY_FAMILY, build, logits, tokens

#: (scale, offset)
NUMBERS = {"zero": (0.0, 0.0), "scale": (-0.5, 0.0), "set": (0.0, 0.6), "add": (1.0, 0.7)}
NO_ROTARY = ("bloom", "opt", "gpt2", "xglm", "gpt_bigcode", "gpt_bigcode-heads", "mpt", "gpt_neo")
IDS = tokens(2, 7)

model_of = cache(build)


@pytest.fixture(params=EVERY_FAMILY)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def claims(family: str) -> Claims:
    found = claims_of(model_of(family).config.model_type)
    assert found is not None
    return found


def some(model: Any, site: str, layer: int) -> list[int]:
    """First, last and two neurons in the middle."""
    width = architecture_of(model).width(site, layer)
    return sorted({0, width // 3, width // 2 + 1, width - 1})


def plan(model: Any, site: str, scale: float, offset: float) -> Plan:
    layers = range(architecture_of(model).layers)
    return Plan.from_edits({(layer, site): (some(model, site, layer), scale, offset) for layer in layers})


def by_plan(model: Any, what: Plan, engine: str) -> torch.Tensor:
    with applied(model, what, engine) as at_work:
        assert at_work.engine == engine
        return logits(model, IDS)


def changed_by_hand(model: Any, family: str, site: str, scale: float, offset: float) -> torch.Tensor:
    with ExitStack() as stack:
        for layer in range(architecture_of(model).layers):
            neurons = some(model, site, layer)
            stack.enter_context(by_hand.hooked(model, family, [layer], site, neurons, lambda a: scale * a + offset))
        return logits(model, IDS)


@pytest.mark.parametrize("site", SITES)
def test_every_operation_and_engine_does_what_a_hand_written_edit_does(family: str, site: str) -> None:
    model, stated = model_of(family), claims(family)
    original, before = logits(model, IDS), {key: value.clone() for key, value in model.state_dict().items()}
    for operation in OPERATIONS:
        scale, offset = NUMBERS[operation]
        what, engines = plan(model, site, scale, offset), stated.engines(site, operation)
        wanted = changed_by_hand(model, family, site, scale, offset)
        if not (site == "attn.k" and operation == "add" and family in NO_ROTARY):  # softmax ignores one constant
            assert (wanted - original).abs().max() > 1e-3, f"{operation} must change something"
        for engine in ("fold", "hook"):
            if engine in engines:
                found = by_plan(model, what, engine)
                torch.testing.assert_close(
                    found, wanted, atol=2e-5, rtol=2e-5, msg=lambda text, at=(operation, engine): f"{at}: {text}"
                )
            else:
                with pytest.raises(EngineError, match=r"fused experts|changes with the input"):
                    by_plan(model, what, engine)
    assert torch.equal(logits(model, IDS), original)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_zeroing_equals_cutting_the_state_dict(family: str) -> None:
    model = model_of(family)
    layers = range(architecture_of(model).layers)
    for site in SITES:
        state: dict[str, torch.Tensor] = {}
        for layer in layers:
            cut = by_hand.zeroed(model, family, [layer], site, some(model, site, layer))
            prefix = by_hand.names(family)["layer"].format(layer) + "."
            state |= {key: value for key, value in cut.items() if key.startswith(prefix)}
        with torch.no_grad():
            wanted = torch.func.functional_call(model, state, (), {"input_ids": IDS}).logits
        found = by_plan(model, plan(model, site, 0.0, 0.0), "fold")
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_every_neuron_has_the_row_that_the_model_gives_it(family: str) -> None:
    model, sites = model_of(family), site_map(model_of(family))
    for number, (layer, ports) in enumerate(zip(sites.layers, sites.sites)):
        for site in ("attn.q", "attn.k", "attn.v"):
            port = ports.port(site)
            expected = by_hand.rows(model, family, layer, site)
            assert port.rows(np.arange(port.width)).tolist() == expected, (number, site)


def test_a_value_neuron_reaches_the_query_rows_that_the_grouped_map_gives_it(family: str) -> None:
    model, heads = model_of(family), site_map(model_of(family)).heads
    served = grouped_query_index(np.arange(heads.queries * heads.size), heads.queries, heads.keys, heads.size)
    before = attended(model, Plan.from_edits({}))
    for neuron in sorted({0, heads.keys * heads.size // 2, heads.keys * heads.size - 1}):
        after = attended(model, Plan.from_edits({(0, "attn.v"): ([neuron], 1.0, 3.0)}))
        moved = (after - before).abs().amax(dim=(0, 1)) > 1e-3
        assert moved.nonzero().flatten().tolist() == np.flatnonzero(served == neuron).tolist()


def attended(model: Any, what: Plan) -> torch.Tensor:
    """Input of the first layer's output projection."""
    seen: list[torch.Tensor] = []
    with applied(model, what), observed(model, ["attn.o"], lambda layer, _, x: seen.append(x) if layer == 0 else None):
        logits(model, IDS)
    return seen[0]


def test_the_feed_forward_is_of_the_kind_that_is_claimed(family: str) -> None:
    kinds = {
        "experts" if ports.routed else "gated" if ports.gated else "plain" for ports in site_map(model_of(family)).sites
    }
    stated = claims(family).feed_forward
    assert stated in kinds
    assert kinds <= {stated, "gated" if stated == "experts" else stated}  # some mixtures have dense layers


def test_the_values_of_every_claimed_site_are_seen(family: str) -> None:
    model, name, stated = model_of(family), by_hand.names(family), claims(family)
    seen: dict[tuple[int, str], torch.Tensor] = {}
    expected: dict[tuple[int, str], torch.Tensor] = {}
    with ExitStack() as stack:
        for layer in range(architecture_of(model).layers):
            block = model.get_submodule(name["layer"].format(layer))
            for site in stated.observed:
                stack.callback(
                    _capture(model, family, block, site, lambda x, at=(layer, site): expected.update({at: x}))
                )
        stack.enter_context(observed(model, stated.observed, lambda layer, site, x: seen.update({(layer, site): x})))
        logits(model, IDS)
    assert seen.keys() == expected.keys()
    for place, values in seen.items():
        torch.testing.assert_close(values, expected[place], atol=1e-6, rtol=1e-6)
    for site in set(SITES) - set(stated.observed):
        with pytest.raises(UnsupportedArchitectureError, match="fused experts"), observed(model, [site], print):
            pass


def _capture(model: Any, family: str, block: Any, site: str, keep: Any) -> Any:
    name = by_hand.names(family)
    if site in ("ffn.hidden", "attn.o"):
        target = block.get_submodule(name["down" if site == "ffn.hidden" else "o"])
        return target.register_forward_pre_hook(lambda module, args: keep(args[0])).remove
    if site == "ffn.act":
        return block.get_submodule(name["act"]).register_forward_hook(lambda module, args, out: keep(out)).remove
    rows, target = by_hand.rows(model, family, block, site), block.get_submodule(name.get("qkv", name.get(site, "")))
    return target.register_forward_hook(lambda module, args, out: keep(out[..., rows])).remove


def everything_exported(model: Any, stated: Claims) -> Plan:
    """One plan with every cell that an export claims, each on neurons of its own."""
    edits = {}
    for layer in range(architecture_of(model).layers):
        for site in SITES:
            operations = [operation for operation in OPERATIONS if stated.exports(site, operation)]
            first = 4 * (site == "ffn.hidden")  # which may be one site with ffn.act
            neurons = range(first, first + len(operations))
            scale, offset = zip(*(NUMBERS[operation] for operation in operations))
            edits[layer, site] = (list(neurons), list(scale), list(offset))
    return Plan.from_edits(edits)


def test_what_is_claimed_of_export_loads_and_answers_as_the_ablated_model(family: str, tmp_path: Path) -> None:
    model, stated = build(family), claims(family)
    what = everything_exported(model, stated)
    wanted = by_plan(model, what, "fold")
    loaded = AutoModelForCausalLM.from_pretrained(export(model, what, tmp_path / "out"), dtype=torch.float32)
    torch.testing.assert_close(logits(loaded, IDS), wanted, atol=2e-5, rtol=2e-5)
    assert type(loaded) is type(model)


def test_what_is_not_claimed_of_export_is_refused_and_writes_nothing(family: str, tmp_path: Path) -> None:
    model, stated = build(family), claims(family)
    for cell in stated.table():
        if not cell.export:
            with pytest.raises(EngineError, match="cannot be exported"):
                export(model, plan(model, cell.site, *NUMBERS[cell.operation]), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_every_architecture_is_tested_and_states_its_claims() -> None:
    tested = {model_of(family).config.model_type for family in EVERY_FAMILY}
    assert tested == set(supported_architectures())
    assert len(tested) >= 20


def test_fifteen_dense_architectures_take_everything_but_an_addition_to_a_gated_activation() -> None:
    excluded = {("ffn.act", "add")}
    whole = [
        name
        for name in supported_architectures()
        if (stated := claims_of(name)) is not None
        and all(
            stated.engines(cell.site, cell.operation) == ("fold", "hook")
            for cell in stated.table()
            if (cell.site, cell.operation) not in excluded
        )
    ]
    assert len(whole) >= 15
