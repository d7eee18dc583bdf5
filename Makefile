# `make help` lists the targets. All builds share .build: debug for the tests, release for everything else.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# One set of flags for every release build, so that none of them builds again what another one has built.
# Equal functions are folded, and names that nobody asks the program for are left out: a tenth of its size. What runs
# together stands together (scripts/order-functions): a tick then touches half as many pages.
# Another list has another name: a linker is run again for that.
order := .build/functions-$(shell cksum < packaging/functions.order | cut -d ' ' -f 1).order
release := mkdir -p .build && cp packaging/functions.order $(order) && swift build -c release --static-swift-stdlib -Xswiftc -Xfrontend -Xswiftc -function-sections \
	-Xlinker --icf=safe -Xlinker --version-script=$(CURDIR)/packaging/symbols.map \
	-Xlinker --section-ordering-file=$(CURDIR)/$(order)
products := .build/release

DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?= all
LAB_ARGS ?=
SOAK_ARGS ?=
FUZZ_SECONDS ?= 60
SIMULATE_ARGS ?=
FAULT_ROUNDS ?= 20
CONFORMANCE_PAGE ?= docs/http-conformance.md

.PHONY: help demo test simulate faults crashes lint build looks bench soak deb lab conformance fuzz order man clean

help: ## Lists the targets.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: ## Brings up a whole troop on this machine (DEMO_ARGS="--agents 3"); Ctrl-C ends it.
	@scripts/bootstrap build demo
	@$(release) --product troop
	@exec $(products)/troop demo $(DEMO_ARGS)

test: ## Runs all tests (TEST_ARGS="--filter Election").
	@scripts/bootstrap build demo test
	@scripts/venv flags >/dev/null
	@scripts/venv cloud >/dev/null
	@scripts/venv browser >/dev/null
	@swift build --build-tests
	@scripts/run-tests $(TEST_ARGS)

simulate: ## Runs whole troops under faults for a million steps, and checks the invariants (SIMULATE_ARGS="--seed 7 --trace").
	@scripts/bootstrap build
	@$(release) --product simulate
	@exec $(products)/simulate $(SIMULATE_ARGS)

faults: ## Strikes real troops with each fault of the election's table, FAULT_ROUNDS times (20).
	@scripts/bootstrap build demo test
	@swift build --build-tests
	@FAULT_ROUNDS=$(FAULT_ROUNDS) swift test --skip-build --no-parallel --disable-xctest --filter '((Process|Network|Store|Sentinel|Split|Effect)Fault|Crowd)Tests'

crashes: ## Kills a leader at every point of a launch and of a reboot, against a cloud that counts (some 20 minutes).
	@scripts/bootstrap build demo test
	@scripts/venv cloud >/dev/null
	@swift build --build-tests
	@CRASH_POINTS=all swift test --skip-build --no-parallel --disable-xctest --filter CrashPointTests

lint: ## Checks the style of the Swift sources and the shell scripts.
	@scripts/bootstrap lint
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks
	@shellcheck $$(grep -lsE '^#!.*(bash|/sh)$$' scripts/* .ci/run packaging/debian/p* packaging/lib/* Tests/MetricsTests/Captured/guest)
	@cd ansible && ansible-lint --offline --profile production -q site.yml provision.yml production.yml upgrade.yml
	@echo "lint: no complaint"

build: ## Builds the release binary and prints its path and size.
	@scripts/bootstrap build
	@$(release) --product troop
	@echo "built: $(CURDIR)/$(products)/troop ($$(du -Lh --apparent-size $(products)/troop | cut -f 1))"

looks: ## Fails when a look of each second at the host or its control group allocates, as the release build has it.
	@scripts/bootstrap build
	@$(release) --product bench-looks
	@$(products)/bench-looks --strict

bench: ## Measures the proxy beside HAProxy and nginx, and the agent's tick (BENCH_ARGS="proxy --rounds 3").
	@scripts/bootstrap build bench
	@$(release)
	@exec $(products)/bench $(BENCH_ARGS)

soak: ## Puts a troop under load and trouble for half an hour: nothing may grow or fail (SOAK_ARGS="--for 3m").
	@scripts/bootstrap build demo
	@$(release)
	@exec $(products)/bench soak $(SOAK_ARGS)

deb: ## Makes the Debian package and the tarball in .build/package, and has lintian look at the former.
	@scripts/bootstrap build package
	@$(release) --product troop
	@rm -rf .build/package && scripts/package $(products)/troop .build/package
	@lintian --allow-root --fail-on error,warning .build/package/*.deb

lab: deb ## Boots Debian hosts on this machine and lives the story on them (root; LAB_ARGS="--short").
	@scripts/bootstrap lab
	@exec python3 Tests/lab/run.py --deb .build/package/troop_*.deb $(LAB_ARGS)

conformance: ## Plays raw byte cases to the proxy, HAProxy and nginx and writes CONFORMANCE_PAGE.
	@scripts/bootstrap build
	@swift build --product conformance-report
	@exec .build/debug/conformance-report $(CONFORMANCE_PAGE)

fuzz: ## Feeds the HTTP parsers what libFuzzer comes up with (FUZZ_SECONDS=60 for each of three targets).
	@scripts/bootstrap build
	@scripts/fuzz $(FUZZ_SECONDS)

order: ## Writes packaging/functions.order, by which the linker puts together what runs together.
	@scripts/bootstrap build bench order
	@$(release)
	@scripts/order-functions $(products) > .build/functions.order
	@mv .build/functions.order packaging/functions.order

man: ## Writes packaging/troop.1 from the commands' own help.
	@scripts/bootstrap build
	@swift build --product troop
	@scripts/man-page .build/debug/troop > packaging/troop.1
	@echo "man: packaging/troop.1"

clean: ## Removes everything that was built.
	rm -rf .build
