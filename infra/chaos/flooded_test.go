//go:build !race

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// flooded is an AWS with two teams, and what people hear of it.
type flooded struct {
	*testing.T
	world  *scale.World
	table  *scale.Table
	bucket *scale.Bucket
	room   int
	slow   string
	// refused are objects that S3 answers with a 503, as those under an external key whose store does not answer.
	refused string

	now     int        // the scan
	tags    int        // of the locks of a-team: another number is another run
	mu      sync.Mutex // locks are released side by side
	heard   []string
	planned map[string][]time.Time // when people heard of planned releases, by prefix
}

// Do answers a call from the world.
func (f *flooded) Do(r *http.Request) (*http.Response, error) {
	if f.slow != "" && r.Method == http.MethodGet && strings.Contains(r.URL.Path, f.slow) {
		select {
		case <-time.After(25 * time.Second):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if key, ok := strings.CutPrefix(r.URL.Path, "/states/"); ok && r.URL.Query().Has("tagging") && (key == endedKey+tflock.Suffix || strings.HasPrefix(key, "a-team/")) {
		run := len(key)
		if key != endedKey+tflock.Suffix {
			run += f.tags
		}
		return &http.Response{ // what the tag says is the lock's own word, and a-team's names a run too
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}, "X-Amz-Version-Id": {"v1"}}, Request: r,
			Body: io.NopCloser(strings.NewReader("<Tagging><TagSet><Tag><Key>run</Key><Value>gh-1-" + strconv.Itoa(run) + "</Value></Tag></TagSet></Tagging>")),
		}, nil
	}
	if f.refused != "" && r.Method == http.MethodGet && strings.Contains(r.URL.Path, f.refused) {
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Content-Type": {"application/xml"}}, Request: r,
			Body: io.NopCloser(strings.NewReader("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")),
		}, nil
	}
	return scale.Direct{World: f.world}.Do(r)
}

func (f *flooded) raw(key string, age time.Duration) []byte {
	raw, err := tflock.Info{ID: "id-of-" + key, Operation: "OperationTypeApply", Who: "me@host", Version: "1.11.4", Created: time.Now().Add(-age).UTC(), Path: "states/" + key}.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

func (f *flooded) lock(key string, age time.Duration) scale.Item {
	return scale.Item{"LockID": {"S": "states/" + key}, "Info": {"S": string(f.raw(key, age))}}
}

// row writes a row with that Info, or with none.
func (f *flooded) row(key, info string) {
	item := scale.Item{"LockID": {"S": "states/" + key}}
	if info != "" {
		item["Info"] = map[string]string{"S": info}
	}
	f.table.Put(item)
}

func (f *flooded) drop(key string) {
	f.table.Remove("states/" + key)
	f.bucket.Remove(key + tflock.Suffix)
}

func (f *flooded) object(key, body string) { f.bucket.Put(key+tflock.Suffix, body, time.Now()) }

// hear notes what people hear of production.
func (f *flooded) hear(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard = append(f.heard, fmt.Sprintf(format, args...))
}

// Publish hears of production.
func (f *flooded) Publish(_ context.Context, e alert.Event) error {
	items := e.Locks
	if e.Lock != nil {
		items = append(items, alert.Item{Description: *e.Lock})
	}
	if e.Type == alert.LockReleasePlanned {
		for _, prefix := range prefixesOf(items) {
			f.planned[prefix] = append(f.planned[prefix], time.Now())
		}
	}
	for _, i := range items {
		if e.Type != alert.LockReminder && tflock.Path(i.Path).Prefix() == "states/production" {
			f.hear("scan %02d: %s %s", f.now, e.Type, i.Path)
		}
	}
	return nil
}

// prefixesOf are those of some locks, each once.
func prefixesOf(items []alert.Item) []string {
	var prefixes []string
	for _, i := range items {
		if prefix := tflock.Path(i.Path).Prefix(); !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// Put takes the metrics.
func (*flooded) Put(context.Context, metric.Scan, time.Time) error { return nil }

// CountReleased counts a release.
func (*flooded) CountReleased(context.Context, int, time.Time) error { return nil }

// endedKey is the key of a state whose lock is to be released automatically: its run has ended.
const endedKey = "production/automatic"

// automated has the runs behind locks end soon after S3 stored them, and has the unlock function invoked.
type automated struct {
	*flooded
	unlocker *unlock.Unlocker
	selects  string
}

func (a *automated) open(context.Context) (evidence.Opened, error) {
	selected, err := policy.ParseSelection(a.selects)
	return evidence.Opened{Asker: a, Auto: policy.AutoRules{Locks: selected, Mode: policy.AutoRelease}}, err
}

func (*automated) Ask(_ context.Context, locks []run.Named) []*policy.Run {
	all := make([]*policy.Run, len(locks))
	for i, l := range locks {
		if l.Tag == "" {
			continue
		}
		all[i] = &policy.Run{Source: policy.GitHub, ID: l.Tag, Status: policy.RunInProgress}
		if ended := l.Taken.Add(30*time.Second + 4*time.Minute); ended.Before(time.Now()) { // between two scans, like the threshold
			all[i] = &policy.Run{Source: policy.GitHub, ID: l.Tag, Status: policy.RunEnded, Ended: &ended, Detail: "cancelled"}
		}
	}
	return all
}

// Release is what the monitor asks for.
func (a *automated) Release(ctx context.Context, path, id, reason string) (string, error) {
	request, err := unlock.ParseRequest([]byte(fmt.Sprintf(`{"lock_id":%q,"path":%q,"reason":%q,"requested_by":%q}`, id, path, reason, policy.AutoRequester)))
	if err != nil {
		return "", err
	}
	answer, err := a.unlocker.Run(ctx, request, "auto")
	a.hear("scan %02d: automatic release of %s: %s, %v", a.now, path, answer.Outcome, err)
	return string(answer.Outcome), err
}
