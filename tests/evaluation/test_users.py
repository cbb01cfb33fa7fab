from __future__ import annotations

import numpy as np

from recbole_adasid.evaluation.users import count_users, numbered_users, told_of_repeated


def test_users_are_numbered_in_order_of_appearance() -> None:
    assert numbered_users([7, 3, 7, 9, 3, 1]).tolist() == [0, 1, 0, 2, 1, 3]
    assert numbered_users([5, 4, 3]).tolist() == [0, 1, 2] and numbered_users([]).tolist() == []
    assert count_users([7, 3, 7]) == 2 and count_users([]) == 0


def test_the_console_is_told_of_users_who_repeat_and_only_of_those() -> None:
    users = np.repeat(np.arange(1200), 2)
    assert told_of_repeated({"user": users}).startswith("The test has 2,400 interactions of 1,200 users: ")
    assert told_of_repeated({"user": users[::2]}) == told_of_repeated({}) == ""
