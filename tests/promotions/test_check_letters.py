"""The letter that checks a code: a slip of the fingers never makes another one; and the prefix of scanners."""

import itertools
import random

import pytest

from promotions.codes import ALPHABET, code_key, find_check_letter

LETTERS = random.Random(13)


def is_right(code: str) -> bool:
    return find_check_letter(code[:8]) == code[8]


@pytest.mark.parametrize("letters", ["".join(LETTERS.choices(ALPHABET, k=8)) for _ in range(20)])
def test_one_wrong_letter_or_two_swapped_ones_are_no_code(letters):
    code = letters + find_check_letter(letters)
    assert is_right(code)
    for place, other in itertools.product(range(9), ALPHABET):
        if other != code[place]:
            assert not is_right(code[:place] + other + code[place + 1 :])
    for one, two in itertools.combinations(range(9), 2):
        if code[one] != code[two]:
            swapped = list(code)
            swapped[one], swapped[two] = code[two], code[one]
            assert not is_right("".join(swapped))


@pytest.mark.parametrize("sent", ["CUPN:SPRING10", "cupn:spring10", " CUPN:SPRING10 ", "\ufeffCUPN:SPRING10"])
def test_what_a_scanner_reads_before_a_code_is_no_part_of_it(sent):
    assert code_key(sent) == code_key("SPRING10")
