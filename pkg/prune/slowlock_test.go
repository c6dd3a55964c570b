//go:build !race

package prune_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A team has many stale, empty states whose locks cannot be taken, which takes the SDK all of its attempts to find out, until the end of a run. The
// first lock of a run is taken alone: the states of others, which come after them, are pruned all the same.
func TestLocksThatTakeTimeTakeNoTurnsOfOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		objects bool // they have lock objects
		call    func(input any) (key string)
		fails   error
	}{
		"S3 does not give lock objects, such as under an external KMS key whose store does not answer": {true, func(input any) string {
			in, _ := input.(*s3.GetObjectInput)
			if in == nil || !strings.HasSuffix(*in.Key, tflock.Suffix) {
				return ""
			}
			return *in.Key
		}, &smithy.GenericAPIError{Code: "SlowDown"}},
		"transactions are under way on their rows": {false, func(input any) string { return tflock.Path(writtenRow(input)).Key() }, &types.TransactionConflictException{}},
	} {
		for where, folder := range map[string]func(i int) string{
			"in one folder": func(int) string { return "" },
			"twenty in each of folders within each other": func(i int) string { return nested(i / 20) },
			"fifty in each of them":                       func(i int) string { return nested(i / 50) },
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { slowLocks(t, tc.objects, folder, tc.call, tc.fails) })
			})
		}
	}
}

// nested are folders of which each has fewer in common with the one before.
func nested(i int) string {
	all := []string{"a/a/a/a/a/a/", "a/a/a/a/a/b/", "a/a/a/b/", "a/b/", "b/", "c/"}
	return all[min(i, len(all)-1)]
}

func slowLocks(t *testing.T, objects bool, folder func(i int) string, call func(input any) (key string), fails error) {
	t.Helper()
	const mine, other = "a-team/branches/", "b-team/branches/x.tfstate"
	w := inside(t)
	for i := range 1000 {
		key := fmt.Sprintf("%s%s%04d.tfstate", mine, folder(i), i)
		w.put(key, local.State(t, "destroyed"))
		if objects {
			w.put(key+tflock.Suffix, []byte("sealed"))
		}
	}
	w.put(other, local.State(t, "destroyed"))
	time.Sleep(month)
	began := time.Now()
	report, err := w.run("run", func(input any) error {
		if strings.HasPrefix(call(input), mine) {
			time.Sleep(300 * time.Millisecond) // KMS waits for an external store for 250 ms
			return fails
		}
		return nil
	})
	if err != nil || w.has(other) || report.StoppedEarly != (report.Examined < 1001) {
		t.Errorf("after %v %d states were examined and %d pruned, stopped early %v, errors %q, %v", time.Since(began), report.Examined, len(report.Pruned), report.StoppedEarly, report.Errors, err)
	}
}
