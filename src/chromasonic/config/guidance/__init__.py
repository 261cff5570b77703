"""Recognise what people type by mistake, say what they meant, and write the help of ``chromasonic train``."""
