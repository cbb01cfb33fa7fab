"""Print what the installed recbole-adasid asks for on Python 3.12 and later, one requirement a line."""

from importlib.metadata import requires

from packaging.requirements import Requirement

NEWER = {"python_version": "3.12", "python_full_version": "3.12.0", "extra": ""}

for line in requires("recbole-adasid") or []:
    requirement = Requirement(line)
    if requirement.marker is None or requirement.marker.evaluate(NEWER):
        print(f"{requirement.name}{requirement.specifier}")
