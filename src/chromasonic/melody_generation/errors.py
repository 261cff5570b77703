"""The one error that is meant for people."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one sentence for that user: what is wrong, where, and what to do. Scripts print it alone,
    without a traceback, and exit with 1. Anything else that is raised is a fault of the program.
    """
