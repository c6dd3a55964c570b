package scale

import (
	"fmt"
	"strings"
	"time"
)

// Stock is an AWS for an inventory: a bucket with that many states of so many objects each,
// a table with the right digest of each, a report bucket and a ledger. No two states have an
// object of the same name.
func Stock(states, objects int) *World {
	crowd := Crowd{States: states, Taken: time.Now().Add(-time.Hour), State: func(i int) string { return State(i, objects) }}
	return &World{
		Latency: time.Millisecond,
		Tables:  map[string]*Table{"locks": LockTable("locks", crowd), "ledger": Ledger("ledger")},
		Buckets: map[string]*Bucket{"states": {Name: "states", Crowd: crowd}, "reports": {Name: "reports"}},
	}
}

// State is the i-th state, with that many objects of a kilobyte each, as a client writes it.
func State(i, objects int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"version":4,"terraform_version":"1.11.4","serial":%d,"lineage":"l-%d","outputs":{},"resources":[`, i%100+1, i)
	for n := range objects {
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"mode":"managed","type":"aws_sqs_queue","name":"q%d","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"schema_version":0,"attributes":{"arn":"arn:aws:sqs:eu-west-1:123456789012:q-%d-%d","id":"https://sqs.eu-west-1.amazonaws.com/123456789012/q-%d-%d","policy":%q,"tags":{"team":"t"}},"sensitive_attributes":[],"private":"bnVsbA=="}]}`,
			n, i, n, i, n, padding)
	}
	b.WriteString(`],"check_results":null}` + "\n")
	return b.String()
}

var padding = strings.Repeat("x", 600)
