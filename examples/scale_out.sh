#!/usr/bin/env bash
# Past one machine, on one machine: every step of docs/scale.md with real processes.
#
#   examples/scale_out.sh [FOLDER]
#
# Trains on MNIST in two processes, encodes on a Ray cluster of two nodes while a worker is killed,
# fills a Milvus cluster with two query nodes, serves it, kills a query node, and holds every answer
# against a collection in a folder. Takes some minutes and 4 GB of memory; Linux with x86-64.
#
# PYTHON names the environment's Python (.venv/bin/python); HASHLENS_DATA_DIR has MNIST, or
# DOWNLOAD=1 fetches it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec "${PYTHON:-.venv/bin/python}" examples/scale_out.py "$@"
