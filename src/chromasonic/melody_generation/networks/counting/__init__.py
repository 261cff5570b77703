"""Parts shared by the counting models."""
