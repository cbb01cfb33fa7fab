# Serves a run folder over HTTP, on the CPU:
#   docker build -t recbole-adasid .
#   docker run -p 127.0.0.1:8000:8000 -v "$PWD/runs/NAME:/run-folder" recbole-adasid [--max_batch=64 ...]
# To add and remove items, pass a token (-e RECBOLE_ADASID_TOKEN=...) and give user 10001 write access to the run folder.

# On Python 3.12 and later, the package installs without RecBole, which serving does not need.
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

# The CPU build: the default one pulls in gigabytes of CUDA.
RUN pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu

WORKDIR /source
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY props props
COPY recbole_adasid recbole_adasid
RUN pip install '.[serve]' && rm -rf /source/*

RUN useradd --create-home --uid 10001 server
USER server
WORKDIR /home/server

EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]

ENTRYPOINT ["recbole-adasid", "serve", "--run_folder=/run-folder", "--host=0.0.0.0"]
