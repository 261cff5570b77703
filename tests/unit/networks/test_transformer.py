from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from chromasonic.melody_generation.networks import transformer
from chromasonic.melody_generation.networks.transformer import (
    KERNEL_SIZE,
    TransformerNetwork,
    apply_rotary,
    causal_attention,
)

positions = st.integers(0, 500)


@given(positions, positions, st.integers(0, 500))
def test_products_of_rotated_vectors_depend_on_distances_only(position: int, other: int, shift: int) -> None:
    query, key = torch.randn(2, 1, 8, dtype=torch.float64)
    here = apply_rotary(query, position) @ apply_rotary(key, other).T
    there = apply_rotary(query, position + shift) @ apply_rotary(key, other + shift).T
    torch.testing.assert_close(here, there, atol=1e-3, rtol=0)  # angles are of single precision


def test_products_of_rotated_vectors_decrease_with_distance() -> None:
    query = torch.ones(1, 8)
    products = [float(apply_rotary(query, 0) @ apply_rotary(query, distance).T) for distance in range(4)]
    assert products == sorted(products, reverse=True)
    assert len(set(products)) == len(products)


@given(positions)
def test_rotation_keeps_norms_and_does_not_change_position_0(first: int) -> None:
    vectors = torch.randn(2, 3, 8)
    torch.testing.assert_close(apply_rotary(vectors, first).norm(dim=-1), vectors.norm(dim=-1))
    torch.testing.assert_close(apply_rotary(vectors, 0)[:, 0], vectors[:, 0])
    torch.testing.assert_close(apply_rotary(vectors, first)[:, 1:], apply_rotary(vectors[:, 1:], first + 1))


@given(st.integers(1, 6), st.integers(0, 6))
def test_attention_is_the_weighted_mean_of_visible_values(n_queries: int, n_before: int) -> None:
    n_keys = n_queries + n_before
    queries, keys, values = torch.randn(2, n_queries, 4), torch.randn(2, n_keys, 4), torch.randn(2, n_keys, 4)
    products = queries @ keys.transpose(1, 2) / 4**0.5
    for query in range(n_queries):
        products[:, query, n_before + query + 1 :] = -torch.inf
    torch.testing.assert_close(causal_attention(queries, keys, values), products.softmax(dim=-1) @ values)


@given(st.integers(1, 6), st.integers(0, 6))
def test_attention_equals_torch_with_an_explicit_mask(n_queries: int, n_before: int) -> None:
    n_keys = n_queries + n_before
    queries = torch.randn(2, 3, n_queries, 4)
    keys, values = torch.randn(2, 3, n_keys, 4), torch.randn(2, 3, n_keys, 4)
    mask = torch.tensor([[key <= n_before + query for key in range(n_keys)] for query in range(n_queries)])
    expected = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    torch.testing.assert_close(causal_attention(queries, keys, values), expected)


def test_attention_in_half_precision_has_the_gradients_of_full_precision() -> None:
    leaves = [torch.randn(1, 2, 5, 4, requires_grad=True) for _ in range(3)]
    factors = torch.randn(1, 2, 5, 4)
    half, full = (
        torch.autograd.grad((causal_attention(*(leaf.to(kind) for leaf in leaves)).float() * factors).sum(), leaves)
        for kind in (torch.bfloat16, torch.float32)
    )
    torch.testing.assert_close(half, full, atol=0.05, rtol=0.05)


def test_a_layer_without_rotation_equals_torchs_encoder_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def unrotated(vectors: Tensor, first: int) -> Tensor:
        del first
        return vectors

    monkeypatch.setattr(transformer, "apply_rotary", unrotated)
    ours: Any = TransformerNetwork(8, 1, 2, 0.0).get_submodule("backbone.layers.0")
    theirs = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": ours.qkv.weight,
            "self_attn.in_proj_bias": ours.qkv.bias,
            "self_attn.out_proj.weight": ours.output.weight,
            "self_attn.out_proj.bias": ours.output.bias,
            "norm1.weight": ours.attention_norm.weight,
            "norm1.bias": ours.attention_norm.bias,
            "norm2.weight": ours.feed_forward[0].weight,
            "norm2.bias": ours.feed_forward[0].bias,
            "linear1.weight": ours.feed_forward[1].weight,
            "linear1.bias": ours.feed_forward[1].bias,
            "linear2.weight": ours.feed_forward[3].weight,
            "linear2.bias": ours.feed_forward[3].bias,
        }
    )
    vectors = torch.randn(2, 6, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(6)
    torch.testing.assert_close(ours(vectors, 0, None)[0], theirs(vectors, src_mask=mask, is_causal=True))


def test_the_convolution_reaches_the_last_three_vectors() -> None:
    backbone: Any = TransformerNetwork(8, 1, 2, 0.0).backbone
    backbone.layers = nn.ModuleList()
    vectors = torch.randn(1, 6, 8, requires_grad=True)
    backbone(vectors)[0][0, 4].square().sum().backward()
    assert vectors.grad is not None
    assert vectors.grad[0].any(dim=1).tolist() == [position in range(5 - KERNEL_SIZE, 5) for position in range(6)]


def test_dropout_applies_in_training_only() -> None:
    network, tokens = TransformerNetwork(8, 2, 2, 0.5), torch.randint(0, 100, (2, 6))
    assert not torch.equal(network(tokens), network(tokens))
    network.eval()
    torch.testing.assert_close(network(tokens), network(tokens), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden_size": 0}, "hidden_size .*got 0"),
        ({"num_layers": -1}, "num_layers .*got -1"),
        ({"num_heads": 0}, "num_heads .*got 0"),
        ({"dropout": -0.1}, "dropout .*got -0.1"),
        ({"hidden_size": 20, "num_heads": 4}, "hidden_size .*twice num_heads, got 20 for 4 heads"),
    ],
)
def test_an_invalid_size_is_refused(sizes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformerNetwork(**sizes)  # type: ignore[arg-type]
