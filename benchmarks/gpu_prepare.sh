#!/usr/bin/env bash
# Prepare, on a machine with a network, what `python -m benchmarks.gpu` takes to a machine with a GPU and without one.
#
#   benchmarks/gpu_prepare.sh [--data_path=FOLDER] [--out=FOLDER] [--python=3.12] [--platform=x86_64] [--without_recbole]
#
# FOLDER of --data_path holds amazon-toys (see results/speed); its codes, features and item pairs go into OUT/toys.npz.
# Without --data_path there is no such file, and items are made up on the other machine.
# OUT (prepared, which git ignores) gets wheels of what a machine with PyTorch, transformers, pandas, SciPy and
# scikit-learn may lack: vector-quantize-pytorch for the benchmark, and RecBole 1.2.1 with what it imports, so that
# whole runs are possible there too. --python and --platform are those of the other machine.
#
# There, in a copy of this checkout with OUT in it, the one command is
#
#   python3 -m pip install -q --no-index --no-deps --target=prepared/site prepared/wheels/*.whl &&
#     PYTHONPATH=prepared/site:. python3 -m benchmarks.gpu --prepared=prepared
#
# It ends within eight minutes and writes results.jsonl and README.md into $OUT, or into results/gpu where that is unset.
set -euo pipefail

out=prepared data_path= python=3.12 platform=x86_64 recbole=yes
for option in "$@"; do
    case $option in
        --out=*) out=${option#*=} ;;
        --data_path=*) data_path=${option#*=} ;;
        --python=*) python=${option#*=} ;;
        --platform=*) platform=${option#*=} ;;
        --without_recbole) recbole= ;;
        *) sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; echo "unknown option $option" >&2; exit 2 ;;
    esac
done
cd "$(dirname "$0")/.."
mkdir -p "$out/wheels"

packages=(vector-quantize-pytorch torch-einops-utils einops)
if [ -n "$recbole" ]; then
    packages+=(recbole==1.2.1 colorlog==4.7.2 colorama thop texttable tabulate plotly narwhals safetensors "setuptools<82")
fi
platforms=()
for version in 2_5 2_12 2_17 2_24 2_27 2_28 2_31 2_34; do platforms+=(--platform "manylinux_${version}_$platform"); done
# Not what these need in turn: PyTorch is there, and is too large to be carried.
python3 -m pip download --quiet --no-deps --only-binary=:all: --implementation cp --python-version "$python" \
    "${platforms[@]}" --platform "manylinux2014_$platform" --platform "manylinux1_$platform" \
    --dest "$out/wheels" "${packages[@]}"

if [ -n "$data_path" ]; then
    python3 -m benchmarks.on_gpu.prepare --data_path="$data_path" --out="$out"
fi
du -sh "$out"
echo "On the machine with the GPU:"
echo "  python3 -m pip install -q --no-index --no-deps --target=$out/site $out/wheels/*.whl &&"
echo "    PYTHONPATH=$out/site:. python3 -m benchmarks.gpu --prepared=$out"
