package unlock_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A store that ignores the condition of a delete may delete the lock of the next run: only
// force releases a lock there.
func TestAStoreThatIgnoresTheConditionOfADelete(t *testing.T) {
	w := newWorld(t)
	w.wire = &local.Careless{Ignores: "If-Match"}
	w.Lock("a", "id-a", w.Set.Buckets[0])
	w.scan()
	for name, more := range map[string]string{"a release": "", "a dry run": `,"dry_run":true`} {
		a, err := w.run(nil, request(w, "id-a", more))
		if err != nil || a.Outcome != unlock.Refused || !strings.Contains(a.Message, "ignores the condition of a delete") {
			t.Errorf("%s: %+v %v", name, a, err)
		}
		if steps := strings.Join(a.NextSteps, "\n"); !strings.Contains(steps, "force") || !strings.Contains(steps, "lockwarden probe") || strings.Contains(steps, "wait 10m") {
			t.Errorf("%s advises %q", name, a.NextSteps)
		}
	}
	if held := w.held(); len(held) != 1 {
		t.Errorf("held: %v", held)
	}
	if a, err := w.run(nil, request(w, "id-a", `,"force":true`)); err != nil || a.Outcome != unlock.Released {
		t.Errorf("%+v %v", a, err)
	}
	if held := w.held(); len(held) != 0 {
		t.Errorf("held: %v", held)
	}
}

// Where the probe is denied nothing is known. A refusal could only be overridden by force,
// which overrides the age of a lock as well: so the lock goes, and the doubt is said.
func TestAStoreThatDeniesTheProbe(t *testing.T) {
	w := newWorld(t)
	w.wire = &local.Careless{Denies: http.MethodPut}
	w.Lock("a", "id-a", w.Set.All()...)
	w.scan()
	a, err := w.run(nil, request(w, "id-a", ""))
	if err != nil || a.Outcome != unlock.Released || !slices.ContainsFunc(a.NextSteps, func(s string) bool {
		return strings.Contains(s, "whether "+w.BucketARN+" honours conditional requests is not known") && strings.Contains(s, "AccessDenied")
	}) {
		t.Errorf("%+v %v", a, err)
	}
}

// Where a delete of nothing is reported as done, nobody can know whose release it was.
func TestAStoreThatDeletesNothing(t *testing.T) {
	w := newWorld(t)
	w.wire = &local.Careless{DeletesNothing: true}
	w.Lock("a", "id-a", w.Set.Buckets[0])
	w.scan()
	a, err := w.run(nil, request(w, "id-a", ""))
	if err != nil || a.Outcome != unlock.Released || !strings.Contains(strings.Join(a.NextSteps, "\n"), "Whether this release or the lock's holder removed it is not known: "+w.BucketARN) {
		t.Errorf("%+v %v", a, err)
	}
}

// A store that honours conditions is asked about them, says nothing, and keeps nothing.
func TestAStoreThatHonoursConditions(t *testing.T) {
	w := newWorld(t)
	wire := &local.Careless{}
	w.wire = wire
	w.Lock("a", "id-a", w.Set.All()...)
	w.scan()
	a, err := w.run(nil, request(w, "id-a", ""))
	if err != nil || a.Outcome != unlock.Released || strings.Contains(strings.Join(a.NextSteps, ""), "honours") || strings.Contains(strings.Join(a.NextSteps, ""), "not known") {
		t.Errorf("%+v %v", a, err)
	}
	if wire.Probes() == 0 {
		t.Error("it was not probed")
	}
	versions, err := server.S3().ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &w.Bucket, Prefix: aws.String("lockwarden-probe")})
	if err != nil || len(versions.Versions)+len(versions.DeleteMarkers) > 0 {
		t.Errorf("left: %+v %v", versions, err)
	}
}
