"""The error for invalid input of users."""


class InputError(ValueError):
    """Input of the user cannot be used.

    The message is one sentence for the user: what is wrong, where, and what to do. Commands print it without a
    traceback and exit with 1. Any other exception is a bug of the program.
    """
