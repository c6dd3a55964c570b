//go:build !race

package prune_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// S3 dates an object that was uploaded in parts by the beginning of its upload. A team begins some a month before, and ends them while a run is under way: its
// small stale states have 128 MB then, and are as old as before. They take no time from what others have.
func TestUploadsThatEndDuringARunTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const runs, each = 4, 300
		var empty []string
		mine := func(run, i int) string { return fmt.Sprintf("a-team/branches/%d-%03d.tfstate", run, i) }
		for i := range 500 {
			key, content := fmt.Sprintf("b-team/branches/%03d.tfstate", i), "applied"
			if i%10 == 0 {
				content, empty = "destroyed", append(empty, key)
			}
			w.put(key, local.State(t, content))
		}
		const week = 7 * 24 * time.Hour
		for run := range runs {
			for i := range each {
				w.put(mine(run, i), local.State(t, "applied"))
			}
			time.Sleep(week)
		}
		time.Sleep(month - runs*week + time.Hour)
		large := append(local.State(t, "applied"), bytes.Repeat([]byte(" "), 1<<17)...) // as if 128 MB
		for run := range runs {
			cpu, end := make(chan struct{}, 1), sync.Once{}
			beside := w
			beside.calls = func(ctx context.Context, operation string, input any) (any, error) {
				in, is := input.(*s3.GetObjectInput)
				if is = is && strings.HasPrefix(*in.Key, "a-team/") && strings.HasSuffix(*in.Key, ".tfstate"); is {
					end.Do(func() {
						for i := range each {
							w.put(mine(run, i), large)
						}
					})
				}
				out, err := w.calls(ctx, operation, input)
				if got, ok := out.(*s3.GetObjectOutput); ok && is && aws.ToInt64(got.ContentLength) == int64(len(large)) {
					got.LastModified, got.Body = aws.Time(time.Now().Add(-month-time.Minute)), &reading{Reader: bytes.NewReader(large), ctx: ctx, cpu: cpu}
				}
				return out, err
			}
			report, err := beside.run(fmt.Sprint("run ", run), nothing)
			left := 0
			for _, key := range empty {
				if w.has(key) {
					left++
				}
			}
			if err != nil || left > 0 {
				t.Errorf("run %d: %d examined, %d abandoned, %d pruned, %v; %d states of others are there", run, report.Examined, report.Abandoned, len(report.Pruned), err, left)
			}
			time.Sleep(week)
		}
	})
}

// A team keeps stale states that are too large to be read, each of which costs a run as little as a small one, and has uploads in parts end while a run is under
// way: they have 128 MB then, no more than they were listed with, and are as old as before. They take no time from what others have.
func TestUploadsThatEndInThePlaceOfTooLargeStatesTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		var empty []string
		for i := range 500 {
			w.put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "applied"))
			key, content := fmt.Sprintf("b-team/branches/%03d.tfstate", i), "applied"
			if i%10 == 0 {
				content, empty = "destroyed", append(empty, key)
			}
			w.put(key, local.State(t, content))
		}
		time.Sleep(month)
		cpu, beside := make(chan struct{}, 1), w
		beside.calls = func(ctx context.Context, operation string, input any) (any, error) {
			out, err := w.calls(ctx, operation, input)
			switch got := out.(type) {
			case *s3.ListObjectsV2Output:
				for i := range got.Contents {
					if strings.HasPrefix(*got.Contents[i].Key, "a-team/") {
						got.Contents[i].Size = aws.Int64(129 << 20)
					}
				}
			case *s3.GetObjectOutput:
				if key := *input.(*s3.GetObjectInput).Key; strings.HasPrefix(key, "a-team/") && strings.HasSuffix(key, ".tfstate") { //nolint:errcheck,forcetypeassert // it is what asks for that
					got.ContentLength, got.Body = aws.Int64(128<<20), &reading{Reader: got.Body, ctx: ctx, cpu: cpu}
				}
			}
			return out, err
		}
		report, err := beside.run("run", nothing)
		left := 0
		for _, key := range empty {
			if w.has(key) {
				left++
			}
		}
		if err != nil || left > 0 || report.Abandoned != 450 {
			t.Errorf("%d examined, %d abandoned, %d pruned, %v; %d states of others are there", report.Examined, report.Abandoned, len(report.Pruned), err, left)
		}
	})
}
