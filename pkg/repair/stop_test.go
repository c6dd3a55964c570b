package repair_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
)

// denied is an AWS that refuses to write the digests of one table and, while silent, to publish.
type denied struct {
	http.RoundTripper
	table  string
	silent bool
}

// Do sends a request, unless it is refused.
func (d denied) Do(r *http.Request) (*http.Response, error) {
	body := []byte(nil)
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	text, target := string(body), r.Header.Get("X-Amz-Target")
	digest := strings.Contains(text, `"TableName":"`+d.table+`"`) && strings.Contains(text, `-md5"`) && strings.HasSuffix(target, "Item") && !strings.HasSuffix(target, "GetItem")
	if digest || (d.silent && strings.Contains(text, "Action=Publish")) {
		refusal := io.NopCloser(strings.NewReader(`{"__type":"x#AccessDeniedException","message":"no"}`))
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: refusal, Request: r}, nil
	}
	return d.RoundTrip(r)
}

// AWS refuses a repair when it has written a part: the answer does not say "refused", which
// would be taken for nothing touched. Answer, record and one event say what was written and what is
// left, and a repeat goes on.
func TestARepairThatStopsPartWay(t *testing.T) {
	t.Parallel()
	stale := local.MD5([]byte("another"))
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	request := w.request(policy.AcceptState, "")
	w.digest(w.Table, stale)
	w.digest(w.Table+"-other", stale)
	says := []string{"Written: the digest in ", "is " + local.MD5(serial(t, 5)) + " now", "Left: the digest in ", "-other is " + stale}
	w.stopsPartWay(request, says, [2]string{local.MD5(serial(t, 5)), stale})
	answer, err := w.run(&local.Wire{}, request)
	if err != nil || answer.Outcome != repair.Repaired || w.Digests(key) != [2]string{local.MD5(serial(t, 5)), local.MD5(serial(t, 5))} {
		t.Errorf("the repeat: %+v, %v, digests %q", answer, err, w.Digests(key))
	}
	w.parts(1, 2)
}

// The state is restored, and AWS refuses its digest.
func TestAStateIsRestoredWithoutItsDigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version := w.Put(key, serial(t, 4))
	w.Put(key, serial(t, 5))
	request := w.request(policy.RestoreVersion, version)
	wire := &late{w: w, denied: denied{http.DefaultTransport, w.Table + "-other", false}}
	w.digest(w.Table+"-other", local.MD5(serial(t, 5)))
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = wire
	answer, err := w.repairer(cfg).Run(context.Background(), request, "request")
	if err != nil || answer.Outcome != repair.Changed || w.content() != string(serial(t, 4)) {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, want := range []string{"Written: the state, which is the one of version " + version, "Left: the digest in ", "is missing"} {
		if !strings.Contains(answer.Message, want) {
			t.Errorf("it does not say %q: %s", want, answer.Message)
		}
	}
	w.Readable(key)
	w.parts(1, 1)
	answer, err = w.run(&local.Wire{}, request)
	if err != nil || answer.Outcome != repair.Repaired || w.Digests(key) != [2]string{"", local.MD5(serial(t, 4))} {
		t.Errorf("the repeat: %+v, %v, digests %q", answer, err, w.Digests(key))
	}
}

// late refuses digests once the state is written.
type late struct {
	denied
	w *world
}

// Do sends a request, unless it is refused.
func (l *late) Do(r *http.Request) (*http.Response, error) {
	if l.w.content() == string(serial(l.w, 4)) {
		return l.denied.Do(r)
	}
	return l.RoundTrip(r)
}

// stopsPartWay has AWS refuse the digest of the second table, and then the message too: the
// next invocation publishes it.
func (w *world) stopsPartWay(request repair.Request, says []string, digests [2]string) {
	w.Helper()
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = denied{http.DefaultTransport, w.Table + "-other", true}
	if _, err := w.repairer(cfg).Run(context.Background(), request, "request"); err == nil || !strings.Contains(err.Error(), "not notified") {
		w.Errorf("its message is lost, and it says %v", err)
	}
	records, err := w.records()
	if err != nil || len(records) != 1 || records[0].Done || !records[0].Stopped || records[0].Reported || !strings.Contains(records[0].Part, says[0]) {
		w.Fatalf("on record: %+v, %v", records, err)
	}
	cfg.HTTPClient = denied{http.DefaultTransport, w.Table + "-other", false}
	answer, err := w.repairer(cfg).Run(context.Background(), request, "second")
	if err != nil || w.Digests(key) != digests || len(w.held()) > 0 {
		w.Errorf("%+v, %v, digests %q, held %q", answer, err, w.Digests(key), w.held())
	}
	for _, want := range says {
		if !strings.Contains(records[0].Part, want) {
			w.Errorf("the record does not say %q: %s", want, records[0].Part)
		}
	}
	w.parts(1, 1)
}

// parts fails the test unless that many messages say what a repair wrote and left, of so many.
func (w *world) parts(parts, all int) {
	w.Helper()
	messages := w.Published()
	said, texts := 0, []string{}
	for _, m := range messages {
		var e alert.Event
		if err := json.Unmarshal([]byte(m.Texts["default"]), &e); err != nil {
			w.Fatal(err)
		}
		texts = append(texts, m.Subject+": "+e.Text)
		if e.Type != alert.StateRepaired {
			w.Errorf("%+v", e)
		}
		if strings.Contains(e.Text, "Written: ") && strings.Contains(e.Text, "Left: ") && e.Severity == alert.Warning && strings.Contains(m.Subject, "IN PART") {
			said++
		}
	}
	if said != parts || len(messages) != all {
		w.Errorf("%d of %d messages say what is left; want %d of %d: %q", said, len(messages), parts, all, texts)
	}
}
