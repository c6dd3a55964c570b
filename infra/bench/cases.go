package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// latency is what each call takes at least. It also keeps the SDK's HTTP client from
// losing answers that come at once.
const latency = time.Millisecond

// measured is one line of the table.
type measured struct {
	name    string
	program string // what of programs to run
	payload string
	world   *scale.World
	// warmUp runs it once before, so that the ledger knows the locks.
	warmUp bool
	// before readies the world for each run, and after says whether the run did its work.
	before func(*scale.World)
	after  func(*scale.World) error
	// emulate is whether its start is measured under AWS's own emulator too.
	emulate bool
	runs    int     // 0: as many as asked for
	hold    int64   // bytes; 0: any
	limits  figures // to reach
	peer    figures // taken on the machine where the limits were set
}

// figures are those of a line; 0: none is known.
type figures struct {
	init, wall, cpu time.Duration
	rss             int64 // bytes
}

// memory is what the template gives the functions, in MB.
var memory = map[string]int{"prune": 512, "inventory": 256}

const (
	leastMemory = 128
	held        = leastMemory << 20
)

// site is an AWS with one lock table, one bucket, and what the functions write to.
func site(rows, locks, keys, lockObjects int) *scale.World {
	taken := time.Now().Add(-10 * time.Minute)
	return &scale.World{
		Latency: latency,
		Tables: map[string]*scale.Table{
			"locks":  scale.LockTable("locks", scale.Crowd{States: rows - locks, Locks: locks, Taken: taken}),
			"ledger": scale.Ledger("ledger"),
		},
		Buckets: map[string]*scale.Bucket{
			"states": {Name: "states", Crowd: scale.Crowd{States: keys - lockObjects, Locks: lockObjects, Taken: taken}},
		},
	}
}

// environment is what the template gives a function, and what every Lambda has.
func environment(program, endpoint string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "TRUST_STORES": "true", "AWS_REGION": scale.Region, "AWS_DEFAULT_REGION": scale.Region,
		"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_SESSION_TOKEN": "bench",
		"AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(cmp.Or(memory[program], leastMemory)), "GOMAXPROCS": "1",
		"TABLE_ARNS": scale.TableARN("locks"), "BUCKET_ARNS": scale.BucketARN("states"), "TABLE_NAME": "locks",
		"ACCOUNT_ID": scale.Account, "LEDGER_TABLE": "ledger", "METRIC_NAMESPACE": "Lockwarden",
		"TOPIC_ARN":       fmt.Sprintf("arn:aws:sns:%s:%s:alerts", scale.Region, scale.Account),
		"UNLOCK_FUNCTION": "unlock", "PRUNE_PATHS": "branches/**", "SLACK_WEBHOOK_PARAMETER": "webhook",
		"UNLOCK_FUNCTION_ARN": "arn:aws:lambda:eu-central-1:123456789012:function:unlock", "REPORT_BUCKET": "reports",
	}
}

const few = 3 // locks in a quiet account

// cases are the lines of the table.
func cases() []measured {
	all := []measured{
		{name: "empty Go Lambda", program: "empty", emulate: true, world: site(200, few, 1000, 0), peer: figures{init: 3100 * time.Microsecond}},
		{name: "Go Lambda that loads the SDK, one page", program: "sdk", emulate: true, world: site(200, few, 1000, 0), peer: figures{init: 5300 * time.Microsecond}},
	}
	sizes := []int{200, 100_000, 1_000_000}
	for i, cpu := range []time.Duration{299, 319, 361} {
		all = append(all, measured{
			name: "boto3, " + thousands(sizes[i]) + " rows", program: "boto3", world: site(sizes[i], few, 1000, 0), peer: figures{cpu: cpu * time.Millisecond},
		})
	}
	for i, cpu := range []time.Duration{12, 30, 60} {
		all = append(all, measured{
			name: "monitor, " + thousands(sizes[i]) + " rows", program: "monitor", emulate: i == 0, world: site(sizes[i], few, 1000, 0), warmUp: true,
			limits: figures{init: 7 * time.Millisecond, cpu: cpu * time.Millisecond, rss: 24 << 20},
		})
	}
	all = append(all, pruning(1000, figures{wall: 5 * time.Second, cpu: 3 * time.Second}), pruning(5000, figures{wall: 25 * time.Second}))
	all = append(all, inventories()...)
	taken := time.Now().Add(-time.Hour)
	one := site(100_000, 0, 1000, 0)
	one.Tables["locks"].Put(scale.Lock("states/one", "78007e4f-7284-5b8c-b34c-620445a03e9c", taken))
	return append(
		all,
		measured{
			name: "unlock (dry run), 100,000 rows", program: "unlock", emulate: true, world: one,
			payload: `{"lock_id":"78007e4f-7284-5b8c-b34c-620445a03e9c","dry_run":true}`,
		},
		measured{
			name: "console, 200 rows", program: "console", emulate: true, world: site(200, few, 1000, 0),
			payload: `{"widgetContext":{"dashboardName":"bench","params":{}}}`,
		},
		measured{name: "slack, its start alone", program: "slack", emulate: true, world: site(200, few, 1000, 0), payload: `{"Records":[]}`},
		measured{name: "monitor, bucket of 100,000 keys, 100 locks", program: "monitor", world: site(200, few, 100_000, 100), warmUp: true, hold: held, runs: 3},
		measured{name: "monitor, bucket of 1,000,000 keys, 100 locks", program: "monitor", world: site(200, few, 1_000_000, 100), warmUp: true, hold: held, runs: 3},
		measured{name: "monitor, 100,000 rows, 10,000 locks, first scan", program: "monitor", world: site(100_000, 10_000, 1000, 0), hold: held, runs: 1},
		measured{name: "monitor, 1,000,000 rows, 50,000 locks, first scan", program: "monitor", world: site(1_000_000, 50_000, 1000, 0), hold: held, runs: 1},
		measured{name: "monitor, 1,000,000 rows, 50,000 locks, later scan", program: "monitor", world: site(1_000_000, 50_000, 1000, 0), warmUp: true, hold: held, runs: 1},
	)
}

// inventories are held to what the template gives the function: 10,000 states of 20 objects
// and as many kilobytes, when all are new and when none has changed, and one of 100 MB.
func inventories() []measured {
	const mostly = 256 << 20
	large := scale.Stock(0, 0)
	return []measured{
		{name: "inventory, 10,000 states of 20 kB, first run", program: "inventory", world: scale.Stock(10_000, 20), hold: mostly, runs: 1},
		{name: "inventory, 10,000 states of 20 kB, later run (nothing new)", program: "inventory", world: scale.Stock(10_000, 20), warmUp: true, hold: mostly, runs: 1},
		{
			name: "inventory, one state of 100 MB", program: "inventory", world: large, hold: mostly, runs: 1,
			before: func(w *scale.World) {
				w.Buckets["states"].Put("large/terraform.tfstate", scale.State(0, 100_000), time.Now().Add(-time.Hour))
			},
		},
	}
}

// pruning deletes that many stale states, all empty and each with a digest, at 5 ms a call.
func pruning(stale int, limits figures) measured {
	w := site(200, 0, 1000, 0)
	w.Latency = 5 * time.Millisecond
	return measured{
		name: fmt.Sprintf("prune, %s stale states, 5 ms a call", thousands(stale)), program: "prune", world: w, runs: 5, limits: limits,
		before: func(w *scale.World) {
			const state = `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"l","outputs":{},"resources":[],"check_results":null}`
			for i := range stale {
				key := fmt.Sprintf("branches/feature-%05d/terraform.tfstate", i)
				w.Buckets["states"].Put(key, state, time.Now().Add(-60*24*time.Hour))
				w.Tables["locks"].Put(scale.Digest("states/"+key, state))
			}
		},
		after: func(w *scale.World) error {
			if states, digests := w.Buckets["states"].Len(), w.Tables["locks"].Len(); states+digests > 0 {
				return fmt.Errorf("%d states and %d digests are left", states, digests)
			}
			return nil
		},
	}
}
