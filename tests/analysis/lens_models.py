"""Models and tokenizers for the lens: made on the spot, their tokens known."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

#: Words of one language each, for a vocabulary of whole words; the space before a word is its own mark.
ENGLISH, CHINESE = ["▁water", "▁between", "▁through", "▁always"], ["▁水", "▁人", "▁文", "▁国"]
SIGNS = ["▁", ".", "7", "▁12"]


def word_tokenizer(extra: int = 0) -> Any:
    """SentencePiece-like whole words: ``</s>``, English, Chinese, signs, then ``extra`` more tokens."""
    words = ["</s>", "<unk>", *ENGLISH, *CHINESE, *SIGNS, "▁a", *(f"▁x{n}" for n in range(extra))]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", pad_token="</s>", unk_token="<unk>")


def byte_tokenizer(*merges: str) -> Any:
    """Byte-level BPE of the 256 bytes and the tokens that ``merges`` build (pairs in the alphabet of such BPE)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [tuple(merge.split()) for merge in merges]
    words = ["</s>", *alphabet, *("".join(pair) for pair in pairs)]
    made = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>")


def spoken(tokenizer: Any, layers: list[str], width: int = 64) -> Any:
    """A model whose layers decode to given words, whatever it reads: orthogonal embeddings, no attention.

    Layer ``d`` adds to every state the head's row of ``layers[d]``, stronger than all that was there before: its
    feed-forward is constant, because its gate's and up's inputs are one hidden unit that every embedding has alike.
    """
    vocabulary = len(tokenizer)
    assert vocabulary + 1 <= width
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=1,
            num_hidden_layers=len(layers),
            num_attention_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=False,
            eos_token_id=0,
            pad_token_id=0,
        )
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for module in model.modules():
            if type(module).__name__ == "LlamaRMSNorm":
                module.weight.fill_(1.0)
        rows = torch.eye(vocabulary, width)
        model.model.embed_tokens.weight.copy_(rows)
        model.model.embed_tokens.weight[:, -1] = 1.0  # what all states share
        model.lm_head.weight.copy_(rows)
        for depth, word in enumerate(layers):
            mlp = model.model.layers[depth].mlp
            mlp.gate_proj.weight[0, -1] = mlp.up_proj.weight[0, -1] = 1.0
            mlp.down_proj.weight[tokenizer.convert_tokens_to_ids(word), 0] = 100.0 ** (depth + 1)
            mlp.down_proj.weight[-1, 0] = 100.0 ** (depth + 1)
    return model
