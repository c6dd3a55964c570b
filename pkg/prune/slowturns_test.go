//go:build !race

package prune_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A team has stale, empty states with transactions under way on their rows, and on those of their other names, in each run. Each prunes what another team has behind
// forty abandoned states, and what others have since the one before.
func TestSlowLocksOfOnePrefixTakeNoRunFromOthers(t *testing.T) {
	t.Parallel()
	const mine, theirs = "a-team/branches/", "b-team/branches/"
	since := []string{"0-team/branches/x.tfstate", theirs + "0.tfstate", theirs + "x.tfstate"}
	for name, tc := range map[string]struct {
		folder func(i int) string
		names  []string // what else the table calls a state, by what it has for the first slash
	}{
		"in one folder": {func(int) string { return "" }, nil},
		"twenty in each of folders within each other, with other names": {func(i int) string {
			return fmt.Sprintf("%02d/", i/100) + []string{"a/a/a/a/", "a/a/a/b/", "a/b/a/a/", "b/a/a/a/", "c/a/a/a/"}[i/20%5]
		}, []string{"/./", "//"}},
		"in one folder, with many other names": {func(int) string { return "" }, []string{"/./", "//", "/././", "///", "/.//"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inside(t)
				w.slowTeam(1000, func(i int) string { return mine + tc.folder(i) }, tc.names)
				w.teamBehind(theirs)
				time.Sleep(month)
				for run := range 3 {
					for _, key := range since {
						w.put(key, local.State(t, "destroyed"))
					}
					time.Sleep(month)
					_, err := w.run(fmt.Sprint("run ", run), transactions(tc.names))
					if there := slices.DeleteFunc(slices.Clone(since), func(key string) bool { return !w.has(key) }); err != nil || len(there) > 0 {
						t.Errorf("run %d: %v, %q were not pruned", run, err, there)
					}
				}
			})
		})
	}
}

// A team has so many slow locks that they take all of a run, wherever they are among the paths of a prune: the states of others are pruned in it all the same.
func TestSlowLocksOfAnyPathsTakeNoRunFromOthers(t *testing.T) {
	t.Parallel()
	const a, b, branches = "a-team/", "b-team/", "branches/"
	names := []string{"/./", "/././", "/.//", "//", "///"} // in the order in which they are locked
	flat := func(int) string { return "" }
	each := func(i int) string { return fmt.Sprintf("%d/", i) }
	for name, tc := range map[string]struct {
		globs        string
		mine, theirs string
		folder       func(i int) string
	}{
		"in folders within each other": {"*/branches/**", a + branches, b + branches, func(i int) string {
			return fmt.Sprintf("%02d/", i/100) + []string{"a/a/a/a/", "a/a/a/b/", "a/b/a/a/", "b/a/a/a/", "c/a/a/a/"}[i/20%5]
		}},
		"in a prefix of the paths":                          {"a-team/branches/**,b-team/branches/**", a + branches, b + branches, flat},
		"in folders of a prefix of the paths":               {"a-team/branches/**,b-team/branches/**", a + branches, b + branches, each},
		"in folders of all that a team has":                 {"a-team/**,b-team/**", a, b, each},
		"in a prefix of the paths where others are as well": {"live/**,test/**", "live/" + a + branches, "live/" + b + branches, each},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inside(t)
				w.slowTeam(500, func(i int) string { return tc.mine + tc.folder(i) }, names)
				w.teamBehind(tc.theirs)
				time.Sleep(month)
				w.prunesAllOf(tc.globs, tc.theirs)
			})
		})
	}
}

// The same team is one of several below a prefix of the paths, as workspaces are by default, or below a folder there. Those before and behind it have their states pruned all the same.
func TestSlowLocksBelowASharedPrefixTakeNoRunFromOthers(t *testing.T) {
	t.Parallel()
	const byDefault = "branches/**,feature-branches/**,env:/*/branches/**"
	flat := func(int) string { return "" }
	deep := func(i int) string {
		return fmt.Sprintf("%02d/", i/100) + []string{"a/a/a/a/", "a/a/a/b/", "a/b/a/a/", "b/a/a/a/", "c/a/a/a/"}[i/20%5]
	}
	for name, tc := range map[string]struct {
		globs, above, below string
		folder              func(i int) string
	}{
		"in one folder":                                              {byDefault, "env:/", "branches/", flat},
		"in folders within each other":                               {byDefault, "env:/", "branches/", deep},
		"below a folder of it":                                       {byDefault, "env:/dev/branches/", "", flat},
		"below a folder of it, in folders within each other":         {byDefault, "env:/dev/branches/", "", deep},
		"below a folder of everything":                               {"**", "live/branches/", "", flat},
		"below a folder of everything, in folders within each other": {"**", "live/", "branches/", deep},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, others := inside(t), []string{}
				for _, team := range []string{"0-team/", "1-team/", "b-team/", "c-team/", "d-team/"} {
					others = append(others, tc.above+team+tc.below)
				}
				w.slowTeam(500, func(i int) string { return tc.above + "a-team/" + tc.below + tc.folder(i) }, []string{"/./", "/././", "/.//", "//", "///"})
				for _, theirs := range others {
					w.teamBehind(theirs)
				}
				time.Sleep(month)
				w.prunesAllOf(tc.globs, others...)
			})
		})
	}
}

// The same team takes no run either from what others have behind hundreds of abandoned states.
func TestSlowLocksTakeNoRunFromWhatIsFarBehind(t *testing.T) {
	t.Parallel()
	flat := func(int) string { return "" }
	each := func(i int) string { return fmt.Sprintf("%d/", i) }
	for name, tc := range map[string]struct {
		globs, above, mine string
		folder             func(i int) string
	}{
		"in one folder":                       {"*/branches/**", "", "a-team/branches/", flat},
		"in folders":                          {"*/branches/**", "", "a-team/branches/", each},
		"below a shared prefix":               {"branches/**,feature-branches/**,env:/*/branches/**", "env:/", "a-team/branches/", each},
		"in a prefix of the paths":            {"0-team/branches/**,a-team/branches/**,b-team/branches/**", "", "a-team/branches/", flat},
		"in folders of a prefix of the paths": {"0-team/branches/**,a-team/branches/**,b-team/branches/**", "", "a-team/branches/", each},
		"where each team's folder is named":   {"env:/dev/branches/0-team/**,env:/dev/branches/a-team/**,env:/dev/branches/b-team/**", "env:/dev/branches/", "a-team/branches/", each},
		"in a prefix that ends within a name": {"a-team/0-team/branches/**,a-team/b-team/branches/**,a-team/feature-*", "a-team/", "feature-", flat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, others := inside(t), []string{tc.above + "0-team/branches/", tc.above + "b-team/branches/"}
				w.slowTeam(500, func(i int) string { return tc.above + tc.mine + tc.folder(i) }, []string{"/./", "/././", "/.//", "//", "///"})
				for _, theirs := range others {
					for i := range 300 {
						w.put(fmt.Sprintf("%s%03d.tfstate", theirs, i), local.State(t, "applied"))
					}
					w.put(theirs+"x.tfstate", local.State(t, "destroyed"))
				}
				time.Sleep(month)
				w.prunesAllOf(tc.globs, others...)
			})
		})
	}
}

// A hundred teams have some states each, and the slow one comes behind them.
func TestSlowLocksBehindManyTeamsTakeNoRunFromThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, others := inside(t), []string{}
		for i := range 100 {
			theirs := fmt.Sprintf("%03d-team/branches/", i)
			for i := range 7 {
				w.put(fmt.Sprintf("%s%02d.tfstate", theirs, i), local.State(t, "applied"))
			}
			w.put(theirs+"x.tfstate", local.State(t, "destroyed"))
			others = append(others, theirs+"x.tfstate")
		}
		w.slowTeam(500, func(int) string { return "a-team/branches/" }, []string{"/./", "/././", "/.//", "//", "///"})
		time.Sleep(month)
		if _, err := w.run("run", slowRows); err != nil {
			t.Error(err)
		}
		if w.hasAny(others) {
			t.Error("states of others were not pruned")
		}
	})
}

// The same team has a bucket of its own, in which no lock could be released: what another bucket has is pruned all the same.
func TestSlowLocksOfOneBucketTakeNoRunFromAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, others := inside(t), []string{}
		w.slowTeam(500, func(int) string { return "a-team/" }, []string{"/./", "/././", "/.//", "//", "///"})
		for i := range 300 {
			others = append(others, fmt.Sprintf("b-team/%03d.tfstate", i))
			w.put(others[i], local.State(t, "destroyed"))
		}
		time.Sleep(month)
		if _, err := w.runIn([][2]string{{insideBucket, "a-team/"}, {"others", "b-team/"}}, "**", "run", slowRows); err != nil || w.hasAny(others) {
			t.Errorf("%v; states of others are there: %v", err, w.hasAny(others))
		}
	})
}

// slowRows has a transaction under way on the last row of each state of a-team, and makes deletes of the others last.
func slowRows(input any) error {
	row := writtenRow(input)
	switch _, deleted := input.(*dynamodb.DeleteItemInput); {
	case deleted && strings.Contains(row, "a-team/"):
		time.Sleep(3500 * time.Millisecond)
	case !deleted && strings.Contains(row, "a-team///"):
		return &types.TransactionConflictException{}
	}
	return nil
}

// transactions are under way on the last row of each state of a-team whenever it is written, and on the others when they are deleted, until the SDK's last attempt.
func transactions(names []string) func(input any) error {
	last := append([]string{"/"}, names...)[len(names)]
	deletes := map[string]int{} // attempts, by row
	var mu sync.Mutex
	return func(input any) error {
		row := writtenRow(input)
		if !strings.HasPrefix(tflock.Path(row).Key(), "a-team/") {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if _, deleted := input.(*dynamodb.DeleteItemInput); deleted {
			deletes[row]++
		}
		if deletes[row]%retry.DefaultMaxAttempts != 0 || strings.HasPrefix(tflock.Path(row).Key(), "a-team"+last+"branches") {
			return &types.TransactionConflictException{}
		}
		return nil
	}
}

// prunesAllOf fails where x.tfstate of a folder is there after a run beside slow rows.
func (w insideWorld) prunesAllOf(globs string, folders ...string) {
	w.Helper()
	if _, err := w.runOf(globs, "run", slowRows); err != nil {
		w.Error(err)
	}
	for _, folder := range folders {
		if w.has(folder + "x.tfstate") {
			w.Errorf("a state of %s was not pruned", folder)
		}
	}
}

// slowTeam puts empty states into folders, and rows of each under other names.
func (w insideWorld) slowTeam(states int, folder func(i int) string, names []string) {
	w.Helper()
	for i := range states {
		key := fmt.Sprintf("%s%04d.tfstate", folder(i), i)
		w.put(key, local.State(w, "destroyed"))
		for _, slash := range names {
			w.row(strings.Replace(key, "a-team/", "a-team"+slash, 1) + "-md5")
		}
	}
}

// teamBehind puts an empty state, x.tfstate, behind forty abandoned ones.
func (w insideWorld) teamBehind(folder string) {
	w.Helper()
	for i := range 40 {
		w.put(fmt.Sprintf("%s%02d.tfstate", folder, i), local.State(w, "applied"))
	}
	w.put(folder+"x.tfstate", local.State(w, "destroyed"))
}

// row puts an empty row into the lock table.
func (w insideWorld) row(key string) {
	w.Helper()
	item := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: insideBucket + "/" + key}, "Digest": &types.AttributeValueMemberS{}}
	if _, err := w.calls(w.Context(), "PutItem", &dynamodb.PutItemInput{TableName: aws.String("locks"), Item: item}); err != nil {
		w.Fatal(err)
	}
}
