# Everything that is set up or built is in .build; `make clean` removes it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
B := .build
TOOLS := infra/tools
GOFILES = $(shell git ls-files '*.go')
# A constant in every binary, however it is built; a test holds it against CHANGELOG.md.
VERSION = $(shell sed -n 's/^const Current = "\(.*\)"/\1/p' pkg/version/version.go)

# What a user has: the SAM CLI, the AWS CLI, and an AWS to deploy into.
JOURNEY := $(B)/sam/done $(B)/ministack/done $(B)/awscli/aws
# The real clients beside OpenTofu.
CLIENTS := $(B)/bin/terragrunt $(B)/bin/terraform-1.5.7

# What nobody here wrote: what installs in less than a minute, and the others.
ENGINES := $(B)/engines/done $(B)/bin/aws-lambda-rie
MORE_ENGINES := $(B)/bin/versitygw $(B)/bin/weed $(if $(findstring dynoxide,$(WITHOUT)),,$(B)/cargo/bin/dynoxide)

# Tools and clients that are built here: without inlining that takes a third less time, and they run hardly slower. The tag
# leaves out a part of Google's storage client that nobody here uses, and that is large.
# (The emulator that benchmarks go through is built as AWS builds it.)
TOOL = cd $(TOOLS)/$(1) && CGO_ENABLED=0 go build -trimpath -gcflags='all=-l -dwarf=false' -ldflags '-s -w' -tags disable_grpc_modules -o ../../../

# Python compiles what it uses once, and not at every start.
unexport PYTHONDONTWRITEBYTECODE

# Where a part is not installed, go test leaves out what needs it. Here that is a failure.
test journey chaos bench: export LOCKWARDEN_TESTS := all

.PHONY: help setup demo journey engines console pictures test fuzz chaos bench build reproducible sbom release vuln lint prose template ci clean deploy unlock
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(B)/venv/done $(B)/bin/tofu ## install what demo and test need into .build

# It installs in seconds what takes pip a minute, and it comes from PyPI itself.
UV := $(B)/uv/bin/uv
$(UV): $(TOOLS)/uv.txt
	@command -v python3 >/dev/null || { echo 'Python 3 is missing: install it (Debian: apt-get install python3 python3-venv)'; exit 1; }
	@python3 -m venv $(B)/uv || { echo 'python3 cannot make a virtual environment (Debian: apt-get install python3-venv)'; exit 1; }
	@$(B)/uv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The local AWS (moto) with the SAM transform, the SAM CLI, an AWS that deploys (MiniStack), and Node.
$(B)/venv/done: $(TOOLS)/requirements.txt
$(B)/sam/done $(B)/ministack/done $(B)/node/done: $(B)/%/done: $(TOOLS)/%.txt
$(B)/venv/done $(B)/sam/done $(B)/ministack/done $(B)/node/done: $(UV)
	@echo '> installing $(notdir $(@D)) into $(@D): seconds, once'
	@$(UV) venv --quiet --clear --python "$$(command -v python3)" $(@D)
	@$(UV) pip install --quiet --cache-dir $(B)/uv/cache --python $(@D) -r $(filter %.txt,$^)
	@touch $@

# Node comes from PyPI, so that nothing but Go and Python need be there.
$(B)/engines/done: $(TOOLS)/engines/package.json $(TOOLS)/engines/package-lock.json $(B)/node/done
	@echo '> installing dynalite and s3rver into $(B)/engines: ten seconds, once'
	@mkdir -p $(B)/engines
	@cp $(TOOLS)/engines/package.json $(TOOLS)/engines/package-lock.json $(B)/engines
	@PATH="$(abspath $(B))/node/bin:$$PATH" npm ci --prefix $(B)/engines --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

# What AWS puts into its container images to run a function.
$(B)/bin/aws-lambda-rie: $(TOOLS)/rie/go.mod $(TOOLS)/rie/go.sum
	@echo '> building the Lambda runtime interface emulator from the Go module proxy: a minute, once'
	@mkdir -p $(B)/bin
	@cd $(TOOLS)/rie && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../../../$@ github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie
	@touch $@

$(B)/bin/versitygw: $(TOOLS)/versitygw/go.mod $(TOOLS)/versitygw/go.sum
	@echo '> building versitygw from the Go module proxy: two to five minutes, once'
	@$(call TOOL,versitygw)$@ github.com/versity/versitygw/cmd/versitygw
	@touch $@

$(B)/bin/weed: $(TOOLS)/seaweedfs/go.mod $(TOOLS)/seaweedfs/go.sum
	@echo '> building SeaweedFS from the Go module proxy: ten minutes, once'
	@mkdir -p $(B)/bin
	@$(call TOOL,seaweedfs)$@ github.com/seaweedfs/seaweedfs/weed
	@touch $@

$(B)/cargo/bin/dynoxide:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install it (Debian: apt-get install cargo), or leave dynoxide out: make engines WITHOUT=dynoxide'; exit 1; }
	@echo '> building dynoxide from crates.io: five minutes, once'
	@cargo install --quiet --locked dynoxide-rs --version 3.2.0 --no-default-features --features native-sqlite,http-server,cli --root $(B)/cargo
	@touch $@

$(B)/awscli/aws: $(TOOLS)/awscli.sh
	@$< $(B)/awscli
	@touch $@

$(B)/bin/tofu: $(TOOLS)/tofu/go.mod $(TOOLS)/tofu/go.sum
	@command -v go >/dev/null || { echo 'Go is missing: see https://go.dev/doc/install'; exit 1; }
	@echo '> building OpenTofu from the Go module proxy: three to six minutes, once'
	@$(call TOOL,tofu)$@ github.com/opentofu/opentofu/cmd/tofu
	@touch $@

# What this and the next one share with OpenTofu has the version that OpenTofu needs, where that is newer and they take it: it is compiled once.
$(B)/bin/terragrunt: $(TOOLS)/terragrunt/go.mod $(TOOLS)/terragrunt/go.sum | $(B)/bin/tofu
	@echo '> building Terragrunt from the Go module proxy: one to three minutes, once'
	@$(call TOOL,terragrunt)$@ github.com/gruntwork-io/terragrunt
	@touch $@

# The last release before HashiCorp's change of licence, and the last with the first AWS SDK: it keeps double slashes in the rows of a lock table.
$(B)/bin/terraform-1.5.7: $(TOOLS)/terraform15/go.mod $(TOOLS)/terraform15/go.sum | $(B)/bin/tofu
	@echo '> building Terraform 1.5.7 from the Go module proxy: one to three minutes, once'
	@$(call TOOL,terraform15)$@ github.com/hashicorp/terraform
	@touch $@

$(B)/bin/golangci-lint $(B)/bin/gofumpt &: $(TOOLS)/lint/go.mod $(TOOLS)/lint/go.sum
	@echo '> building the linters from the Go module proxy: three minutes, once'
	@mkdir -p $(B)/bin
	@$(call TOOL,lint)$(B)/bin/ mvdan.cc/gofumpt github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $(B)/bin/golangci-lint $(B)/bin/gofumpt

demo: setup ## real clients leave stuck locks on a local AWS; the monitor alerts; on-call releases
	@go run ./infra/demo

console: setup ## the dashboard's page on the local AWS, its buttons working, until Ctrl-C
	@go run ./infra/console

PICTURES ?= docs/pictures
pictures: setup ## a headless Chromium presses the buttons of the page and takes pictures of it
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || { echo 'Chromium is missing: install it (Debian: apt-get install chromium), or name one in CHROMIUM'; exit 1; }
	@mkdir -p $(PICTURES)
	@cd $(TOOLS)/browser && CGO_ENABLED=0 go build -trimpath -o ../../../$(B)/browser .
	@CHROMIUM="$${CHROMIUM:-chromium}" go run ./infra/console -then $(abspath $(B))/browser $(abspath $(PICTURES))

journey: setup $(JOURNEY) ## the way of a user on MiniStack: sam deploy, a client that dies, alert, release, plan
	go test ./infra/journey -run UsersWay -count 1 -v

# All of them, or a failure: WITHOUT names what is left out on purpose (dynoxide,terraform).
WITHOUT ?=
engines: setup $(JOURNEY) $(ENGINES) $(MORE_ENGINES) ## real stores that nobody here wrote: the promises and scenes that hold on each, as tables
	@go run ./infra/engines -without '$(WITHOUT)'$(if $(WRITE), -write)
	LOCKWARDEN_TESTS=$(if $(findstring dynoxide,$(WITHOUT)),all,engines) go test ./infra/onpremises

test: setup $(CLIENTS) $(JOURNEY) $(ENGINES) ## every test, real clients included, under the race detector but for those of volume
	@# The longest packages first, so that none of them is left alone at the end; one more than
	@# there are cores, since they wait for clients and for the local AWS. Vet is lint's, and symbols for a
	@# debugger take a third of the time to link.
	go test -race -vet=off -ldflags='-s -w' -p $$(($$(nproc) + 1)) -timeout 30m ./infra/journey ./pkg/prune ./infra/chaos ./infra/stack ./functions/... ./... # a package at most: real clients on a busy machine take their time
	@# The tests of files that the race detector is not for, in every package that has such.
	@files=$$(grep -lE '^//go:build !race$$' $(filter %_test.go,$(GOFILES)) | xargs grep -lE '^func (Test|Fuzz)') && [ -n "$$files" ] && \
	tests=$$(grep -hoE '^func (Test|Fuzz)\w+' $$files | cut -c6- | paste -sd '|' -) && echo "go test -run '$$tests'" && \
	go test -vet=off -count 1 -run "^($$tests)$$" $$(dirname $$files | sort -u | sed 's|^|./|')

fuzz: ## ten seconds of fuzzing for each parser
	@for pkg in $$(grep -lE '^func Fuzz' $(GOFILES) | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -hoE '^func Fuzz\w+' $$pkg/*_test.go | cut -c6-); do \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime 10s -fuzzminimizetime 1s ./$$pkg; done; done

# For minutes: FOR is how long real clients race, INTERLEAVINGS how many the model tries.
FOR ?= 2m
INTERLEAVINGS ?= 20000
chaos: setup $(CLIENTS) ## every AWS call fails in every way, real clients race with all functions: ends with a table
	@go run ./infra/chaos/direct $(B)/direct
	go test -modfile $(B)/direct/go.mod ./infra/chaos -run '^Test(Duels|Waiting|Identity|AutomaticDuels|AnyInterleaving|AutomaticInterleavings|SomeInterleavingsOnMoto)$$' -count 1 -timeout 12h -duels=1 -interleavings=$(INTERLEAVINGS)
	LOCKWARDEN_CALLS=each go test ./pkg/prune ./pkg/repair ./pkg/unlock ./pkg/monitor -count 1 -timeout 60m
	go run ./infra/chaos -for $(FOR)
	go test ./infra/chaos -run '^TestMutations$$' -count 1 -timeout 90m -mutations -v

build: ## the functions as Lambda runs them, for arm64, into .build/lambda
	@for f in functions/*/; do name=$$(basename $$f); \
	  CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -buildvcs=false -ldflags '-s -w' -tags lambda.norpc -o $(B)/lambda/$$name/bootstrap ./$$f; \
	  python3 infra/tools/zip.py $(B)/lambda/$$name/bootstrap $(B)/lambda/$$name.zip $(VERSION); \
	  ls -l $(B)/lambda/$$name.zip | awk '{ print $$9, $$5, "bytes"; exit $$5 > 5242880 }' || { echo 'the zip is over its budget of 5 MB'; exit 1; }; done

# Another folder and an empty cache, so that nothing but the sources decides the bytes.
reproducible: build ## build again elsewhere, from nothing: the same bytes
	@again=$$(mktemp -d); trap 'rm -rf "$$again"' EXIT; git ls-files -z | xargs -0 cp --parents -t "$$again"; git init -q "$$again"; \
	GOCACHE="$$again/cache" MAKEFLAGS= make --no-print-directory -C "$$again" build >/dev/null; \
	for zip in $(B)/lambda/*.zip; do cmp "$$zip" "$$again/$$zip"; sha256sum "$$zip"; done

$(B)/bin/cyclonedx-gomod: $(TOOLS)/sbom/go.mod $(TOOLS)/sbom/go.sum
	@echo '> building the SBOM tool from the Go module proxy: a minute, once'
	@mkdir -p $(B)/bin
	@$(call TOOL,sbom)$@ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	@touch $@

# It reads what is in the binaries, and the licences in the module cache: it asks nobody. It looks for licences only when it is given a version.
sbom: build $(B)/bin/cyclonedx-gomod ## a CycloneDX bill of materials of each function, into .build/lambda
	@for f in functions/*/; do name=$$(basename $$f); \
	  GOPROXY="file://$$(go env GOMODCACHE)/cache/download" GOOS=linux GOARCH=arm64 $(B)/bin/cyclonedx-gomod bin -version v$(VERSION) -json -licenses -std -noserial -notimestamp \
	    -output $(B)/lambda/$$name.cdx.json $(B)/lambda/$$name/bootstrap 2>/dev/null; \
	  python3 -c 'import json, sys; parts = json.load(open(sys.argv[1]))["components"]; print(sys.argv[1], len(parts), "components"); sys.exit(not parts)' $(B)/lambda/$$name.cdx.json; done

release: reproducible sbom ## what a release attaches, into dist: to deploy without Go, with checksums and bills of materials
	@[ -z "$${TAG:-}" ] || [ "$$TAG" = "v$(VERSION)" ] || { echo "the tag is $$TAG, and the version $(VERSION)"; exit 1; }
	@python3 $(TOOLS)/release.py $(VERSION) dist

$(B)/bin/govulncheck: $(TOOLS)/lint/go.mod $(TOOLS)/lint/go.sum
	@mkdir -p $(B)/bin
	@$(call TOOL,lint)$@ golang.org/x/vuln/cmd/govulncheck
	@touch $@

# Exit code 3 is a vulnerability. Where the database cannot be reached nothing is known: that is said, and
# fails only with VULN=required. GOVULNDB names a mirror of it.
vuln: $(B)/bin/govulncheck ## known vulnerabilities in what the functions call
	@if out=$$($(B)/bin/govulncheck ./functions/... 2>&1); then echo "$$out"; else code=$$?; echo "$$out"; \
	  case "$$code $$out" in *'fetching vulnerabilities'*) echo '! NOT CHECKED for known vulnerabilities: their database cannot be reached from here'; [ "$${VULN:-}" != required ];; *) exit $$code;; esac; fi

bench: $(B)/venv/done $(B)/bin/aws-lambda-rie ## what the functions cost, cold and as whole processes, beside a boto3 peer; then Go's own benchmarks
	@go run ./infra/bench
	@go test -run '^$$' -bench . -benchmem $$(grep -lE '^func Benchmark' $(GOFILES) | xargs -n1 dirname | sort -u | sed 's|^|./|')

lint: $(B)/bin/golangci-lint $(B)/bin/gofumpt ## formatting, vet, linters
	@unformatted=$$($(B)/bin/gofumpt -l $(GOFILES)); [ -z "$$unformatted" ] || { echo "run gofumpt on: $$unformatted"; exit 1; }
	GOOS=darwin go vet -gcflags='all=-N -l' ./... # people work on macOS too; what vet reads of packages is there sooner so
	$(B)/bin/golangci-lint run # with vet for this machine

$(B)/bin/vale: $(TOOLS)/prose/go.mod $(TOOLS)/prose/go.sum
	@mkdir -p $(B)/bin
	@$(call TOOL,prose)$@ github.com/errata-ai/vale/v2/cmd/vale
	@touch $@

# Everything that people read, names in the code included; the first lines show that words and spelling are looked for at all.
prose: $(B)/bin/vale ## plain words and one spelling: the lists are in infra/tools/prose
	@for word in lies col''or; do ! $(B)/bin/vale --output=line "It $$word in the table." >/dev/null || { echo "$$word is not found: see .vale.ini"; exit 1; }; done
	@! grep -L '^## Decision$$' docs/adr/*.md | sed 's/$$/ has no heading "## Decision"/' | grep .
	$(B)/bin/vale --output=line $$(git ls-files | grep -E '\.(go|md|yaml|yml|py|sh)$$|^Makefile$$' | grep -vE '/testdata/|^$(TOOLS)/prose/')

template: $(B)/venv/done ## check template.yaml: cfn-lint, and the real SAM transform
	$(B)/venv/bin/cfn-lint -r us-east-1 eu-central-1 us-gov-west-1 cn-north-1 -- template.yaml infra/iam/*.yaml
	$(B)/venv/bin/cfn-lint infra/chat/amazon-q.yaml
	$(B)/venv/bin/python infra/local/transform.py template.yaml >/dev/null

ci: ## what must pass before anything lands
	@# Two at a time: linking and downloading leave a core idle.
	$(MAKE) --no-print-directory -j2 --output-sync=target lint prose template sbom vuln setup $(CLIENTS) $(JOURNEY) $(ENGINES)
	$(MAKE) --no-print-directory test

deploy: ## sam build and a guided sam deploy into your account
	GOFLAGS="-trimpath -tags=lambda.norpc '-ldflags=-s -w'" sam build # a third of the size; sam has no other way to say it
	sam deploy --guided

# What is pasted is text. make expands a variable of its command line, $(shell …) included, when it hands it
# to a recipe; `value` reads it as it was given, and `:=` keeps it so.
ifneq ($(filter unlock,$(MAKECMDGOALS)),)
# The same for whatever else stands in the command line, such as a misspelt LOCKID: make would
# expand it for the environment of every recipe.
given = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
$(foreach name,LOCK_ID REASON FORCE DRY_RUN STACK $(given),$(eval override $(name) := $$(value $(name))))
export LOCK_ID REASON FORCE DRY_RUN STACK
endif
unlock: ## release a lock: make unlock LOCK_ID=ID REASON='…' [FORCE=true] [DRY_RUN=true] [STACK=lockwarden]; or pipe the error into it
	@# Texts go by the environment and standard input, never through a shell. With a REASON it does not ask again.
	@# Nothing is pasted while go builds: a control character in it would end make, and what is behind it go to the shell.
	@[ -n "$${LOCK_ID-}" ] || [ ! -t 0 ] || { echo "unlock: give LOCK_ID=…, or pipe the error into it" >&2; exit 1; }
	@set --; [ "$${FORCE-}" != true ] || set -- "$$@" --force; [ "$${DRY_RUN-}" != true ] || set -- "$$@" --dry-run; [ -z "$${REASON-}" ] || set -- "$$@" --yes; \
	[ -z "$${LOCK_ID-}" ] || exec < <(printf '%s' "$$LOCK_ID"); \
	LOCKWARDEN_STACK="$${STACK:-lockwarden}" LOCKWARDEN_REASON="$${REASON-}" exec go run -trimpath ./cmd/lockwarden unlock - "$$@"

clean: ## remove all that make set up or built
	rm -rf $(B) .aws-sam dist
