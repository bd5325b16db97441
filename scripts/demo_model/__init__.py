"""Everything that makes `lnbench/demo`, the planted positive control: grammar, tokenizer, training, data, checks."""
