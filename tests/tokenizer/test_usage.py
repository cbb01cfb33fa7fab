from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from recbole_adasid.tokenizer.usage import code_usage


def test_usage_is_that_of_literal_counts() -> None:
    codes = np.random.default_rng(0).integers([5, 9], size=(40, 2))
    for level, (usage, size) in enumerate(zip(code_usage(codes, [6, 9]), (6, 9))):
        counts = Counter(codes[:, level].tolist())
        loads = sorted((counts[code] for code in range(size)), reverse=True)
        assert usage.loads.tolist() == loads and usage.size == size and usage.level == level + 1
        assert usage.top1_load == loads[0] / 40
        assert usage.dead == sum(code not in counts for code in range(size))
        entropy = -sum(count / 40 * math.log(count / 40) for count in counts.values())
        assert usage.perplexity == pytest.approx(math.exp(entropy))
    assert code_usage(codes, [6, 9])[0].dead == 1
