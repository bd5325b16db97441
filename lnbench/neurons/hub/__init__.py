"""Neuron sets on the Hugging Face hub: ``hf://org/repo/file@revision``, and sets pushed there with a card.

Pictures for the card come from whoever can draw: `use_card_painter` hands a function in.
"""

from lnbench.neurons.hub._card import card_section, set_card
from lnbench.neurons.hub._name import fetch_set, hub_place
from lnbench.neurons.hub._painter import use_card_painter
from lnbench.neurons.hub._push import check_names, hub_files, push_sets

__all__ = [
    "card_section",
    "check_names",
    "fetch_set",
    "hub_files",
    "hub_place",
    "push_sets",
    "set_card",
    "use_card_painter",
]
