//go:build !race

package inventory_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// crowdedAccount has that many states under teams/, and one beside them, which sorts behind
// them and whose digest is another one.
func crowdedAccount(t *testing.T, states int, state func(i int) string) *account {
	t.Helper()
	a := newAccount(t, 0, 0)
	crowd := scale.Crowd{States: states, Taken: time.Now().Add(-time.Hour), State: state}
	a.world.Buckets["states"].Crowd = crowd
	a.world.Tables["locks"] = scale.LockTable("locks", crowd)
	a.world.Buckets["states"].Put("zz/network.tfstate", stateOf(7, "z"), time.Now().Add(-time.Hour))
	a.world.Tables["locks"].Put(scale.Digest("states/zz/network.tfstate", "another"))
	return a
}

// findsTheOther reports whether the state beside the crowd is among the findings.
func findsTheOther(report inventory.Report) bool {
	for _, f := range report.Findings {
		if f.Type == policy.FindingDigestMismatch && f.Path == "states/zz/network.tfstate" {
			return true
		}
	}
	return false
}

// Whoever may write states can give them hundreds of types and providers with names of any
// length. What a state says of itself stays small, and what does not fit is counted.
func TestStatesWithTheLongestNames(t *testing.T) {
	const states = 100
	a := crowdedAccount(t, states, func(i int) string {
		var resources []string
		for n := range 256 {
			resources = append(resources, fmt.Sprintf(`{"mode":"managed","type":"t%d_%d_%s","name":"x","provider":"provider[\"h%d-%d.example/n/%s\"]","instances":[{}]}`,
				i, n, strings.Repeat("x", 116), i, n, strings.Repeat("y", 1900)))
		}
		return stateOf(1, fmt.Sprint("l", i), resources...)
	})
	var report inventory.Report
	held := heapWhile(func() { report, _ = a.run() })
	if t.Logf("%d MB", held>>20); held > 32<<20 || report.States != states+1 || !findsTheOther(report) {
		t.Errorf("%d MB live at once, %d states, the other one's finding: %v", held>>20, report.States, findsTheOther(report))
	}
	var row struct {
		Managed   int
		Types     map[string]int
		Providers []string
	}
	a.rowOf("states/teams/", &row)
	total := 0
	for _, n := range row.Types {
		total += n
	}
	if row.Managed != 256 || total != 256 || row.Types["(other)"] == 0 || len(row.Providers) != 1 || row.Providers[0] != "(other)" {
		t.Errorf("the row has %d of %d objects, %d of them of other types, and %d providers", total, row.Managed, row.Types["(other)"], len(row.Providers))
	}
}

// A prefix with more states than the memory is enough for leaves room for those of all others.
func TestACrowdOfStatesHidesNoOther(t *testing.T) {
	const states = 400
	a := crowdedAccount(t, states, func(i int) string { return scale.State(i, 1) })
	a.inventory.MemoryLimit = 100 * 4096 / 3 * 4
	for range 2 {
		report, err := a.inventory.Run(t.Context(), inventory.Request{})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d states under states/teams are not in the report", states+1-report.States)) || report.States > 100 || report.States < 80 {
			t.Errorf("%d states, %v", report.States, err)
		}
		if !findsTheOther(report) {
			t.Errorf("the state beside the crowd is not among %d findings", len(report.Findings))
		}
	}
	a.inventory.MemoryLimit = 0
	if report, _ := a.run(); report.States != states+1 || !findsTheOther(report) {
		t.Errorf("with more memory: %+v", report)
	}
}

// The names of objects of one prefix leave room for those of all others, whichever changed first.
func TestACrowdOfObjectsHidesNoDuplicate(t *testing.T) {
	a := crowdedAccount(t, 30, func(i int) string { return scale.State(i, 300) })
	twice := stateOf(1, "one", queues("q", 300)...)
	for _, key := range []string{"zz/a.tfstate", "zz/b.tfstate"} {
		a.world.Buckets["states"].Put(key, twice, time.Now())
	}
	a.inventory.MemoryLimit = 384 << 10
	report, _ := a.run()
	if named := finding(report, policy.FindingDuplicateResource); len(named) != 1 || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "under states/teams are not looked for") {
		t.Errorf("found %v, %v", named, report.Errors)
	}
	a.run()
	if again, _ := a.run(); again.Read > 0 {
		t.Errorf("%d were read again for the little room that is left", again.Read)
	}
}

// Copies of one team's state leave room for the duplicates of all others.
func TestCopiesOfOneTeamHideNoOtherDuplicate(t *testing.T) {
	const copies = 60 // 1,770 pairs
	a := newAccount(t, 0, 0)
	for i := range copies {
		a.world.Buckets["states"].Put(fmt.Sprintf("a-team/%02d.tfstate", i), stateOf(1, "one", queues("a", 30)...), time.Now().Add(-time.Hour))
	}
	for _, key := range []string{"dev/a.tfstate", "prod/b.tfstate", "prod/c.tfstate"} {
		a.world.Buckets["states"].Put(key, stateOf(1, key, queues("p", 2)...), time.Now().Add(-time.Hour))
	}
	report, _ := a.run()
	var others []string
	for _, f := range report.Findings {
		// A state can name what another team's manages, for its owners to remove it there.
		if apart := f.Path.Prefix() != f.Evidence.Paths[1].Prefix(); apart != strings.Contains(f.Text, "ask both owners first") {
			t.Errorf("of %s: %s", f.All(), f.Text)
		}
		if f.Type == policy.FindingDuplicateResource && !strings.HasPrefix(string(f.Path), "states/a-team/") {
			others = append(others, f.Path.Key()+" "+f.Evidence.Paths[1].Key())
		}
	}
	if want := "[dev/a.tfstate prod/b.tfstate dev/a.tfstate prod/c.tfstate prod/b.tfstate prod/c.tfstate]"; fmt.Sprint(others) != want || len(report.Findings) < 900 {
		t.Errorf("%d findings, of others %v", len(report.Findings), others)
	}
	said := strings.Join(report.Errors, "\n")
	if len(report.Errors) != 2 || !strings.Contains(said, "of the states under states/a-team more than 1000 pairs") || !strings.Contains(said, "in very many states under states/a-team: not all") {
		t.Errorf("it says %q", report.Errors)
	}
	a.world.Buckets["states"].Put("prod/c.tfstate", stateOf(2, "prod/c.tfstate"), time.Now())
	if report, _ = a.run(); len(finding(report, policy.FindingDuplicateResource)) < 900 || strings.Contains(fmt.Sprint(finding(report, policy.FindingDuplicateResource)), "prod/c") {
		t.Errorf("what is no longer so is still found: %d", len(report.Findings))
	}
}

func queues(name string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, object("aws_sqs_queue", fmt.Sprintf(`{"arn":"arn:aws:sqs:eu-west-1:123456789012:%[1]s%[2]d","id":"https://%[1]s%[2]d","region":"eu-west-1"}`, name, i)))
	}
	return all
}

// A finding names as many resources as have room, and counts all of them.
func TestADuplicateWithTheLongestNames(t *testing.T) {
	a := newAccount(t, 0, 0)
	long := queues(strings.Repeat("q", 1900), 30)
	for _, key := range []string{"a/a.tfstate", "a/b.tfstate"} {
		a.world.Buckets["states"].Put(key, stateOf(1, key, long...), time.Now().Add(-time.Hour))
	}
	report, _ := a.run()
	if len(report.Findings) != 1 {
		t.Fatalf("%d findings", len(report.Findings))
	}
	if e := report.Findings[0].Evidence; e.Count != 30 || len(e.Resources) == 0 || len(e.Resources) > 4 {
		t.Errorf("%d of %d are named", len(e.Resources), e.Count)
	}
}

// finding returns the paths of the findings of a type.
func finding(report inventory.Report, problem policy.Problem) (paths []string) {
	for _, f := range report.Findings {
		if f.Type == problem {
			paths = append(paths, fmt.Sprint(f.All()))
		}
	}
	return paths
}

// Digests without a state under one prefix leave room for the findings of all others.
func TestACrowdOfDigestsHidesNoOther(t *testing.T) {
	a := crowdedAccount(t, 0, nil)
	const digests = 300
	for i := range digests {
		a.world.Tables["locks"].Put(scale.Digest(fmt.Sprintf("states/a-team/%03d.tfstate", i), "x"))
	}
	a.inventory.MemoryLimit = 100 * 2048 * 6
	report, _ := a.run()
	if orphans := finding(report, policy.FindingDigestOrphan); !findsTheOther(report) || len(orphans) < 50 || len(orphans) > 100 || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "digests under states/a-team") {
		t.Errorf("%d findings, the other one's: %v, %v", len(orphans), findsTheOther(report), report.Errors)
	}
	a.inventory.MemoryLimit = 0
	if report, _ = a.run(); len(finding(report, policy.FindingDigestOrphan)) != digests {
		t.Errorf("with more memory: %d", len(finding(report, policy.FindingDigestOrphan)))
	}
}

// More changes under one prefix than there is room for leave room for those of all others.
func TestACrowdOfChangesHidesNoOther(t *testing.T) {
	a := newAccount(t, 0, 0)
	const states = 60
	write := func(serial int) {
		for i := range states {
			key := fmt.Sprintf("a-team/%02d.tfstate", i)
			a.world.Buckets["states"].Put(key, stateOf(serial, key), time.Now())
		}
		a.world.Buckets["states"].Put("zz/network.tfstate", stateOf(serial, "z"), time.Now())
	}
	write(9)
	a.run()
	write(4)
	a.inventory.MemoryLimit = 512 << 10 // a sixteenth of it is for changes
	report, _ := a.run()
	back := finding(report, policy.FindingSerialDecreased)
	if len(back) < 8 || len(back) > 18 || back[len(back)-1] != "[states/zz/network.tfstate]" {
		t.Errorf("found %q", back)
	}
	if left := states + 1 - len(back); len(report.Errors) != 1 || !strings.Contains(report.Errors[0], fmt.Sprintf("%d changes of states under states/a-team are not reported", left)) {
		t.Errorf("it says %q, and left out %d", report.Errors, left)
	}
}

// More other names under one prefix than there is room for: any of its states may be locked under
// one of them, so that nothing is said of their digests. Those of others are looked at.
func TestACrowdOfOtherNamesHidesNoOther(t *testing.T) {
	a := newAccount(t, 0, 0)
	for _, key := range []string{"a-team/network.tfstate", "zz/network.tfstate"} {
		a.world.Buckets["states"].Put(key, stateOf(1, key), time.Now().Add(-time.Hour))
		a.world.Tables["locks"].Put(scale.Digest("states/"+key, "another"))
	}
	for i := range 300 {
		a.world.Tables["locks"].Put(scale.Digest(fmt.Sprintf("states/a-team//%03d.tfstate", i), ""))
	}
	a.inventory.MemoryLimit = 384 << 10 // a part in 32 of it is for names
	report, _ := a.run()
	if got := fmt.Sprint(finding(report, policy.FindingDigestMismatch)); got != "[[states/zz/network.tfstate]]" {
		t.Errorf("found %s", got)
	}
	a.inventory.MemoryLimit = 0
	report, _ = a.run()
	if got := fmt.Sprint(finding(report, policy.FindingDigestMismatch)); got != "[[states/a-team/network.tfstate] [states/zz/network.tfstate]]" {
		t.Errorf("with more memory it found %s", got)
	}
}

// Whoever writes hundreds of states that nobody else may read, and some that cannot be read for
// other reasons, hides of no other what could not be done with it.
func TestACrowdOfUnreadableStatesHidesNoOtherError(t *testing.T) {
	w := scale.Stock(0, 0)
	cfg := w.Online(t)
	cfg.HTTPClient = answers(func(r *http.Request) (*http.Response, error) {
		switch key := r.URL.Path; {
		case r.Method != http.MethodGet:
		case strings.Contains(key, "sealed"): // a key of the writer's own account
			return refusal(r, "application/xml", "<Error><Code>AccessDenied</Code><Message>kms:Decrypt</Message></Error>"), nil
		case strings.Contains(key, "odd"):
			return refusal(r, "application/xml", "<Error><Code>InvalidArgument</Code><Message>no</Message></Error>"), nil
		}
		return http.DefaultClient.Do(r)
	})
	a := accountOver(t, w, cfg)
	put := func(key string) { w.Buckets["states"].Put(key, stateOf(1, key), time.Now().Add(-time.Hour)) }
	for i := range 150 {
		put(fmt.Sprintf("a-team/%03d-sealed.tfstate", i))
		put(fmt.Sprintf("a-team/%03d-odd.tfstate", i))
	}
	put("zz/sealed.tfstate")
	put("zz/odd.tfstate")
	report, err := a.inventory.Run(t.Context(), inventory.Request{})
	said := strings.Join(report.Errors, "\n")
	for _, want := range []string{"states/zz/odd.tfstate: ", "states/zz/sealed.tfstate: ", "more errors at states under states/a-team", "more notes about states under states/a-team"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %s:\n%s", want, said)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "states/zz/odd.tfstate: ") || len(report.Errors) > 102 {
		t.Errorf("%d errors and notes of 302 states, and the function fails with %v", len(report.Errors), err)
	}
}
