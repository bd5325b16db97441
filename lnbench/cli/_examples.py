"""The examples at the end of every help page; tests hold each to the options that exist, and run most of them."""

from __future__ import annotations

#: What is typed up to the options -> examples; a line break within one ends with a backslash, as in a shell.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "": (
        "lnbench demo                                        # the main job on the embedded model, about a minute",
        "lnbench doctor                                      # is everything here that lnbench needs?",
        "lnbench detect lape --help                          # every command explains itself",
        "lm_eval --model lnbench --model_args mask=zh_ffn.pt --tasks lnbench_demo_summ_zh --limit 8",
    ),
    "cache": ("lnbench cache show",),
    "cache show": ("lnbench cache show --json",),
    "cache clear": ("lnbench cache clear --older-than 30",),
    "check": (
        "lnbench check results --baseline baseline.json --update                   # once: keep what is there now",
        "lnbench check results --baseline baseline.json --expect expectations.yaml # from then on",
    ),
    "data": ("lnbench data check my_data",),
    "data check": ("lnbench data check my_data", "lnbench data check my_data --json"),
    "demo": (
        "lnbench demo",
        "lnbench demo --ablate zh+fr --seeds 2 --limit 5 --json rows.json --plot matrix.png",
    ),
    "detect": (
        "lnbench detect lape --model lnbench/demo --corpus en=en.txt --corpus zh=zh.txt --corpus fr=fr.txt \\\n"
        "    --top-rate 0.05 --out langs.safetensors",
    ),
    "detect ap": (
        "lnbench detect ap --model lnbench/demo --corpus en=en.txt --corpus zh=zh.txt --documents 50 \\\n"
        "    --which top --top-k 20 --out ap.safetensors",
    ),
    "detect compare": ("lnbench detect compare demo_langs_ffn.safetensors demo_langs_plnd.safetensors",),
    "detect corpus": ("lnbench detect corpus --model lnbench/demo --corpus zh=zh.txt --corpus sw=sw.txt --tokens 2k",),
    "detect lape": (
        "lnbench detect lape --model lnbench/demo --corpus en=en.txt --corpus zh=zh.txt --corpus fr=fr.txt \\\n"
        "    --tokens 5k --top-rate 0.05 --out langs.safetensors --stats-out stats.safetensors",
    ),
    "detect plnd": (
        "lnbench detect plnd --model lnbench/demo --corpus en=en.txt --corpus zh=zh.txt --documents 20 \\\n"
        "    --top-k 20 --consistency 0.9 --out plnd.safetensors --stats-out scores",
    ),
    "detect score": (
        "lnbench detect score demo_langs_ffn.safetensors --truth neuron_sets/demo/planted.json",
        "lnbench detect score --stats stats.safetensors --grid top-rate=0.02,0.05 \\\n"
        "    --truth neuron_sets/demo/planted.json",
    ),
    "detect select": (
        "lnbench detect select --stats stats.safetensors --method lape --top-rate 0.02 --out fewer.safetensors",
    ),
    "eval": ("lnbench eval --model_args mask=zh_ffn.pt --tasks lnbench_demo_summ_zh --limit 8",),
    "export": (
        "lnbench export --mask zh_ffn.pt --out demo-without-zh",
        "lnbench export --mask demo_langs_ffn.safetensors --lang zh --control random --seed 3 --out demo-random",
    ),
    "fidelity": (
        "lnbench fidelity answers.jsonl --expect zh",
        "lnbench fidelity answers.jsonl --expect-field lang --json",
    ),
    "leaderboard": ("lnbench leaderboard build results --out board",),
    "leaderboard build": (
        "lnbench leaderboard build results --out board",
        "lnbench leaderboard build results --out board --samples 10 --plots",
    ),
    "leaderboard add": (
        "lnbench leaderboard add results --to leaderboard --name my-model-lape --contributor 'Ada Lovelace'",
    ),
    "leaderboard verify": ("lnbench leaderboard verify leaderboard",),
    "lens": (
        "lnbench lens --model lnbench/demo --documents 10 --plot lens.png",
        "lnbench lens --model lnbench/demo --mask zh_ffn.pt --documents 10 --out lens",
    ),
    "neurons": ("lnbench neurons show zh_ffn.pt",),
    "neurons combine": ("lnbench neurons combine union zh_ffn.pt fr_ffn.pt --out both.pt",),
    "neurons combine union": ("lnbench neurons combine union zh_ffn.pt fr_ffn.pt --out both.pt",),
    "neurons combine intersection": (
        "lnbench neurons combine intersection demo_langs_ffn.safetensors zh_ffn.pt --out common.pt",
    ),
    "neurons combine difference": (
        "lnbench neurons combine difference demo_langs_ffn.safetensors zh_ffn.pt --out rest.pt",
    ),
    "neurons combine symmetric-difference": (
        "lnbench neurons combine symmetric-difference demo_langs_ffn.safetensors zh_ffn.pt --out differ.pt",
    ),
    "neurons combine exclusive": (
        "lnbench neurons combine exclusive demo_langs_ffn.safetensors --lang zh --out zh_only.pt",
    ),
    "neurons combine shared": (
        "lnbench neurons combine shared demo_langs_plnd.safetensors --lang zh,fr --label both --out shared.pt",
    ),
    "neurons combine top": (
        "lnbench neurons combine top demo_langs_ffn.safetensors --k 5 --per language+layer --out top.pt",
    ),
    "neurons combine restrict": (
        "lnbench neurons combine restrict demo_langs_ffn.safetensors --lang zh,fr --layers first:2 --out early.pt",
    ),
    "neurons convert": (
        "lnbench neurons convert demo_langs_ffn.safetensors --out langs.csv",
        "lnbench neurons convert LLaMA-2-7B.neuron.pth --languages en,zh,fr,es,vi,id,ja --out llama.safetensors",
    ),
    "neurons diff": ("lnbench neurons diff zh_ffn.pt demo_langs_ffn.safetensors --most 3",),
    "neurons push": (
        "lnbench neurons push zh_ffn.pt --repo org/name --card-only card   # sends nothing",
        "lnbench neurons push zh_ffn.pt fr_ffn.pt --repo org/name --private",
    ),
    "neurons random": ("lnbench neurons random zh_ffn.pt --seed 3 --out zh_random.pt",),
    "neurons show": ("lnbench neurons show zh_ffn.pt", "lnbench neurons show demo_langs_ffn.safetensors --json"),
    "neurons stats": (
        "lnbench neurons stats zh_ffn.pt --model lnbench/demo --corpus zh=zh.txt --corpus fr=fr.txt --tokens 2k \\\n"
        "    --replace --out zh_stats.safetensors",
    ),
    "paper": (
        "lnbench paper lape --model lnbench/demo --limit 5 --out lape-report",
        "lnbench paper plnd --model lnbench/demo --languages en+zh --only lens --limit 5 --out plnd-lens",
    ),
    "plot": ("lnbench plot counts demo_langs_ffn.safetensors --png counts.png",),
    "plot counts": ("lnbench plot counts demo_langs_ffn.safetensors --png counts.png",),
    "plot dose": ("lnbench plot dose results/steering-dose-demo --png dose.png",),
    "plot matrix": ("lnbench plot matrix results/matrix-demo --png matrix.png",),
    "plot overlap": ("lnbench plot overlap demo_langs_plnd.safetensors --format markdown",),
    "plot steering": ("lnbench plot steering results/steering-demo --png steering.png",),
    "plot sweep": ("lnbench plot sweep results/sweep --json sweep.json",),
    "plot workflow": ("lnbench plot workflow results/mwork-demo --png mwork.png",),
    "study": ("lnbench study run study.yaml",),
    "study plan": ("lnbench study plan study.yaml", "lnbench study plan study.yaml --tokens-per-second 4000,300"),
    "study run": ("lnbench study run study.yaml --out results", "lnbench study run study.yaml --shard 1/8"),
    "study status": ("lnbench study status study.yaml --out results",),
    "tune": (
        "lnbench tune --model lnbench/demo --mask demo_langs_ffn.safetensors --corpus sw=sw.txt \\\n"
        "    --documents 20+40 --seeds 2 --held-out-documents 20 --out tuned",
    ),
    "doctor": ("lnbench doctor", "lnbench doctor --network --json"),
}
