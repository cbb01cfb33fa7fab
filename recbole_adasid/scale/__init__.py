"""Catalogues and logs beyond one machine: pair mining and Semantic IDs on Ray, and files in place of arrays."""
