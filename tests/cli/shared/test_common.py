from __future__ import annotations

import pytest

from recbole_adasid.cli.shared.common import seed_list
from recbole_adasid.settings.errors import SettingsError


def test_seeds_are_whole_numbers_in_the_order_given() -> None:
    assert seed_list("2021,7, 2020") == [2021, 7, 2020]


@pytest.mark.parametrize(("text", "said"), [("1,x", "not a list of whole numbers"), ("1,2,1", "names a seed twice")])
def test_other_lists_of_seeds_are_refused(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        seed_list(text)
