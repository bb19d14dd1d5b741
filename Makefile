# make setup   what the tests need: PostgreSQL 13 and 17, PgBouncer, HAProxy, Jekyll, Hugo, Eleventy, Hunspell, and other people's readers of feeds and calendars
# make build   bin/lull
# make test    set-up, vet and the tests, the longest left out
# make test-all    every test, servers of 10 to 16 as sources of the checks, and 18 as a target; an hour or two
# make demo    a real upgrade on throw-away clusters; FROM and TO are its versions, SCALE, RATE and CLIENTS set its size, ROLLBACK=1 takes the way back, KEEP=1 leaves all up
# make test-kill   the long form of the kill -9 tests: lull is killed in every step, with new seeds; about half an hour
# make bench-switch   Lull's hold beside pg_upgrade --link, RUNS times on SCALE, RATE and CLIENTS; writes .bench/switch.json
# make chaos   some four hundred things go wrong in real maintenances, and no commit may be lost; half an hour on two quick cores, hours on slow ones.
#              SEED repeats a run, ONLY chooses cases by fault, phase or both (ddl, held, target-killed@held), CASES is how many at most,
#              PARALLEL how many side by side, MOMENTS at how many lull is killed at random; writes .bench/chaos.json. CARRY_ON=1 goes on
#              with a run that was stopped with Ctrl-C, and repeats what failed in it
# make bench-compare  all rows of both sides compared under load, RUNS times on SCALE, RATE and CLIENTS; writes .bench/compare.json
# make bench-forecast  a maintenance as its rehearsal had it be and as it came, RUNS times on SCALE, RATE and CLIENTS, and one whose copy
#              is slowed: when people are told; writes .bench/forecast.json
# make bench-after  what clients wait in the first minute after the switch against the minute before, RUNS times on SCALE, RATE and CLIENTS,
#              and the same without statistics and with a cold cache; writes .bench/after.json
# make bench-probes   10,000 web addresses on this machine, each probed every 10 s, RUNS times; writes .bench/probes.json
# make bench-page  the page and summary.json beside nginx with the same bytes in files, RUNS times; writes .bench/page.json
# make bench-sse   an entry on its way to CONNECTIONS (10,000) listeners, beside a plain net/http hub and the centrifuge library, RUNS times;
#                  writes .bench/sse.json
# make bench-widget   a fact on its way to the pages of CONNECTIONS (10,000) people who are signed in to a product, RUNS times; writes .bench/widget.json
# make bench-sites   the banner on 100 sites until every page shows it, and a preview of Jekyll sites after an edit of their theme, RUNS times;
#                  writes .bench/sites.json
# make bench-mail  MAILS (100,000) e-mails of one notice to a mail server on this machine, the sender killed in the middle, RUNS (3) times;
#                  writes .bench/mail.json
# make bench-intercom  CONTACTS (100,000) in-app messages within the rate limit that Intercom documents, the sender killed in the middle; eleven
#                  minutes, because no clock is scaled; writes .bench/intercom.json
# make shots   pictures of every page and state, taken by chromium, into .demo/shots
# make lint    the lint rules
# make clean   removes what was built; the set-up stays (make distclean removes it too)

# The versions of the demo and of the benchmarks that move a database.
export FROM ?= 13
export TO ?= 17

.PHONY: setup servers build test test-all test-kill chaos demo bench-switch bench-compare bench-forecast bench-after bench-probes bench-page bench-sse bench-widget bench-sites bench-mail bench-intercom shots lint clean distclean

setup:
	@scripts/toolchain 13 17 haproxy jekyll hugo hunspell
	@scripts/clients

# servers is what the demo and the benchmarks need.
servers:
	@scripts/toolchain $(FROM) $(TO)

build:
	go build -trimpath -o bin/lull ./cmd/lull

test: setup
	go vet ./...
	go test -short -timeout 60m ./...

test-all: setup
	@scripts/toolchain 15 18
	@scripts/oldservers
	go vet ./...
	go test ./... -timeout 40m

test-kill: setup
	go test ./internal/e2e -long -v -timeout 40m

chaos: servers
	go run ./cmd/lull-chaos

demo: servers build
	bin/lull demo

bench-switch bench-compare bench-forecast bench-after: export SCALE ?= 100
bench-switch bench-compare bench-forecast bench-after: export RATE ?= 400
bench-switch bench-compare bench-forecast bench-after: export CLIENTS ?= 16
bench-switch bench-compare bench-forecast bench-after: servers build
	go run ./cmd/lull-bench $(@:bench-%=%)

bench-probes:
	go build -trimpath -o bin/lull-bench ./cmd/lull-bench
	bin/lull-bench probes

bench-page: build
	@scripts/toolchain nginx wrk
	go build -trimpath -o bin/lull-bench ./cmd/lull-bench
	bin/lull-bench page

bench-widget: build
	go build -trimpath -o bin/lull-bench ./cmd/lull-bench
	bin/lull-bench widget

bench-mail bench-intercom:
	go build -trimpath -o bin/lull-bench ./cmd/lull-bench
	bin/lull-bench $(@:bench-%=%)

# The peers are a module of their own: what only a benchmark needs is none of Lull's dependencies.
bench-sse: build
	go build -C internal/bench/peers -o $(CURDIR)/.bench/peers .
	go build -trimpath -o bin/lull-bench ./cmd/lull-bench
	bin/lull-bench sse

bench-sites: build
	@scripts/toolchain jekyll
	go build -trimpath -o bin/lull-bench ./cmd/lull-bench
	bin/lull-bench sites

shots:
	mkdir -p .demo/shots
	go test ./internal/httpd -run TestPictures -timeout 20m -args -shots $(CURDIR)/.demo/shots

lint:
	@scripts/lint

clean:
	rm -rf bin .demo .bench

distclean: clean
	rm -rf .cache
