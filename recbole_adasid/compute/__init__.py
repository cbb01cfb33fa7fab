"""Numerics: formats, memory, gradients, and kernels that are fast on CPUs."""
