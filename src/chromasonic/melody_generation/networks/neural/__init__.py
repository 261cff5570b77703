"""Parts shared by the LSTM and the Transformer."""
