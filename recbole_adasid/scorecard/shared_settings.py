"""The settings that all seeds of a row share, as a digest that tells rows of other settings apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from recbole_adasid.io.digests import fingerprint
from recbole_adasid.settings.place import OF_THE_PLACE

NOT_OF_THE_RESULT = OF_THE_PLACE | {"use_gpu", "worker", "tokenizer_save_every"}
"""Settings that are not part of the result. ``interactions_files`` is: another file may have other interactions."""


def shared_settings(given: Mapping[str, Any], judged_by: Mapping[str, Any]) -> str:
    """Return a digest of settings, without the seed and those that are not part of the result.

    Args:
        given: all given settings of a cell.
        judged_by: what else the figures depend on under every seed, such as the proxy's size.
    """
    own = {key: value for key, value in given.items() if key not in NOT_OF_THE_RESULT | {"seed"}}
    # Text, because a setting may be infinite, which a fingerprint refuses.
    return fingerprint({"given": json.dumps(own, sort_keys=True, default=str), "judged_by": dict(judged_by)})
