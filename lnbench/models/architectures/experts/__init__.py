"""Mixtures of experts whose feed-forward weights are fused in 3-D parameters, as transformers keeps them."""
