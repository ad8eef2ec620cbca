"""Summary and record of the run."""


def plots():
    return []


def show_table():
    pass
