"""Runs the Python blocks of a page one after the other in one process: a line of JSON in, a line of JSON out."""

import ast
import builtins
import json
import sys
import traceback

SPACE: dict = {"__name__": "__main__"}

#: Names that a page takes for granted -> what they are here.
GIVEN = {
    "model": "__import__('lnbench.models', fromlist=['x']).load_model('lnbench/demo')",
    "tokenizer": "__import__('lnbench.models', fromlist=['x']).load_tokenizer('lnbench/demo')",
    "inputs": "__import__('lnbench.models', fromlist=['x']).load_tokenizer('lnbench/demo')('Ada', return_tensors='pt')",
    "lnbench": "__import__('lnbench')",
    "NeuronSet": "__import__('lnbench').NeuronSet",
    "Architecture": "__import__('lnbench.neurons', fromlist=['x']).Architecture",
    "neurons": "__import__('lnbench').NeuronSet.load('zh_ffn.pt')",
    "original": "[1.0] * 20",
    "specific": "[0.0] * 20",
    "randoms": "[[1.0] * 20] * 5",
}


def free(code: str) -> list[str]:
    """Names that a block uses and neither it nor a block before it has made."""
    tree = ast.parse(code)
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored |= {each.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for each in node.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            stored |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    return [name for name in dict.fromkeys(used) if name not in stored and not hasattr(builtins, name)]


def main() -> None:
    """Serve until the input ends; what the blocks print goes to stderr."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        code, error = json.loads(line), ""
        try:
            for name in free(code):
                if name not in SPACE and name in GIVEN:
                    SPACE[name] = eval(GIVEN[name])
            exec(compile(code, "<page>", "exec"), SPACE)
        except BaseException:
            error = traceback.format_exc()
        print(json.dumps(error), file=answers, flush=True)


if __name__ == "__main__":
    main()
