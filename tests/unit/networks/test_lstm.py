import pytest
import torch
from torch import nn

from chromasonic.melody_generation.networks.lstm import LSTMNetwork


def test_a_layer_adds_its_output_to_its_input() -> None:
    backbone = LSTMNetwork(8, 1, 0.0).backbone
    vectors = torch.randn(2, 5, 8)
    layer = backbone.get_submodule("layers.0")
    torch.testing.assert_close(backbone(vectors)[0], vectors + layer(vectors)[0])


def test_layers_of_zeros_return_their_input() -> None:
    backbone = LSTMNetwork(8, 3, 0.0).backbone
    for parameter in backbone.parameters():
        nn.init.zeros_(parameter)
    vectors = torch.randn(2, 5, 8)
    torch.testing.assert_close(backbone(vectors)[0], vectors)


def test_forget_gates_are_initialised_open() -> None:
    for layer in LSTMNetwork(8, 2, 0.0).modules():
        if not isinstance(layer, nn.LSTM):
            continue
        weights = dict(layer.named_parameters())
        biases = (weights["bias_ih_l0"] + weights["bias_hh_l0"]).view(4, 8)
        bound = 2 / 8**0.5  # two of torch's biases, each within 1 / sqrt(width)
        assert ((biases[1] - 1).abs() <= bound).all()
        assert (biases[[0, 2, 3]].abs() <= bound).all()


def test_dropout_applies_in_training_only() -> None:
    network, tokens = LSTMNetwork(8, 2, 0.5), torch.randint(0, 100, (2, 6))
    assert not torch.equal(network(tokens), network(tokens))
    network.eval()
    torch.testing.assert_close(network(tokens), network(tokens), rtol=0, atol=0)


@pytest.mark.parametrize(("name", "value"), [("hidden_size", 0), ("num_layers", -1), ("dropout", 1.0)])
def test_an_invalid_size_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} .*got {value}"):
        LSTMNetwork(**{name: value})  # type: ignore[arg-type]
