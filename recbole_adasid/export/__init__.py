"""Finished runs for other runtimes: transformers, torch.export, and systems that take a table of constraints."""
