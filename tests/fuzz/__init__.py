"""Hostile files for every parser of files from outside: `make fuzz`, and a thousand of each in `make test`.

``recipes``: bytes -> a damaged file, by structure; ``formats``: how files come apart; ``parsers``: what is tried;
``guard``: what no parser may do; ``python -m tests.fuzz``: the long run.
"""
