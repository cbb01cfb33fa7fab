"""Installation of recbole-adasid: its packages, its default settings (props/) and version ranges that work."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = "0.1.0"

# RecBole 1.2.1 leaves its ranges open and breaks on what pip takes today: ray 2.6.3, which RecBole pins, needs
# numpy 1 and setuptools < 82 (pkg_resources), and has no wheel for Python >= 3.12. There pip cannot resolve
# RecBole at all: it is installed by `pip install --no-deps recbole==1.2.1`, and the second table lists what it
# needs at run time, ray apart. distutils, which thop imports, left Python in 3.12; setuptools brings it back.
BELOW_3_12 = [
    "recbole>=1.2.1,<1.3",
    "numpy>=1.22,<2",
    "pandas>=1.4,<3",
]
FROM_3_12 = [
    "numpy>=1.26,<3",
    "pandas>=2.1,<4",
    "tqdm>=4.48.2",
    "colorlog==4.7.2",
    "colorama>=0.4.4",
    "tensorboard>=2.5.0",
    "thop>=0.1.1.post2207130030",
    "tabulate>=0.8.10",
    "plotly>=4.0.0",
    "texttable>=0.9.0",
    "psutil>=5.9.0",
]
EVERYWHERE = [
    "torch>=2.4,<3",
    "scipy>=1.7,<2",
    "scikit-learn>=1.0,<2",
    "pyyaml>=6,<7",
    "safetensors>=0.4,<1",
    "filelock>=3.12,<5",
    "jinja2>=3.0,<4",
    "markupsafe>=2.0,<4",
    "setuptools>=77.0.3,<82",
]
TEST = [
    "pytest>=7.4",
    "hypothesis>=6.80",
    "ruff>=0.12",
    "mypy>=1.10",
    "types-PyYAML",
    "transformers>=4.40",
    "pillow>=9.1",
    "vector-quantize-pytorch>=1.20",
    "faiss-cpu>=1.7.4",
    "matplotlib>=3.6",
]
# pyarrow from 22 on needs numpy 2 without saying so.
PARQUET = ["pyarrow>=12,<22; python_version < '3.12'", "pyarrow>=15; python_version >= '3.12'"]
# Before 0.2.7 hyperopt draws from numpy's old generators.
TUNING = ["hyperopt>=0.2.7"]
# RecBole brings ray 2.6.3 along where it can be resolved; it has no build for Python 3.12 and later.
RAY = ["ray>=2.6.3; python_version < '3.12'", "ray>=2.10; python_version >= '3.12'", *PARQUET]
BENCHMARK = ["vector-quantize-pytorch>=1.20", "transformers>=4.40", "matplotlib>=3.6"]


def with_marker(requirements: list, marker: str) -> list:
    """Return the requirements, each restricted to the Pythons that the marker names."""
    return [f"{requirement}; {marker}" for requirement in requirements]


setup(
    name="recbole-adasid",
    version=VERSION,
    description="Adaptive Semantic IDs (AdaSID) and TIGER as a plugin for RecBole",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="recbole-adasid authors",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    packages=[*find_packages(include=["recbole_adasid", "recbole_adasid.*"]), "recbole_adasid.props"],
    package_dir={"recbole_adasid.props": "props"},
    package_data={
        "recbole_adasid": ["py.typed"],
        "recbole_adasid.props": ["*.yaml", "*/*.yaml"],
        "recbole_adasid.grid": ["*.yaml", "grids/*.yaml"],
        "recbole_adasid.report": ["assets/*", "templates/*.html"],
    },
    install_requires=[
        *EVERYWHERE,
        *with_marker(BELOW_3_12, 'python_version < "3.12"'),
        *with_marker(FROM_3_12, 'python_version >= "3.12"'),
    ],
    extras_require={
        "text": ["sentence-transformers>=2.2"],
        "images": ["transformers>=4.40", "pillow>=9.1"],
        "scorecard": ["matplotlib>=3.6"],
        "parquet": PARQUET,
        "tuning": TUNING,
        "test": [*TEST, *PARQUET, *TUNING],
        "ray": RAY,
        "benchmark": BENCHMARK,
    },
    entry_points={"console_scripts": ["recbole-adasid = recbole_adasid.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
