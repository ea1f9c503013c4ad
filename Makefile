# A thin face: every line can be typed by hand.
.PHONY: help build demo test soak bench clean start-bootstrap start-node test-multinode

help:
	@echo "make build             the library and the program, in build/"
	@echo "make demo              a cluster of three on this machine, shown step by step"
	@echo "make test              every test"
	@echo "make soak              more seeds, and the fuzzers (SEEDS=1000 SECONDS=60)"
	@echo "make bench             the benchmarks"
	@echo "make start-bootstrap   the first node of a cluster, in data/bootstrap"
	@echo "make start-node        one more node; INVITE=debros-invite-... the first time"
	@echo "make test-multinode    the tests that run whole clusters of processes"
	@echo "make clean"

build:
	scripts/setup build
	scripts/build

demo:
	scripts/demo

test:
	scripts/test

SEEDS = 1000
SECONDS = 60
soak:
	scripts/soak $(SEEDS) $(SECONDS)

bench: build
	scripts/build build -- all
	meson test -C build --no-rebuild --benchmark --verbose

test-multinode: build
	scripts/build build -- all
	meson test -C build --no-rebuild --print-errorlogs --suite process

clean:
	rm -rf build
