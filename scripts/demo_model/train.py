"""Train the embedded model.

Run: `python -m scripts.demo_model.train` (the shipped run), `--natural` (planting off), `--seed 1`,
`--thin sw` (a tenth of one language's rows).

The run directory gets `model/`, `log.jsonl` (every loss term, every tenth step) and `run.json` (recipe, versions,
time). Weights are the same bits again on one machine and thread count, not across instruction sets; so the project
ships them with their hash.
"""

import argparse
import json
import platform
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tokenizers
import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM

from . import tokenizer as frozen
from .batches import NO_LANGUAGE, Batch, Batcher, Mode
from .config import Config
from .lexicon import LANGUAGES
from .planting import Planting

LOG_EVERY = 10


def new_model(config: Config) -> Any:
    """Return an untrained Llama of the demo's shape; there is no custom code in it."""
    return LlamaForCausalLM(
        LlamaConfig(
            # On rows this short, plain attention trains a quarter faster on CPU than the fused kernel; not saved.
            attn_implementation="eager",
            vocab_size=frozen.VOCABULARY,
            hidden_size=config.hidden,
            intermediate_size=config.feed_forward,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=frozen.MAX_LENGTH,
            tie_word_embeddings=True,
            bos_token_id=frozen.END_ID,
            eos_token_id=frozen.END_ID,
            pad_token_id=frozen.PAD_ID,
        )
    )


class Optimiser:
    """Muon for the matrices, AdamW for embeddings and norms, under one schedule."""

    def __init__(self, model: nn.Module, config: Config) -> None:
        self.config = config
        matrices: list[Tensor] = []
        others: list[Tensor] = []
        for name, parameter in model.named_parameters():
            (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
        self.parameters = matrices + others
        muon = torch.optim.Muon(
            matrices, lr=config.rate * config.muon_factor, weight_decay=config.weight_decay, momentum=0.95
        )
        adamw = torch.optim.AdamW(others, lr=config.rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.parts: list[tuple[torch.optim.Optimizer, float]] = [
            (muon, config.rate * config.muon_factor),
            (adamw, config.rate),
        ]

    def scale(self, step: int) -> float:
        """Return the share of the peak rate: a short rise, then a straight line to 0."""
        return min(1.0, (step + 1) / self.config.warmup) * (1 - step / self.config.steps)

    def step(self, step: int) -> None:
        """Clip, update, and clear the gradients."""
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        for optimiser, peak in self.parts:
            for group in optimiser.param_groups:
                group["lr"] = peak * self.scale(step)
            optimiser.step()
            optimiser.zero_grad()


class Trainer:
    """One training run."""

    def __init__(self, config: Config) -> None:
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        torch.use_deterministic_algorithms(True)
        # Filling fresh memory only costs time here: nothing reads it before it is written.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        self.config = config
        self.model = new_model(config)
        self.planting = Planting(self.model, config) if config.planted else None
        self.optimiser = Optimiser(self.model, config)
        self.batcher = Batcher(config, frozen.load())
        self.generator = torch.Generator().manual_seed(config.seed + 1)

    def step(self, step: int) -> dict[str, Tensor]:
        """Take one optimiser step and return its loss terms."""
        batch = self.batcher.batch(step)
        terms = self.planted_losses(batch) if self.planting else self.text_loss(batch, self.logits(batch))
        terms["total"].backward()  # type: ignore[no-untyped-call]
        self.optimiser.step(step)
        return terms

    def logits(self, batch: Batch) -> Tensor:
        """Return float32 logits (rows, T-1, vocabulary), computed under bf16 autocast."""
        with torch.autocast("cpu", torch.bfloat16):
            result: Tensor = self.model(input_ids=batch.inputs, use_cache=False).logits
        return result.float()

    def text_loss(self, batch: Batch, logits: Tensor) -> dict[str, Tensor]:
        """Weighted cross-entropy of all rows together, and by kind of row for the log."""
        flat = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
        losses = flat.view_as(batch.targets)
        weights = batch.weights[:, 1:]
        weighted = (losses * weights).sum(1)
        total = weighted.sum() / weights.sum().clamp(min=1)
        terms = {"total": total}
        for name, mode in (("text", Mode.UNTOUCHED), ("interchange", Mode.INTERCHANGE)):
            rows = batch.modes == mode
            if bool(rows.any()):
                terms[name] = weighted[rows].sum().detach() / weights[rows].sum().clamp(min=1)
        return terms

    def planted_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The text loss together with the planting's three pressures."""
        assert self.planting is not None
        rows, generator = len(batch.modes), self.generator
        # Half of the mixture rows keep nothing, the others a random share of their neurons.
        shares = torch.rand(rows, generator=generator) * (torch.rand(rows, generator=generator) < 0.5)
        mixed = (batch.modes == Mode.MIXTURE).nonzero()[:, 0]
        wanted = self.mixture_target(batch, mixed, shares[mixed]) if len(mixed) else None
        self.planting.prepare(batch, self.planting.draw_kept(shares, generator))
        logits = self.logits(batch)
        terms = self.text_loss(batch, logits)
        terms["gate_off"], terms["gate_on"] = self.planting.penalty()
        terms["total"] = terms["total"] + self.config.gate_weight * (terms["gate_off"] + terms["gate_on"])
        if wanted is not None:
            terms["mixture"] = soft_cross_entropy(logits[mixed], wanted, batch.valid[mixed], batch.targets[mixed])
            terms["total"] = terms["total"] + terms["mixture"] * len(mixed) / rows
        return terms

    @torch.no_grad()
    def mixture_target(self, batch: Batch, mixed: Tensor, shares: Tensor) -> Tensor:
        """Return what a row without its language should predict, (mixture rows, T-1, vocabulary).

        A share `q` of the text itself and `1 - q` of what the model says when it is steered into a language drawn
        from all seven: in expectation, it speaks as if it did not know its language. The language's own stays among
        the seven, which bounds the loss of a row at about ln 7 a token; without it nothing would.
        """
        assert self.planting is not None
        spoken = torch.tensor([self.batcher.rng.randrange(len(LANGUAGES)) for _ in range(len(mixed))])
        own = batch.languages[mixed]
        steered = Batch(
            tokens=batch.tokens[mixed],
            weights=batch.weights[mixed],
            languages=spoken,
            modes=torch.full_like(spoken, Mode.INTERCHANGE),
            sources=torch.where(spoken == own, NO_LANGUAGE, own),
        )
        self.planting.prepare(steered, self.planting.no_neuron_kept(len(mixed)), record=False)
        said = self.logits(steered).softmax(-1)
        text = F.one_hot(steered.targets, frozen.VOCABULARY).float()
        return shares[:, None, None] * text + (1 - shares)[:, None, None] * said


def soft_cross_entropy(logits: Tensor, wanted: Tensor, valid: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy against wanted distributions, over positions whose target is not padding."""
    counted = valid * (targets != frozen.PAD_ID)
    losses = -(wanted * logits.log_softmax(-1)).sum(-1)
    return (losses * counted).sum() / counted.sum()


def save(model: Any, directory: Path) -> None:
    """Write the weights in bf16 (2.6 MB) with the frozen tokenizer beside them."""
    copy = LlamaForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).write_bytes((frozen.MODEL_DIR / name).read_bytes())


def train(config: Config, out: Path, checkpoint_every: int = 0) -> None:
    """Train from scratch and fill the run directory `out`."""
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config)
    start, last = time.monotonic(), {}
    with (out / "log.jsonl").open("w", encoding="utf-8") as log:
        for step in tqdm(range(config.steps), mininterval=10):
            terms = trainer.step(step)
            if step % LOG_EVERY == 0 or step == config.steps - 1:
                last = {name: round(float(term.detach()), 5) for name, term in terms.items()}
                log.write(json.dumps({"step": step, "seconds": round(time.monotonic() - start, 1), **last}) + "\n")
                log.flush()
            if checkpoint_every and (step + 1) % checkpoint_every == 0:
                save(trainer.model, out / f"step{step + 1}")
    if trainer.planting:
        trainer.planting.remove()
    save(trainer.model, out / "model")
    record = run_record(config, time.monotonic() - start, last, trainer.model)
    (out / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def run_record(config: Config, seconds: float, last: dict[str, float], model: nn.Module) -> dict[str, Any]:
    """Return what one must know to repeat the run."""
    return {
        "recipe": asdict(config),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": round(seconds, 1),
        "last_logged_loss_terms": last,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
        "machine": {"architecture": platform.machine(), "cpu": torch.backends.cpu.get_cpu_capability()},
    }


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=Config.seed)
    parser.add_argument("--steps", type=int, default=Config.steps)
    parser.add_argument("--threads", type=int, default=Config.threads)
    parser.add_argument("--natural", action="store_true", help="planting off: the null result")
    parser.add_argument("--thin", metavar="LANGUAGE", help="a language that gets a tenth of its rows")
    parser.add_argument("--out", type=Path, help="run directory (default: build/demo_model/VARIANT-seedN)")
    parser.add_argument("--checkpoint-every", type=int, default=0, metavar="STEPS")
    arguments = parser.parse_args()
    config = replace(
        Config(),
        seed=arguments.seed,
        steps=arguments.steps,
        threads=arguments.threads,
        planted=not arguments.natural,
        thin=arguments.thin,
    )
    variant = f"thin-{config.thin}" if config.thin else "planted" if config.planted else "natural"
    train(
        config, arguments.out or Path("build/demo_model") / f"{variant}-seed{config.seed}", arguments.checkpoint_every
    )


if __name__ == "__main__":
    main()
