package witness_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

func messages(t interface{ Fatal(args ...any) }, sample []byte) []events.SQSMessage {
	var batch events.SQSEvent
	if err := json.Unmarshal(sample, &batch); err != nil {
		t.Fatal(err)
	}
	return batch.Records
}

// store stands for S3 and for the ledger.
type store struct {
	read func(ctx context.Context, bucket, key, versionID, etag string) (tflock.Info, bool, error)
	keep func(ledger.ObjectEvent) error

	mu   sync.Mutex
	kept []ledger.ObjectEvent
}

func (s *store) Read(ctx context.Context, bucket, key, versionID, etag string) (tflock.Info, bool, error) {
	if s.read == nil {
		return tflock.Info{}, false, nil
	}
	return s.read(ctx, bucket, key, versionID, etag)
}

func (s *store) Record(_ context.Context, e ledger.ObjectEvent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep != nil {
		if err := s.keep(e); err != nil {
			return err
		}
	}
	s.kept = append(s.kept, e)
	return nil
}

// paths are those of the kept events, sorted.
func (s *store) paths() string {
	var all []string
	for _, e := range s.kept {
		all = append(all, string(e.Path))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// run handles one message for each body, and returns the identifiers of those that failed.
func (s *store) run(ctx context.Context, t *testing.T, bodies ...string) (failed []string, log string) {
	t.Helper()
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
	}
	var b strings.Builder
	w := &witness.Witness{Locks: s, Records: s, Log: slog.New(slog.NewTextHandler(&b, nil))}
	answer, err := w.Run(ctx, batch)
	if err != nil || answer.BatchItemFailures == nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, f := range answer.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed, b.String()
}

func taken(bucket, key string) string {
	return message(record("ObjectCreated:Put", when, principal, "", bucket, fmt.Sprintf(`{"key":%q,"eTag":"x","versionId":"v1","sequencer":"1"}`, key)))
}

func TestEachMessageFailsAlone(t *testing.T) {
	down := func(what string) error { return errors.New("no answer from " + what) }
	for name, tc := range map[string]struct {
		store  *store
		bodies []string
		failed string
		kept   string
	}{
		"nothing fails":                   {bodies: []string{taken("b", "a.tflock"), taken("b", "c.tflock")}, kept: "b/a b/c"},
		"no message":                      {},
		"a malformed one":                 {bodies: []string{taken("b", "a.tflock"), taken("", "x.tflock"), taken("b", "c.tflock")}, failed: "1", kept: "b/a b/c"},
		"something else than an S3 event": {bodies: []string{"hello", `{"Event":"s3:TestEvent"}`, taken("b", "c.tflock")}, kept: "b/c"},
		"a good record beside a malformed one is kept, and comes again": {
			bodies: []string{strings.Replace(taken("b", "a.tflock"), `[{`, `[{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete"},{`, 1)}, failed: "0", kept: "b/a",
		},
		"one version cannot be read": {
			store: &store{read: func(_ context.Context, _, key, _, _ string) (tflock.Info, bool, error) {
				if key == "a.tflock" {
					return tflock.Info{}, false, down("S3")
				}
				return tflock.Info{}, false, nil
			}},
			bodies: []string{taken("b", "a.tflock"), taken("b", "c.tflock")}, failed: "0", kept: "b/c",
		},
		"one event cannot be recorded": {
			store: &store{keep: func(e ledger.ObjectEvent) error {
				if e.Path == "b/c" {
					return down("the ledger")
				}
				return nil
			}},
			bodies: []string{taken("b", "a.tflock"), taken("b", "c.tflock")}, failed: "1", kept: "b/a",
		},
		"all of them": {
			store:  &store{keep: func(ledger.ObjectEvent) error { return down("the ledger") }},
			bodies: []string{taken("b", "a.tflock"), taken("b", "c.tflock")}, failed: "0 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.store == nil {
				tc.store = &store{}
			}
			failed, log := tc.store.run(t.Context(), t, tc.bodies...)
			if got := strings.Join(failed, " "); got != tc.failed || tc.store.paths() != tc.kept {
				t.Errorf("failed %q, want %q; kept %q, want %q", got, tc.failed, tc.store.paths(), tc.kept)
			}
			for _, id := range failed {
				if !strings.Contains(log, "message_id="+id) {
					t.Errorf("the log does not say that %s failed: %s", id, log)
				}
			}
		})
	}
}

func TestAMessageThatHangsTakesNoOtherWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{read: func(ctx context.Context, _, key, _, _ string) (tflock.Info, bool, error) {
			if key == "a.tflock" {
				<-ctx.Done()
				return tflock.Info{}, false, ctx.Err()
			}
			return tflock.Info{}, false, nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		failed, _ := s.run(ctx, t, taken("b", "a.tflock"), taken("b", "c.tflock"))
		if strings.Join(failed, " ") != "0" || s.paths() != "b/c" || ctx.Err() != nil {
			t.Errorf("failed %v, kept %q, %v", failed, s.paths(), ctx.Err())
		}
	})
}

func TestTheCreatedVersionIsRead(t *testing.T) {
	asked := ""
	s := &store{read: func(_ context.Context, bucket, key, versionID, etag string) (tflock.Info, bool, error) {
		asked = strings.Join([]string{bucket, key, versionID, etag}, " ")
		return tflock.Info{ID: strings.Repeat("i", 2000), Operation: "Operation\nType", Who: strings.Repeat("w", 300)}, true, nil
	}}
	if failed, log := s.run(t.Context(), t, taken("b", "a.tflock")); failed != nil {
		t.Fatal(log)
	}
	e := s.kept[0]
	if asked != "b a.tflock v1 x" || e.LockID != tflock.BoundedID(strings.Repeat("i", 2000)) || e.Operation != "Operation Type" || len([]rune(e.Who)) != 256 {
		t.Errorf("asked for %q, kept %+v", asked, e)
	}
	asked = ""
	removal := message(record("ObjectRemoved:Delete", when, principal, "", "b", `{"key":"a.tflock","versionId":"v1","sequencer":"2"}`))
	if failed, log := s.run(t.Context(), t, removal); failed != nil || asked != "" {
		t.Errorf("a removal reads nothing: asked for %q, %s", asked, log)
	}
}

// Each sample is what its name says.
func TestTheSamples(t *testing.T) {
	want := map[string]struct {
		failed int
		kept   string
	}{
		"created": {0, "states/network/production/terraform.tfstate"}, "created-unversioned": {0, "states/network/production/terraform.tfstate"},
		"delete-marker": {0, "states/network/production/terraform.tfstate"}, "removed-unversioned": {0, "states/network/production/terraform.tfstate"},
		"hostile-session": {0, "states/network/production/terraform.tfstate"}, "strange-key": {0, "states/env:/größe 50% +1/ärger=ok/terraform.tfstate"},
		"test-event": {0, ""}, "one-of-three-malformed": {1, "states/app/terraform.tfstate"},
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "witness-*.json"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d samples for %d cases, %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "witness-"), ".json")
		t.Run(name, func(t *testing.T) {
			sample, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var bodies []string
			for _, m := range messages(t, sample) {
				bodies = append(bodies, m.Body)
			}
			s := &store{}
			failed, log := s.run(t.Context(), t, bodies...)
			if len(failed) != want[name].failed || s.paths() != want[name].kept {
				t.Errorf("failed %v, kept %q: %s", failed, s.paths(), log)
			}
		})
	}
}
