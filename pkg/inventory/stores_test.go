package inventory_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// guard is AWS with a table or a bucket that refuses every call, and with a count of the
// states that are read.
type guard struct {
	table, bucket string // the one that refuses; empty: none
	fault         string // what its calls end with: a code of AWS
	call          string // the only call that the table refuses; empty: all
	omits         string // a key that listings leave out; empty: none
	omitted       bool   // one did
	version       string // the version of a state that cannot be read; empty: none
	reading       func() // before each read of a state

	mu    sync.Mutex
	reads map[tflock.Path]int
	lists int // of the versions of a state
}

func (g *guard) Do(r *http.Request) (*http.Response, error) {
	target := r.Header.Get("X-Amz-Target")
	body := []byte(nil)
	if target != "" {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	switch {
	case g.table != "" && strings.HasSuffix(target, g.call) && strings.Contains(string(body), `"TableName":"`+g.table+`"`):
		return refusal(r, "application/x-amz-json-1.0", fmt.Sprintf(`{"__type":"x#%s","message":"no"}`, g.fault)), nil
	case g.version != "" && r.URL.Query().Get("versionId") == g.version:
		return refusal(r, "application/xml", fmt.Sprintf("<Error><Code>%s</Code><Message>no</Message></Error>", g.fault)), nil
	case g.bucket != "" && target == "" && strings.HasPrefix(r.URL.Path+"/", "/"+g.bucket+"/"):
		return refusal(r, "application/xml", fmt.Sprintf("<Error><Code>%s</Code><Message>no</Message></Error>", g.fault)), nil
	}
	if r.URL.Query().Has("versions") {
		g.mu.Lock()
		g.lists++
		g.mu.Unlock()
	}
	if target == "" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".tfstate") && !strings.Contains(r.URL.Path, "-reports/") {
		if g.reading != nil {
			g.reading()
		}
		g.mu.Lock()
		if g.reads == nil {
			g.reads = map[tflock.Path]int{}
		}
		g.reads[tflock.Path(strings.TrimPrefix(r.URL.Path, "/"))]++
		g.mu.Unlock()
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if g.omits != "" && err == nil && r.URL.Query().Has("list-type") {
		return g.without(response)
	}
	return response, err
}

// without is a listing without the key that is left out.
func (g *guard) without(listing *http.Response) (*http.Response, error) {
	page, err := io.ReadAll(listing.Body)
	if err != nil {
		return nil, err
	}
	entry := regexp.MustCompile("(?s)<Contents>\\s*<Key>" + regexp.QuoteMeta(g.omits) + "</Key>.*?</Contents>")
	g.omitted = g.omitted || entry.Match(page)
	listing.Body = io.NopCloser(bytes.NewReader(entry.ReplaceAll(page, nil)))
	listing.ContentLength = -1
	listing.Header.Del("Content-Length")
	return listing, nil
}

func refusal(r *http.Request, kind, body string) *http.Response {
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// taken returns the reads since the last call.
func (g *guard) taken() map[tflock.Path]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	reads := g.reads
	g.reads = nil
	return reads
}

func (g *guard) config() aws.Config {
	cfg := server.Config()
	cfg.HTTPClient = g
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

// twoBuckets is an inventory over a second bucket beside the world's own.
func (w *world) twoBuckets(g *guard) (second *world, run func() (inventory.Report, error)) {
	w.Helper()
	beside := *w.World
	beside.Bucket += "-second"
	second = &world{T: w.T, World: &beside}
	if _, err := server.MakeBucket(w.Context(), second.Bucket); err != nil {
		w.Fatal(err)
	}
	return second, func() (inventory.Report, error) {
		w.Helper()
		i := w.inventory(g.config())
		var err error
		if i.Stores, err = backend.Open(g.config(), []string{w.TableARN, w.Other}, []string{w.BucketARN, "arn:aws:s3:::" + second.Bucket}); err != nil {
			w.Fatal(err)
		}
		return i.Run(context.Background(), inventory.Request{})
	}
}

// What is in a bucket or a table that cannot be read is neither found, forgotten nor
// resolved, and the invocation fails; elsewhere everything goes on.
func TestAStoreThatCannotBeReadIsLeftAlone(t *testing.T) {
	t.Parallel()
	const orphan, pair = "gone.tfstate", "a.tfstate"
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	for name, tc := range map[string]struct {
		refuse func(g *guard, w, second *world)
		fault  string
		stay   []string // findings of the first run that stay while it cannot be read
	}{
		"a bucket that may not be listed": {
			func(g *guard, _, second *world) { g.bucket = second.Bucket }, "AccessDenied",
			[]string{"digest_mismatch of " + key + " (2)", "digest_orphan of " + orphan + " (2)", "duplicate_resource of " + pair + " and " + pair + " (2)"},
		},
		"a bucket that is gone": {
			func(g *guard, _, second *world) { g.bucket = second.Bucket }, "NoSuchBucket",
			[]string{"digest_mismatch of " + key + " (2)", "digest_orphan of " + orphan + " (2)", "duplicate_resource of " + pair + " and " + pair + " (2)"},
		},
		"a table that may not be read": {
			func(g *guard, w, _ *world) { g.table = w.Table }, "AccessDeniedException",
			[]string{"digest_mismatch of " + key, "digest_mismatch of " + key + " (2)", "digest_orphan of " + orphan + " (2)"},
		},
		"a table that is gone": {
			func(g *guard, w, _ *world) { g.table = w.Table }, "ResourceNotFoundException",
			[]string{"digest_mismatch of " + key, "digest_mismatch of " + key + " (2)", "digest_orphan of " + orphan + " (2)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, g := newWorld(t), &guard{fault: tc.fault}
			second, run := w.twoBuckets(g)
			for _, at := range []*world{w, second} {
				at.apply(key, stateOf(1, "one"))
				at.put(key, stateOf(2, "one"))
				at.put(pair, stateOf(1, "pair", queue))
			}
			second.SetDigest(w.Table, orphan, "0123")
			named := func(r inventory.Report) []string { // with a mark on what concerns the second bucket
				list := []string{}
				for _, f := range r.Findings {
					text := w.named(f)
					if strings.Contains(f.Named(), second.Bucket+"/") {
						text += " (2)"
					}
					list = append(list, text)
				}
				slices.Sort(list)
				return list
			}
			report, err := run()
			if err != nil {
				t.Fatal(err)
			}
			all := []string{"digest_mismatch of " + key, "digest_mismatch of " + key + " (2)", "digest_orphan of " + orphan + " (2)", "duplicate_resource of " + pair + " and " + pair + " (2)"}
			w.want("at first", named(report), all...)
			if news := w.news(); len(news) != len(all) {
				t.Fatalf("%q", news)
			}
			// Everything is repaired; what cannot be read, nobody can know to be.
			for _, at := range []*world{w, second} {
				at.SetDigest(w.Table, key, sum(stateOf(2, "one")))
			}
			second.SetDigest(w.Table, orphan, "")
			second.put(pair, stateOf(2, "pair"))
			tc.refuse(g, w, second)
			for range 2 {
				report, err = run()
				if err == nil || len(report.Errors) == 0 || !strings.Contains(strings.Join(report.Errors, " "), g.table+g.bucket) {
					t.Fatalf("%v, %q", err, report.Errors)
				}
				w.want("meanwhile", named(report), tc.stay...)
				if report.States != 4 {
					t.Errorf("%d states", report.States)
				}
			}
			if news := w.news(); len(news) != len(all)-len(tc.stay) || strings.Contains(fmt.Sprint(news), "state.finding ") {
				t.Errorf("meanwhile people heard %q", news)
			}
			g.table, g.bucket = "", ""
			if report, err = run(); err != nil {
				t.Fatal(err)
			}
			w.want("afterwards", named(report))
			if news := w.news(); len(news) != len(tc.stay) || strings.Contains(fmt.Sprint(news), "state.finding ") {
				t.Errorf("afterwards people heard %q", news)
			}
		})
	}
}

// The column says what is known while a table cannot be read.
func TestADigestIsUnknownWhileATableCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(1, "one"))
	w.put("plain.tfstate", stateOf(1, "two"))
	g := &guard{table: w.Table + "-other", fault: "AccessDeniedException"}
	if _, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{}); err == nil {
		t.Fatal("it succeeds")
	}
	if got := w.row(key)["digest"]; got != "ok" {
		t.Errorf("the table that can be read has its digest, and the column says %v", got)
	}
	if got := w.row("plain.tfstate")["digest"]; got != "unknown" {
		t.Errorf("the other table may have its digest, and the column says %v", got)
	}
}

// How states are locked is not known for a while: mixed locking is neither found nor gone.
func TestTheHistoryOfLocksCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(1, "one"))
	w.locking[w.Path(key)] = seen(policy.ByTable, policy.ByLockfile, policy.ByTable)
	w.want("at first", w.found(w.run()), "mixed_locking of "+key)
	w.news()
	w.noHistory, w.locking = true, map[tflock.Path][]policy.LockingSeen{}
	report, err := w.inventory(server.Config()).Run(context.Background(), inventory.Request{})
	if err == nil {
		t.Error("it succeeds")
	}
	w.want("meanwhile", w.found(report), "mixed_locking of "+key)
	w.want("people", w.news())
	w.noHistory, w.unasked = false, []tflock.Path{w.Path(key)} // the witness has more than can be read
	w.want("for the most part", w.found(w.run()), "mixed_locking of "+key)
	w.want("people", w.news())
	w.unasked = nil
	w.want("afterwards", w.found(w.run()))
	w.want("people", w.news(), "state.finding_resolved info mixed_locking of "+key)
}

func values(m map[tflock.Path]int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, n := range m {
			if !yield(n) {
				return
			}
		}
	}
}

// Of a state under a KMS key the ETag is not the MD5, and its digest is compared all the same.
func TestAStateUnderAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.underKey(key, stateOf(1, "one"))
	w.SetDigest(w.Table, key, sum(stateOf(1, "one")))
	w.want("with its digest", w.found(w.run()))
	if row := w.row(key); row["digest"] != "ok" || strings.Contains(fmt.Sprint(row["etag"]), sum(stateOf(1, "one"))) {
		t.Errorf("%v", row)
	}
	w.underKey(key, stateOf(2, "one"))
	report := w.run()
	w.want("with that of the version before", w.found(report), "digest_mismatch of "+key)
	if e := report.Findings[0].Evidence; e.VersionID != first || e.StateMD5 != sum(stateOf(2, "one")) {
		t.Errorf("%+v", e)
	}
}

// A key that a spreadsheet would take for a formula is harmless in the CSV, and exact in JSON.
func TestKeysThatLookLikeFormulas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := []string{"=cmd|' /C calc'!A0/x.tfstate", "+1/x.tfstate", "-1+1/x.tfstate", "@SUM(1)/x.tfstate", "\t=1/x.tfstate", "a;=1+1/x.tfstate", "a,\"=1/x.tfstate", "ü/＝1.tfstate"}
	for i, key := range keys {
		w.apply(key, strings.Replace(stateOf(i, "l"), "1.11.4", `1.11;=HYPERLINK(\"http://evil\")`, 1))
	}
	w.run()
	rows := w.rows()
	csv := string(w.file("inventory/states.csv"))
	for i, key := range keys {
		if row := rows[string(w.Path(key))]; row == nil || row["serial"] != float64(i) || row["digest"] != "ok" || row["terraform_version"] != `1.11;=HYPERLINK("http://evil")` {
			t.Errorf("%q: %v", key, row)
		}
	}
	if n := strings.Count(csv, "1.11;'=HYPERLINK"); n != len(keys) {
		t.Errorf("%d of %d versions are harmless:\n%s", n, len(keys), csv)
	}
	if !strings.Contains(csv, "a;'=1+1/x.tfstate") || strings.Contains(csv, "a;=1") {
		t.Errorf("a key begins a formula:\n%s", csv)
	}
}
