"""Write a model with a plan folded into it as an ordinary checkpoint, which any tool loads without lnbench.

A constant may need a bias where the architecture has none. Where one field of the config gives those projections biases
(Llama's ``attention_bias`` and ``mlp_bias``), it is set and the other biases are zeros; otherwise nothing is written.

:mod:`lnbench.models` names what is public, each from its own module, so that refusals of a folder or of a name on the
hub need no torch.
"""
