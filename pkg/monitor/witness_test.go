package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// failing is a witness that cannot be asked.
type failing struct{ asked map[string]int }

var errNoWitness = errors.New("throttled")

func (f failing) AddTo(context.Context, []policy.Case) (map[ledger.Object]ledger.Witnessed, error) {
	f.asked["look"]++
	return nil, errNoWitness
}

func (f failing) Renew(context.Context, map[ledger.Object]ledger.Witnessed, time.Time) error {
	f.asked["renew"]++
	return errNoWitness
}

func (f failing) EndOf(context.Context, tflock.Path, ledger.Entry) (*policy.Witness, *policy.Removal, error) {
	f.asked["gone"]++
	return nil, nil, errNoWitness
}

// The scan is the truth, and a witness only adds evidence: without one, with one that saw
// nothing, and with one that cannot be asked, the same lock object leads to the same answers
// and the same messages.
func TestWithoutAWitnessNothingChanges(t *testing.T) {
	stores := newWorld(t)
	bucket, err := server.MakeBucket(t.Context(), stores.ledger)
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Config()
	set, err := backend.Open(cfg, []string{stores.table}, []string{bucket})
	if err != nil {
		t.Fatal(err)
	}
	dead := failing{map[string]int{}}
	variants := map[string]*world{}
	monitors := map[string]*monitor.Monitor{}
	now := stores.now
	for _, name := range []string{"no witness", "one that saw nothing", "one that cannot be asked"} {
		w := newWorld(t)
		m := newMonitor(cfg, set, w.ledger, w.topic, func() time.Time { return now })
		switch name {
		case "one that saw nothing":
			m.Witnesses = ledger.NewWitnesses(dynamodb.NewFromConfig(cfg), w.ledger)
		case "one that cannot be asked":
			m.Witnesses = dead
		}
		variants[name], monitors[name] = w, m
	}
	path := tflock.NewPath(strings.TrimPrefix(bucket, "arn:aws:s3:::"), "a/terraform.tfstate")
	info := tflock.Info{ID: "3f1c2d4e-0000-4000-8000-000000000001", Operation: "OperationTypeApply", Who: "runner@ci", Created: now, Path: string(path)}
	raw, err := info.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	objects := set.Buckets[0]
	if _, err := objects.Acquire(t.Context(), path, raw); err != nil {
		t.Fatal(err)
	}
	said := func(at time.Duration) string {
		now = stores.now.Add(at)
		all := map[string]string{}
		for name, m := range monitors {
			report, err := m.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(map[string]any{"answer": report, "events": variants[name].events()})
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(body)
		}
		for name, got := range all {
			if want := all["no witness"]; got != want {
				t.Errorf("after %s, with %s:\n%s\nwant\n%s", at, name, got, want)
			}
		}
		return all["no witness"]
	}
	for _, step := range []struct {
		at   time.Duration
		want alert.Type
	}{{time.Minute, ""}, {time.Hour, alert.LockStuck}, {6 * time.Hour, alert.LockReminder}} {
		if got := said(step.at); step.want != "" && !strings.Contains(got, `"type":"`+string(step.want)+`"`) {
			t.Errorf("after %s there is no %s: %s", step.at, step.want, got)
		}
	}
	h, _, err := objects.Find(t.Context(), path)
	if err == nil {
		err = objects.Release(t.Context(), h)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := said(7 * time.Hour); !strings.Contains(got, `"type":"lock.resolved"`) {
		t.Error(got)
	}
	if dead.asked["look"] != 4 || dead.asked["gone"] != 1 {
		t.Errorf("the witness that cannot be asked was asked %v", dead.asked)
	}
}
