"""Copying: what followed at the places that the memory looks at, as a part of the prediction itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# What a head may say at first, and at most, where the network's own distribution has 1; natural logarithms. The bound
# keeps the network's part from vanishing.
_FIRST_ODDS, _HIGHEST_ODDS = -2.0, 5.0
_TINY = 1e-30


class TokenCopy(nn.Module):
    """Mixes a network's distribution with those of pointers (Vinyals et al. 2015; See et al. 2017).

    Each head of the memory predicts the tokens it looks at, each as likely as it is looked at. How much each has to
    say against the network is learned and depends on the state.

    Args:
        width: D.
        n_heads: H.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.odds = nn.Linear(width, n_heads)
        nn.init.zeros_(self.odds.weight)
        nn.init.constant_(self.odds.bias, _FIRST_ODDS)

    def forward(self, logits: Tensor, states: Tensor, weights: Tensor, tokens: Tensor) -> Tensor:
        """Lift the scores of what would be copied.

        Args:
            logits: The network's own, shape (B, T, V).
            states: Shape (B, T, D).
            weights: How much each head looks at each entry, shape (B, H, T, K), each row summing up to 1.
            tokens: What came next at each entry, shape (B, K).

        Returns:
            Logits of the mixture, shape (B, T, V).
        """
        odds = _HIGHEST_ODDS - nn.functional.softplus(_HIGHEST_ODDS - self.odds(states).float())
        looked_at = torch.einsum("bhtk,bth->btk", weights.float(), odds.exp())
        places = tokens[:, None, :].expand_as(looked_at)
        # A token that stands in several entries is copied from all of them.
        copied = torch.zeros_like(logits, dtype=torch.float32).scatter_add(-1, places, looked_at).gather(-1, places)
        # p = softmax(logits) + copied, up to a factor: only what can be copied changes. At (B, T, V) every pass over
        # memory counts.
        logits = logits.float()
        surprise = logits.logsumexp(dim=-1, keepdim=True) - logits.gather(-1, places)
        lift = nn.functional.softplus(copied.clamp(min=_TINY).log() + surprise).where(copied > 0, 0)
        counts = torch.zeros_like(logits[:, 0]).scatter_add(-1, tokens, torch.ones_like(tokens, dtype=logits.dtype))
        return logits.scatter_add(-1, places, lift / counts.gather(-1, tokens)[:, None])
