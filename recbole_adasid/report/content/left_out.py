"""What a section raises that cannot say anything of a run."""


class LeftOut(ValueError):
    """Why a section is left out, in a sentence."""
