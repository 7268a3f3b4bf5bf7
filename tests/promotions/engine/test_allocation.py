import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotions.engine.allocation import allocate, round_half_up, spread


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (300, [4000, 2000, 2000], [150, 75, 75]),
        (-300, [4000, 2000, 2000], [-150, -75, -75]),
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 2], [0, 1]),  # the larger remainder
        (1, [5, 5], [1, 0]),  # the same remainder and weight: the earlier place
        (3, [2, 4, 6], [0, 1, 2]),  # the same remainder: the larger weight
        (0, [1, 2], [0, 0]),
        (7, [0, 0], [4, 3]),
        (0, [], []),
    ],
)
def test_an_amount_is_shared_by_largest_remainder(amount, weights, parts):
    assert allocate(amount, weights) == parts


@pytest.mark.parametrize(
    ("amount", "weights", "rooms", "parts"),
    [
        (3000, [4000, 2000], [1000, 2000], [1000, 2000]),
        (3600, [10000, 4000, 3000, 1000], [1000, 1000, 3000, 1000], [1000, 1000, 1200, 400]),
        (5, [1, 1, 1], [1, 9, 9], [1, 2, 2]),
        (10, [0, 5], [10, 4], [6, 4]),  # what has weight is full: the rest goes where there is room
        (12, [104, 203, 203], [2, 9, 9], [2, 5, 5]),
    ],
)
def test_what_passes_a_room_flows_to_the_others(amount, weights, rooms, parts):
    assert allocate(amount, weights, rooms) == parts


def test_an_amount_beyond_all_rooms_is_refused():
    with pytest.raises(ValueError, match="10 does not fit the room of 9"):
        allocate(10, [1, 1], [4, 5])


def test_an_amount_needs_something_to_be_shared_over():
    with pytest.raises(ValueError, match="nothing to share 5 over"):
        allocate(5, [])


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12), st.data())
def test_parts_are_whole_sum_up_and_stay_within_their_rooms(pairs, data):
    weights, rooms = [list(numbers) for numbers in zip(*pairs, strict=True)]
    amount = data.draw(st.integers(0, sum(rooms)))
    parts = allocate(amount, weights, rooms)
    assert sum(parts) == amount
    assert all(0 <= part <= room for part, room in zip(parts, rooms, strict=True))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=12), st.integers(0, 10**7))
def test_no_part_is_a_unit_away_from_its_exact_share(weights, amount):
    total = sum(weights)
    for part, weight in zip(allocate(amount, weights), weights, strict=True):
        assert abs(part * total - amount * weight) < total


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8).filter(any), st.integers(0, 60))
def test_odd_units_go_by_remainder_then_weight_then_place(weights, amount):
    total = sum(weights)
    exact = [divmod(amount * weight, total) for weight in weights]
    order = sorted(range(len(weights)), key=lambda n: (-exact[n][1], -weights[n], n))
    odd = amount - sum(whole for whole, _ in exact)
    assert allocate(amount, weights) == [whole + (n in order[:odd]) for n, (whole, _) in enumerate(exact)]


@pytest.mark.parametrize(
    ("amount", "count", "runs"),
    [(1000, 3, ((1, 334), (2, 333))), (900, 3, ((3, 300),)), (0, 2, ((2, 0),)), (1, 4, ((1, 1), (3, 0)))],
)
def test_units_differ_by_one_minor_unit_at_most(amount, count, runs):
    assert spread(amount, count) == runs


@pytest.mark.parametrize(("numerator", "whole"), [(0, 0), (49, 0), (50, 1), (149, 1), (150, 2)])
def test_a_half_is_rounded_up(numerator, whole):
    assert round_half_up(numerator, 100) == whole
