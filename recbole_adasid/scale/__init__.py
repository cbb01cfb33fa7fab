"""Catalogues and logs beyond one machine's memory: pair mining and Semantic IDs on Ray, and files in place of arrays."""
