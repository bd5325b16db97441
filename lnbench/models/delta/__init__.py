"""A difference between two checkpoints as a small file: which rows and columns of which tensors, and their new values.

A delta is made for one base: it holds the hash of every tensor that it touches, and is refused on any other. Names and
headers (``_header``) need no torch.
"""
