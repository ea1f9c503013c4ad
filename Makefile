# A thin face: every line can be typed by hand.
.PHONY: help build demo test soak bench clean start-bootstrap start-node test-multinode

help:
	@echo "make build             the library and the program, in build/"
	@echo "make demo              a cluster of three on this machine, shown step by step"
	@echo "make test              every test"
	@echo "make soak              more seeds, faults and strangers, and the fuzzers"
	@echo "                       (SEEDS=100000 SECONDS=60 GARBAGE=7200, seconds of it)"
	@echo "make bench             the benchmarks"
	@echo "make start-bootstrap   the first node of a cluster, in data/bootstrap"
	@echo "make start-node        one more node, in data/node (NODE=node2: in data/node2), invited"
	@echo "                       by the first one, or by INVITE=debros-invite-..."
	@echo "make test-multinode    the tests that run whole clusters of processes"
	@echo "make clean"

build:
	scripts/setup build
	scripts/build

demo:
	scripts/demo

test:
	scripts/test

SEEDS = 100000
SECONDS = 60
GARBAGE = 7200
soak:
	scripts/soak $(SEEDS) $(SECONDS) $(GARBAGE)

bench: build
	scripts/build build -- all
	meson test -C build --no-rebuild --benchmark --verbose

start-bootstrap: build
	[ -e data/bootstrap/operator.key ] || build/cli/debros init --data-dir data/bootstrap
	build/cli/debros node --data-dir data/bootstrap --listen /ip4/127.0.0.1/tcp/4001

NODE = node
start-node: build
	@set -e; join=; \
	if [ ! -e data/$(NODE)/peer.info ]; then \
	    invite=$${INVITE:-$$(build/cli/debros invite --node data/bootstrap)}; \
	    join="--invite $$invite"; \
	fi; \
	exec build/cli/debros node --data-dir data/$(NODE) $$join

test-multinode: build
	scripts/build build -- all
	meson test -C build --no-rebuild --print-errorlogs --suite process

clean:
	rm -rf build
