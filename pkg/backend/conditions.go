package backend

import (
	"context"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/probe"
)

// Distrust has Conditions probe the stores at endpoints that are not AWS's. Without it every
// store is taken to honour conditional requests, as S3 and DynamoDB do.
func (s Set) Distrust() { s.clients.conditions.probes = true }

// Conditions reports whether the store honours the conditional requests that locks rely on. S3
// and DynamoDB do, and are asked nothing. A store at another endpoint is probed, once in the
// life of the process; what was not known is tried again after a while.
func (b *Bucket) Conditions(ctx context.Context) probe.Report {
	return b.conditions.of(b.arn, b.endpoint(), func() probe.Report { return probe.Bucket(ctx, b.s3, b.name) })
}

// endpoint is where the bucket is called; nil where AWS's own is.
func (b *Bucket) endpoint() *string {
	region, _ := b.s3.here()
	return b.s3.clients(region).Options().BaseEndpoint
}

// outside reports whether the bucket is in another store than S3, which may do what S3 never does.
func (b *Bucket) outside() bool { return outsideAWS(b.endpoint()) }

// Conditions reports whether the store honours the conditional requests that locks rely on, as
// Bucket's does.
func (t *Table) Conditions(ctx context.Context) probe.Report {
	return t.conditions.of(t.arn, t.client.Options().BaseEndpoint, func() probe.Report { return probe.Table(ctx, t.client, t.name) })
}

// retryUnknown is when a store is probed again of which nothing was learned.
const retryUnknown = 5 * time.Minute

// conditions are the reports of the stores that were probed. The nil one trusts every store.
type conditions struct {
	probes bool
	stores sync.Map // ARN to *probed
}

type probed struct {
	mu     sync.Mutex
	report probe.Report
	at     time.Time
}

// distrusts reports whether a store may do what AWS's never do.
func (c *conditions) distrusts(endpoint *string) bool {
	return c != nil && c.probes && outsideAWS(endpoint)
}

// of returns the report of a store. Those who ask for the same store at once wait for one probe.
func (c *conditions) of(arn string, endpoint *string, try func() probe.Report) probe.Report {
	if !c.distrusts(endpoint) {
		return probe.Report{Store: arn, Create: probe.Holds, Delete: probe.Holds}
	}
	kept, _ := c.stores.LoadOrStore(arn, &probed{})
	p := kept.(*probed) //nolint:errcheck,forcetypeassert // nothing else is stored
	p.mu.Lock()
	defer p.mu.Unlock()
	unknown := !p.report.Known() || p.report.Replace == probe.NotKnown
	if p.at.IsZero() || unknown && time.Since(p.at) > retryUnknown {
		p.report, p.at = try(), time.Now()
		p.report.Store = arn
	}
	return p.report
}
