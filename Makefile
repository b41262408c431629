# Myna's few commands. `make demo` and `make test` set everything up by themselves.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PROTOS := proto/myna.proto proto/worker.proto

# torch's threads wait for each other asleep: spinning for long makes tests crawl beside other work (daemon/processes/launcher_program.py gives workers the same)
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 10000

# what Python compiled is kept, also where the environment says otherwise: tests start a thousand processes
export PYTHONDONTWRITEBYTECODE :=

# test processes: one more than there are cores, for much of a test is waiting for a daemon; each may take a gigabyte
WORKERS ?= $(shell n=$$(($$(nproc) + 1)); echo $$((n < 4 ? n : 4)))

.PHONY: setup demo test test-long test-all check bench bench-all soak proto lint clean

setup: $(STAMP)  ## virtual environment with everything in it

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	@# torch first and alone: asked for by another package, pip would take the newest build with several GB of CUDA
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev,fish,push,watermark]"
	@# Resemblyzer declares webrtcvad (needs a compiler and pkg_resources) and typing; webrtcvad-wheels stands in, so: without its dependencies
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt Resemblyzer
	@# fish-speech's pins (torch 2.4, protobuf < 3.20, …) cannot be met beside ours, and what its model classes need is in the extra
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt fish-speech descript-audio-codec descript-audiotools
	touch $(STAMP)

demo: setup  ## the main job, end to end, offline: recordings in, a spoken sentence and a table out
	$(BIN)/python -m demo.run

test: setup  ## the default tests (some twelve minutes on two cores), and the twenty slowest of them
	$(BIN)/python -m pytest -m "not slow and not long" -n $(WORKERS) --durations 20

test-long: setup  ## whole ways, kills, and many examples of what the default tests show on few; CI runs them, too
	$(BIN)/python -m pytest -m "long and not slow" -n $(WORKERS) --durations 20

test-all: setup  ## every test, the heavy ones too, in a random order, and how much of the code they reach (watching that costs the default tests too much time)
	$(BIN)/python -m pytest -p randomly -n $(WORKERS) --cov=proto --cov=daemon --cov=engines --cov=tui --cov=sound --cov=doors --cov-report=term:skip-covered

check: setup  ## lint, types, import rules, generated code up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_house.py
	$(BIN)/python -m proto.check
	$(BIN)/python -m daemon.configuration

bench: setup  ## the benchmarks that belong to no group; keeps the last table in benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.run

bench-all: setup  ## every group in turn, so that all tables are of the same commit (most of a night on two cores); the soak is apart: make soak
	$(BIN)/python -m benchmarks.run --all

bench-%: setup  ## the benchmarks of a group (bench-xtts, bench-fish, bench-gpu, bench-dashboard, bench-hostile, bench-verdict, bench-learning, bench-first, bench-datasets, bench-judged, bench-doors, bench-operations, bench-far); keeps the last table in benchmarks/RESULTS-<group>.md
	$(BIN)/python -m benchmarks.run --group $*

soak: setup  ## an hour of everything at once, two days of the clock: does anything grow, does anything go wrong? Keeps benchmarks/RESULTS-soak.md; MINUTES=4 is shorter, and keeps nothing
	$(BIN)/python -m $(if $(MINUTES),benchmarks.soak --minutes $(MINUTES),benchmarks.run --group soak)

proto: setup  ## generated code from proto/*.proto
	$(BIN)/python -m proto.check --write

clean:  ## caches only; var/ is never touched
	rm -rf .mypy_cache .ruff_cache .pytest_cache .coverage demo/out
