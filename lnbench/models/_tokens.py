"""Which positions a plan edits: all of them, those of the prompt, or those generated.

``prompt`` means forward passes that start with an empty key-value cache (the prefill: every position of the prompt,
padding included), ``generated`` those that find earlier positions in the cache (decoding steps, of one token or, in
speculative decoding, of several). The first new token is predicted from the last position of the prompt, so it is the
prompt's. Generating without a cache would show every pass as a prompt and is refused; so a prompt that is fed in
chunks, or behind a cache that was filled before, counts as generated from its second part on.
"""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from lnbench.errors import EngineError

#: What decoders call their cache: transformers up to 5.23, and from 5.24 on.
_CACHES = ("past_key_values", "cache")


class TokenRule:
    """Says, during a forward pass, whether the plan applies to it."""

    def __init__(self, tokens: str) -> None:
        self.tokens = tokens
        self.applies = tokens == "all"

    def watch(self, decoder: nn.Module) -> list[RemovableHandle]:
        """Follow the decoder's calls; nothing is hooked when the plan applies to every token."""
        if self.tokens == "all":
            return []
        names = list(inspect.signature(decoder.forward).parameters)
        if not set(_CACHES) & set(names):  # every pass would look like a prompt
            raise EngineError(
                f"tokens={self.tokens} needs the decoder's key-value cache, and {type(decoder).__name__}.forward "
                f"takes none by the name of {' or '.join(_CACHES)}; use tokens=all"
            )

        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            given = dict(zip(names, args, strict=False)) | kwargs
            self.applies = self._decides(given, module)

        return [decoder.register_forward_pre_hook(before, with_kwargs=True)]

    def _decides(self, given: dict[str, Any], decoder: nn.Module) -> bool:
        cache = next((given[name] for name in _CACHES if given.get(name) is not None), None)
        use_cache = given.get("use_cache")
        if use_cache is None:
            use_cache = getattr(getattr(decoder, "config", None), "use_cache", True)
        if cache is None and not use_cache:
            raise EngineError(
                f"tokens={self.tokens} needs a key-value cache to tell the prompt from what follows; generate with "
                "use_cache=True, or use tokens=all"
            )
        return (_cached(cache) > 0) == (self.tokens == "generated")


def _cached(cache: Any) -> int:
    """Positions already in the cache."""
    if cache is None:
        return 0
    if hasattr(cache, "get_seq_length"):
        return int(cache.get_seq_length())
    return int(cache[0][0].shape[-2]) if len(cache) else 0  # tuples of older versions
