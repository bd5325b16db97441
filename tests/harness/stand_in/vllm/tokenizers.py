from transformers import AutoTokenizer


def get_tokenizer(name, *, tokenizer_mode="auto", **kwargs):
    return AutoTokenizer.from_pretrained(name, **kwargs)
