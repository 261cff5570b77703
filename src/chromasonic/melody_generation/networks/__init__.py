"""Networks: modules from token ids (B, T) to logits (B, T, V), where ``logits[:, t]`` scores ``tokens[:, t + 1]``.

Three layers, each of which imports from earlier layers only:

1. ``contract`` and ``bar_position``: the interface of every network, and the position in the bar of every token.
2. ``neural`` and ``counting``: parts of the networks trained by gradient, and of those fitted by counting.
3. ``lstm``, ``transformer``, ``markov``, ``ppm``, ``countmix`` and ``mixture``: one network per module.

Shape letters in docstrings and comments:

====  ==================================  ====  ==========================================
B     sequences of a batch                H     attention heads
T     tokens of a call                    L     layers
K     tokens so far, those of T included  N     notes of a melody
V     tokens of the vocabulary            P     pitch classes of the vocabulary, and the rest
D     width of embeddings and states      E     duration classes of the vocabulary
====  ==================================  ====  ==========================================
"""
