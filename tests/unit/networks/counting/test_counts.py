import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from chromasonic.melody_generation.networks.counting.counts import (
    MAX_ORDER,
    SuccessorCounts,
    add_feature,
    check_order,
    interpolate,
    lagged,
    nested_contexts,
    stack_orders,
)

pairs = st.lists(st.tuples(st.integers(0, 2**50 - 1), st.integers(0, 6)), max_size=40)


def table_of(counted: list[tuple[int, int]]) -> SuccessorCounts:
    table = SuccessorCounts(7)
    if counted:
        table.add(*torch.tensor(counted).unbind(1))
    return table


@given(pairs, st.lists(st.integers(0, 2**50 - 1), max_size=5))
def test_the_table_equals_a_count_by_hand(counted: list[tuple[int, int]], others: list[int]) -> None:
    contexts = [context for context, _ in counted] + others
    result = table_of(counted)(torch.tensor(contexts, dtype=torch.long))
    expected = [[counted.count((context, symbol)) for symbol in range(7)] for context in contexts]
    assert result.tolist() == expected


@given(pairs, st.randoms(use_true_random=False), st.integers(0, 40))
def test_the_order_of_counting_does_not_matter(counted: list[tuple[int, int]], random: object, cut: int) -> None:
    shuffled = list(counted)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    table = table_of(shuffled[:cut])
    if shuffled[cut:]:
        table.add(*torch.tensor(shuffled[cut:]).unbind(1))
    for name, value in table_of(counted).state_dict().items():
        assert torch.equal(table.state_dict()[name], value)


def test_neighbouring_and_extreme_contexts_stay_separate() -> None:
    last = 2**50 - 1
    table = table_of([(0, 6), (1, 0), (last - 1, 6), (last, 0), (last, 6)])
    result = table(torch.tensor([[0, 1], [last - 1, last]]))
    assert result.shape == (2, 2, 7)
    assert result.nonzero().tolist() == [[0, 0, 6], [0, 1, 0], [1, 0, 6], [1, 1, 0], [1, 1, 6]]


@pytest.mark.parametrize(
    ("keys", "counts", "message"),
    [
        ([1, 2], [1], "two vectors of integers"),
        ([1.0], [1.0], "two vectors of integers"),
        ([2, 1], [1, 1], "ascending keys"),
        ([1, 1], [1, 1], "ascending keys"),
        ([1], [0], "counts of 1 or more"),
        ([7], [1], "symbols below 7"),
        ([-4096], [1], "symbols below 7"),
    ],
)
def test_invalid_tables_are_refused(keys: list[float], counts: list[float], message: str) -> None:
    table = table_of([(3, 3)])
    with pytest.raises(RuntimeError, match=message):
        table.load_state_dict({"keys": torch.tensor(keys), "counts": torch.tensor(counts)})
    assert table(torch.tensor([3]))[0, 3] == 1


def test_an_incomplete_table_is_refused() -> None:
    with pytest.raises(RuntimeError, match="counts"):
        SuccessorCounts(7).load_state_dict({"keys": torch.tensor([1])})


@pytest.mark.parametrize("n_symbols", [0, 4097])
def test_a_table_holds_at_most_4096_symbols(n_symbols: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 4096 symbols, got {n_symbols}"):
        SuccessorCounts(n_symbols)


def test_escape_method_c_on_abracadabra_by_hand() -> None:
    # The example of Cleary & Teahan (1997), with an alphabet of the five letters a b c d r. After "ra": one c.
    # After "a": two b, one c, one d. In all: five a, two b, one c, one d, two r.
    orders = [[5, 2, 1, 1, 2], [0, 2, 1, 1, 0], [0, 0, 1, 0, 0]]
    result = torch.full((5,), 1 / 5)
    for counts in orders:
        result = interpolate(torch.tensor(counts, dtype=torch.float), result)
    c_of_order_0 = 1 / 16 + 5 / 16 * 1 / 5
    assert float(result[2]) == pytest.approx(1 / 2 + 1 / 2 * (1 / 7 + 3 / 7 * c_of_order_0))
    assert float(result[0]) == pytest.approx(1 / 2 * 3 / 7 * (5 / 16 + 5 / 16 * 1 / 5))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_interpolation_gives_a_distribution_without_zeros(counts: list[int]) -> None:
    size = len(counts)
    result = interpolate(torch.tensor(counts, dtype=torch.float), torch.full((size,), 1 / size))
    assert float(result.sum()) == pytest.approx(1, abs=1e-5)
    assert (result > 0).all()


def test_contexts_without_counts_have_the_probabilities_of_the_shorter_one() -> None:
    shorter = torch.tensor([[0.1, 0.9], [0.3, 0.7]])
    counts = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert torch.equal(interpolate(counts, shorter)[0], shorter[0])
    assert not torch.equal(interpolate(counts, shorter)[1], shorter[1])


feature_pairs = st.lists(st.tuples(st.integers(-1, 300), st.integers(-1, 300)), min_size=2, max_size=30)


@given(feature_pairs)
def test_contexts_are_equal_where_their_features_are(rows: list[tuple[int, int]]) -> None:
    first, second = torch.tensor([rows]).unbind(-1)
    contexts = stack_orders(nested_contexts(torch.zeros_like(first), [first, second]))
    assert contexts.shape == (3, 1, len(rows))
    assert ((contexts >= 0) & (contexts < 2**50)).all()
    assert same_pairs(contexts[0, 0]) == same_pairs(torch.zeros(len(rows)))
    assert same_pairs(contexts[1, 0]) == same_pairs(first[0])
    assert same_pairs(contexts[2, 0]) == [[one == other for one in rows] for other in rows]


def same_pairs(values: Tensor) -> list[list[bool]]:
    return (values[:, None] == values[None, :]).tolist()


def test_a_hundred_thousand_contexts_have_different_hashes() -> None:
    first, second = torch.cartesian_prod(torch.arange(-1, 329), torch.arange(-1, 329)).T[:, None]
    empty = torch.zeros_like(first)
    contexts = stack_orders(
        [add_feature(add_feature(empty, first), second), add_feature(add_feature(empty, second), first)]
    )
    assert len(set(contexts.flatten().tolist())) == contexts.numel() > 200_000


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.integers(0, 12))
def test_lagged_values_are_earlier_values(values: list[int], n_lags: int) -> None:
    padded = [-1] * n_lags + values
    for shift, lag in enumerate(lagged(torch.tensor([values]), n_lags)):
        assert lag[0].tolist() == padded[n_lags - shift : len(padded) - shift]


@pytest.mark.parametrize("order", [-1, MAX_ORDER + 1, 1.5, 2.0, math.nan, "2", None])
def test_an_order_out_of_range_is_refused(order: object) -> None:
    with pytest.raises(ValueError, match=f"short_order .*0 to {MAX_ORDER}, got {order}"):
        check_order(long_order=0, short_order=order)  # type: ignore[arg-type]
