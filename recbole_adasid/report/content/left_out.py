"""Raised by a section that has nothing to show."""


class LeftOut(ValueError):
    """Why a section is left out, in a sentence."""
