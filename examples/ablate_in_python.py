"""Ablate Chinese in the embedded model, a planted positive control, and see what it answers.

Run: ``python examples/ablate_in_python.py``. With a model of your own, load it instead and bring its neuron set.
"""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import lnbench
from lnbench._data import demo_model_dir, packaged
from lnbench.languages import DEMO_LANGUAGES
from lnbench.scoring import identify


def first_prompt(language: str) -> str:
    """The first summary prompt of the demo's data."""
    import json

    with (packaged("tasks") / "demo" / "data" / f"summ_{language}.jsonl").open(encoding="utf-8") as file:
        return str(json.loads(file.readline())["prompt"])


def answer(model: torch.nn.Module, tokenizer: object, prompt: str) -> str:
    """Greedy continuation up to the end of the line."""
    inputs = tokenizer(prompt, return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=32, do_sample=False)
    return tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).split("\n")[0].strip()


def main() -> None:
    """Print the answers of the original, of a random control and of the language-specific ablation."""
    model = AutoModelForCausalLM.from_pretrained(demo_model_dir(), dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(demo_model_dir())
    neurons = lnbench.NeuronSet.load("zh_ffn.pt")
    conditions = {"original": None, "random": {"control": "random", "seed": 0}, "specific": {}}
    for language in ("zh", "en"):
        prompt = first_prompt(language)
        print(prompt)
        for name, keys in conditions.items():
            if keys is None:
                text = answer(model, tokenizer, prompt)
            else:
                with lnbench.ablate(model, neurons, **keys):
                    text = answer(model, tokenizer, prompt)
            print(f"  {name:<9} {identify(text, candidates=DEMO_LANGUAGES):<4} {text}")


if __name__ == "__main__":
    main()
