"""Fit the weights of a log-linear mixture: multinomial logistic regression on sparse evidence, by L-BFGS.

The negative log-likelihood is convex in the weights. A tune's own counts are left out of those of the training tunes,
so that contexts are as sure of themselves as they are on new tunes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from chromasonic.melody_generation.networks.counting.mixed_factor import (
    GATE_SIZES,
    N_CONFIDENCES,
    Factor,
    MixedFactor,
    gate_indices,
    ranges,
)

# Added to the loss for each squared weight, in nats.
_PENALTY = 3.0
_MAX_ITERATIONS, _N_CORRECTIONS = 60, 15

SingleArray = NDArray[np.float32]


@dataclass(frozen=True)
class EvidenceBlock:
    """The evidence for N events, as a sparse matrix.

    Attributes:
        matrix: Row ``event * S + symbol``, column ``event * slots + slot``: the value of a slot for a symbol.
        confidence: Index into the flat weights of confidence of each slot, shape (N, slots).
        gates: 1 for each gate that is open, shape (N, all gates).
        targets: Row of the symbol that came, shape (N,).
    """

    matrix: csr_matrix
    confidence: NDArray[np.int64]
    gates: SingleArray
    targets: NDArray[np.int64]


def fit_mixture(network: MixedFactor, factors: Sequence[Factor]) -> None:
    """Set the weights of a factor, whose training tunes have been counted, to those that predict ``factors`` best."""
    blocks = [evidence_block(network, factor, begin, end) for factor in factors for begin, end in ranges(factor, 0)]
    blocks = [block for block in blocks if len(block.targets)]
    if not blocks:
        return
    n_slots, n_gates = network.n_slots, sum(GATE_SIZES)
    split = n_slots * N_CONFIDENCES

    def loss_and_gradient(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        single = weights.astype(np.float32)
        confidence, gates = single[:split], single[split:].reshape(n_slots, n_gates)
        nats, gradient = 0.5 * _PENALTY * float(weights @ weights), _PENALTY * weights
        for block in blocks:
            block_nats, slot_gradient = _block_loss(block, confidence, gates)
            nats += block_nats
            flat = np.bincount(block.confidence.ravel(), weights=slot_gradient.ravel(), minlength=split)
            gradient[:split] += flat
            gradient[split:] += (slot_gradient.T @ block.gates).ravel()
        return nats, gradient

    fitted = minimize(
        loss_and_gradient,
        np.zeros(split + n_slots * n_gates),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITERATIONS, "maxcor": _N_CORRECTIONS},
    ).x
    weights = torch.from_numpy(fitted).to(network.confidence_weights)
    network.confidence_weights.copy_(weights[:split].view(n_slots, N_CONFIDENCES))
    network.gate_weights.copy_(weights[split:].view(n_slots, n_gates))


def _block_loss(block: EvidenceBlock, confidence: SingleArray, gates: SingleArray) -> tuple[float, SingleArray]:
    """Return the nats of a block, and their gradient with respect to the weight of each event's slots."""
    n_events = len(block.targets)
    weights = confidence[block.confidence] + block.gates @ gates.T  # (N, slots)
    scores = (block.matrix @ weights.ravel()).reshape(n_events, -1)  # (N, S)
    scores -= scores.max(axis=1, keepdims=True)
    target_scores = scores.ravel()[block.targets]
    np.exp(scores, out=scores)
    totals = scores.sum(axis=1, keepdims=True)
    nats = float(np.log(totals).sum(dtype=np.float64) - target_scores.sum(dtype=np.float64))
    residuals = (scores / totals).ravel()
    residuals[block.targets] -= 1
    return nats, (block.matrix.T @ residuals).reshape(n_events, -1)


@torch.no_grad()
def evidence_block(network: MixedFactor, factor: Factor, begin: int, end: int) -> EvidenceBlock:
    """Return the evidence for the counted events at positions ``begin`` to ``end``, with own counts left out."""
    is_event = factor.is_counted[:, begin:end].cpu()
    n_events, n_slots = int(is_event.sum()), network.n_slots
    event = torch.arange(n_events)
    rows, columns, values, confidences = [], [], [], []
    slot = 0
    for evidence in network.evidence(factor, begin, end, leave_out=True):
        confidence = evidence.confidence.cpu()[is_event]  # (N,)
        for slot_values in evidence.values:
            event_values = slot_values.cpu()[is_event]  # (N, S)
            found, symbol = event_values.nonzero(as_tuple=True)
            rows.append(event[found] * network.n_symbols + symbol)
            columns.append(event[found] * n_slots + slot)
            values.append(event_values[found, symbol])
            confidences.append(slot * N_CONFIDENCES + confidence)
            slot += 1
    shape = (n_events * network.n_symbols, n_events * n_slots)
    matrix = csr_matrix((torch.cat(values).numpy(), (torch.cat(rows).numpy(), torch.cat(columns).numpy())), shape=shape)
    gates = torch.zeros(n_events, sum(GATE_SIZES))
    gates.scatter_(1, gate_indices(factor, begin, end).cpu()[is_event], 1.0)
    symbols = factor.symbols[:, begin:end].cpu()[is_event]
    return EvidenceBlock(
        matrix,
        torch.stack(confidences, dim=1).numpy(),
        gates.numpy(),
        (event * network.n_symbols + symbols).numpy(),
    )
