"""Exports finished runs to transformers, torch.export and systems with constrained decoding."""
