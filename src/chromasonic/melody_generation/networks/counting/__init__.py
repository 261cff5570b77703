"""Parts of the networks that are fitted by counting."""
