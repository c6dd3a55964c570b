//go:build !race

package prune_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// reading is a body that takes its time, of which a run has one.
type reading struct {
	io.Reader
	ctx  context.Context
	cpu  chan struct{}
	once sync.Once
}

func (r *reading) Read(b []byte) (int, error) {
	r.once.Do(func() {
		select {
		case r.cpu <- struct{}{}:
			time.Sleep(15 * time.Second)
			<-r.cpu
		case <-r.ctx.Done():
		}
	})
	return r.Reader.Read(b) //nolint:wrapcheck // it is the body's own
}

func (r *reading) Close() error { return nil }

// A team writes its small stale states again after a run has listed them, each with 128 MB, which take a Lambda's share of a CPU fifteen seconds each. They
// are stale no more: they take no time from what others have, and nobody hears that they are abandoned.
func TestStatesThatAreWrittenDuringARunTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		var mine, empty []string
		for i := range 500 {
			mine = append(mine, fmt.Sprintf("a-team/branches/%03d.tfstate", i))
			w.put(mine[i], local.State(t, "applied"))
			key, content := fmt.Sprintf("b-team/branches/%03d.tfstate", i), "applied"
			if i%10 == 0 {
				content, empty = "destroyed", append(empty, key)
			}
			w.put(key, local.State(t, content))
		}
		time.Sleep(month)
		var listed sync.Once
		large, cpu := local.State(t, "applied"), make(chan struct{}, 1)
		beside := w
		beside.calls = func(ctx context.Context, operation string, input any) (any, error) {
			out, err := w.calls(ctx, operation, input)
			in, is := input.(*s3.GetObjectInput)
			if !is || !strings.HasPrefix(*in.Key, "a-team/") || !strings.HasSuffix(*in.Key, ".tfstate") {
				return out, err
			}
			listed.Do(func() {
				for _, key := range mine {
					w.put(key, large)
				}
			})
			if got, ok := out.(*s3.GetObjectOutput); ok {
				got.LastModified, got.Body = aws.Time(time.Now()), &reading{Reader: bytes.NewReader(large), ctx: ctx, cpu: cpu}
			}
			return out, err
		}
		report, err := beside.run("run", nothing)
		if err != nil || report.Abandoned != 450 || w.hasAny(empty) {
			t.Errorf("%d examined, %d abandoned, %d pruned, %v; states of others are there: %v", report.Examined, report.Abandoned, len(report.Pruned), err, w.hasAny(empty))
		}
	})
}

// A pass takes several runs, and the tags of some abandoned states cannot be read. They are counted once.
func TestAbandonedStatesOfAPassAreCountedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		for i := range 400 {
			w.put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "destroyed"))
		}
		for i := range 10 {
			w.put(fmt.Sprintf("b-team/branches/%03d.tfstate", i), local.State(t, "applied"))
		}
		time.Sleep(month)
		w.most = 4000
		for run := range 3 {
			time.Sleep(time.Hour)
			report, err := w.run(fmt.Sprint("run ", run), func(input any) error {
				if in, asks := input.(*s3.GetObjectTaggingInput); asks && strings.HasPrefix(*in.Key, "b-team/") {
					return errors.New("AccessDenied")
				}
				return nil
			})
			recorded, runsErr := w.prunes().Runs(t.Context())
			if n, partial := ledger.Abandoned(recorded); err != nil || runsErr != nil || n != 10 || !partial || !report.StoppedEarly {
				t.Errorf("run %d: %d are abandoned, partial %v, %v, %v", run, n, partial, err, runsErr)
			}
		}
	})
}
