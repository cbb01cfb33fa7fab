"""Packages of recbole-adasid: the code, and the default settings (props/). Everything else is in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["recbole_adasid", "recbole_adasid.*"]), "recbole_adasid.props"],
    package_dir={"recbole_adasid.props": "props"},
    package_data={
        "recbole_adasid": ["py.typed"],
        "recbole_adasid.props": ["*.yaml", "*/*.yaml"],
        "recbole_adasid.grid": ["*.yaml", "grids/*.yaml"],
        "recbole_adasid.report": ["assets/*", "templates/*.html"],
        "recbole_adasid.server": ["static/*", "templates/*.html"],
    },
)
