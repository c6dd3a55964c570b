package repair_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// shared is production's state, whose lock table another team fills.
type shared struct {
	*testing.T
	stores backend.Set
	states *s3.Client
	repair *repair.Repairer

	megabytes func(locked bool) int // of that team's rows
	hangs     bool                  // S3, once the state is locked
	since     time.Time             // of our lock, as a client waits for it
	waited    time.Duration
}

func newShared(t *testing.T) *shared {
	t.Helper()
	w := &shared{T: t, megabytes: func(bool) int { return 0 }}
	plain := inprocess.New(time.Now, time.Hour).Config()
	for name, keys := range map[string][]string{"locks": {"LockID"}, "ledger": {"kind", "id"}} {
		if _, err := contract.MakeTable(t.Context(), plain, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
	open := func(cfg aws.Config) backend.Set {
		set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:" + local.Region + ":123456789012:table/locks"}, []string{"arn:aws:s3:::states"})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	w.stores, w.states = open(plain), s3.NewFromConfig(plain)
	inside := plain.HTTPClient.(inprocess.Calls) //nolint:errcheck,forcetypeassert // it is what Config gives
	cfg := inprocess.Crowded(inprocess.ConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		if in, reads := input.(*s3.GetObjectInput); reads && w.hangs && *in.Key == key && len(w.locks()) > 0 {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		defer w.look()
		return inside(ctx, operation, input)
	}), func() int { return w.megabytes(len(w.locks()) > 0) })
	rows := dynamodb.NewFromConfig(cfg)
	w.repair = &repair.Repairer{
		Stores: open(cfg), Records: ledger.NewRepairs(rows, "ledger"), History: ledger.NewHistory(rows, "ledger"),
		Composer: alert.Composer{Account: "123456789012", Region: local.Region}, Topic: alert.NewTopic(sns.NewFromConfig(cfg), "topic"),
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	return w
}

func (w *shared) path() tflock.Path { return tflock.NewPath("states", key) }

// locks are all that are held on the state.
func (w *shared) locks() (held []string) {
	for _, store := range w.stores.All() {
		h, found, err := store.Find(context.Background(), w.path())
		if err != nil {
			w.Fatal(err)
		}
		if found {
			held = append(held, h.Info.Who+" in "+h.Store)
		}
	}
	return held
}

// look notes how long a client has to wait for our lock.
func (w *shared) look() {
	switch locked := len(w.locks()) > 0; {
	case !locked && !w.since.IsZero():
		w.waited, w.since = max(w.waited, time.Since(w.since)), time.Time{}
	case locked && w.since.IsZero():
		w.since = time.Now()
	}
}

func (w *shared) put(content []byte) (version string) {
	w.Helper()
	name := key
	out, err := w.states.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("states"), Key: &name, Body: bytes.NewReader(content)})
	if err != nil {
		w.Fatal(err)
	}
	return *out.VersionId
}

func (w *shared) digest(value string) {
	w.Helper()
	if err := w.stores.Tables[0].RestoreDigest(context.Background(), w.path(), value); err != nil {
		w.Fatal(err)
	}
}

// functionTime is what the template gives the repair function.
const functionTime = 300 * time.Second

// run repairs in an invocation of the function, and fails the test where Lambda would have ended it.
func (w *shared) run(request repair.Request, id string) (repair.Answer, error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), functionTime)
	defer cancel()
	began := time.Now()
	w.waited = 0
	a, err := w.repair.Run(ctx, request, id)
	if took := time.Since(began); took >= functionTime {
		w.Errorf("it took %v", took)
	}
	if held := w.locks(); len(held) > 0 {
		w.Errorf("production is locked: %q", held)
	}
	return a, err
}

// Whoever may write one prefix of a shared table can fill it with gigabytes of rows, and a repair looks through all of them
// for other names of the state, twice. Whatever time that takes, a repair does not end with production locked. It
// says what it does not know, and once the rows are gone it repairs.
func TestARepairBesideATableFullOfRowsLeavesNoLock(t *testing.T) {
	t.Parallel()
	always := func(megabytes int) func(bool) int { return func(bool) int { return megabytes } }
	actions := map[policy.RepairAction]func(w *shared) repair.Request{
		policy.AcceptState: func(w *shared) repair.Request {
			w.put(serial(w, 5))
			w.digest(local.MD5([]byte("another")))
			return repair.Request{}
		},
		policy.RestoreVersion: func(w *shared) repair.Request {
			version := w.put(serial(w, 4))
			w.put(serial(w, 5))
			w.digest(local.MD5(serial(w, 5)))
			return repair.Request{VersionID: version}
		},
		policy.DeleteDigest: func(w *shared) repair.Request {
			w.digest(local.MD5(serial(w, 5)))
			return repair.Request{}
		},
	}
	for name, tc := range map[string]struct {
		megabytes func(locked bool) int
		hangs     bool
		outcome   repair.Outcome
		says      string
		waits     time.Duration // a client, at most
	}{
		"they are read to their end, twice":        {always(2000), false, repair.Repaired, "Repaired", 101 * time.Second},
		"they are not read to their end":           {always(3000), false, repair.Refused, "not read to their end in 2m0s", 0},
		"they come when the repair holds its lock": {func(locked bool) int { return map[bool]int{true: 5000}[locked] }, false, repair.Refused, "not read to their end in 10s", 11 * time.Second},
		"S3 hangs once the state is locked":        {always(0), true, "", "Repeat it", functionTime - 45*time.Second},
	} {
		for action, prepare := range actions {
			t.Run(fmt.Sprintf("%s, %s", action, name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newShared(t)
					request := prepare(w)
					request.Path, request.Action, request.Reason, request.RequestedBy = w.path(), action, "test", "ana"
					w.megabytes, w.hangs = tc.megabytes, tc.hangs
					a, err := w.run(request, "first")
					if a.Outcome != tc.outcome || (err != nil) != tc.hangs || !strings.Contains(a.Message+fmt.Sprint(err), tc.says) {
						t.Errorf("%+v, %v", a, err)
					}
					if w.waited > tc.waits {
						t.Errorf("a client waits %v for our lock", w.waited)
					}
					w.megabytes, w.hangs = always(0), false
					if a, err := w.run(request, "repeat"); err != nil || a.Outcome != repair.Repaired && tc.outcome != repair.Repaired {
						t.Errorf("its repeat: %+v, %v", a, err)
					}
				})
			})
		}
	}
}
