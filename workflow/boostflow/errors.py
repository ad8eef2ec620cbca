"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""


class BoostflowError(Exception):
    """Bad input. The message says what is wrong, where, and what would be right.

    Commands print it in one line and leave with exit code 1, without a traceback.
    """
