"""Networks: plain modules from tokens (B, T) to logits (B, T, V); ``logits[:, t]`` scores ``tokens[:, t + 1]``."""
