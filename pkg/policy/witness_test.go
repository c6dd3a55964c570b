package policy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestOnlyARolesSessionHasAName(t *testing.T) {
	for name, tc := range map[string]struct{ principal, want string }{
		"a role's session":                       {"AWS:AROAEXAMPLEID:gh-1-2-3", "gh-1-2-3"},
		"a session's name as AWS allows it":      {"AWS:AROAEXAMPLEID:ann+ci=x,y.z@example-1_2", "ann+ci=x,y.z@example-1_2"},
		"a user":                                 {"AWS:AIDAEXAMPLEID", ""},
		"a federated user, named by its account": {"AWS:123456789012:ann", ""},
		"an account's root":                      {"123456789012", ""},
		"S3 itself, of a lifecycle rule":         {"s3.amazonaws.com", ""},
		"a role without a session":               {"AWS:AROAEXAMPLEID", ""},
		"what only looks like it":                {"x AWS:AROAEXAMPLEID:gh-1-2-3", ""},
		"nothing":                                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := policy.SessionOf(tc.principal); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestTheJSONOfAWitness(t *testing.T) {
	at := time.Date(2026, 11, 27, 3, 4, 5, 678e6, time.UTC)
	for name, tc := range map[string]struct {
		witness policy.Witness
		want    string
	}{
		"of a session": {
			policy.Witness{Principal: "AWS:AROAEXAMPLEID:gh-1-2", Session: "gh-1-2", SourceIP: "192.0.2.7", TakenAt: at},
			`{"principal":"AWS:AROAEXAMPLEID:gh-1-2","session":"gh-1-2","source_ip":"192.0.2.7","taken_at":"2026-11-27T03:04:05.678Z"}`,
		},
		"of a user whose address S3 does not say": {
			policy.Witness{Principal: "AWS:AIDAEXAMPLEID", TakenAt: at},
			`{"principal":"AWS:AIDAEXAMPLEID","session":"","taken_at":"2026-11-27T03:04:05.678Z"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := json.Marshal(tc.witness); err != nil || string(got) != tc.want {
				t.Errorf("%s, %v; want %s", got, err, tc.want)
			}
		})
	}
}

// S3 dates an object that is there, whatever an event says. A witness proves the age of a
// row alone whose object is gone, and never one that a scan has disproved.
func TestAWitnessProvesTheAgeOfARowWhoseObjectIsGone(t *testing.T) {
	minutes := func(n int) time.Time { return ago(time.Duration(n) * time.Minute) }
	for name, tc := range map[string]struct {
		holdings []tflock.Holding
		seen     []policy.SeenHolding
		taken    int // minutes ago
		want     int // minutes
	}{
		"an object that is there":                             {[]tflock.Holding{object(minutes(20))}, nil, 50, 20},
		"both halves are there":                               {[]tflock.Holding{row, object(minutes(20))}, nil, 50, 20},
		"both are there, and the event came of a later write": {[]tflock.Holding{row, object(minutes(20))}, nil, 5, 20},
		"its object is gone":                                  {[]tflock.Holding{row}, []policy.SeenHolding{{Store: "table", First: minutes(40), NotBefore: minutes(55)}}, 50, 50},
		"a scan saw the row before":                           {[]tflock.Holding{row}, []policy.SeenHolding{{Store: "table", First: minutes(40), NotBefore: minutes(55)}}, 30, 40},
		"a scan read the table without the row since":         {[]tflock.Holding{row}, []policy.SeenHolding{{Store: "table", First: minutes(40), NotBefore: minutes(45)}}, 50, 40},
		"no scan saw the row, and none read the table since":  {[]tflock.Holding{row}, nil, 50, 50},
		"no scan saw the row, and one read the table since":   {[]tflock.Holding{row}, []policy.SeenHolding{{Store: "table", NotBefore: minutes(5)}}, 50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := judged(lock(ago(72*time.Hour), tc.holdings...), policy.Sighting{FirstSeen: ago(48 * time.Hour), Holdings: tc.seen})
			verdict, held := c.Verdict, c.Held
			c.AddWitness(&policy.Witness{Principal: "AWS:AROAX:gh-1-2", Session: "gh-1-2", TakenAt: minutes(tc.taken)})
			if c.HeldAtLeast != time.Duration(tc.want)*time.Minute || c.Unseen != (tc.want == 0) {
				t.Errorf("at least %s, unseen %v", c.HeldAtLeast, c.Unseen)
			}
			if c.Verdict != verdict || c.Held != held {
				t.Errorf("a witness changed the verdict to %s, or the age to %s", c.Verdict, c.Held)
			}
			f := c.Describe()
			if f.Witness == nil || f.Witness.Session != "gh-1-2" || !strings.HasPrefix(f.Evidence.Reasons[0], "taken by session gh-1-2 (AWS:AROAX:gh-1-2) at ") {
				t.Errorf("%+v, %q", f.Witness, f.Evidence.Reasons)
			}
		})
	}
}

// Whatever is known: a witness makes no lock look younger than without it, and older than
// its own time only where something else proves that.
func TestAWitnessNeverShortensAnAge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time {
			return ago(time.Duration(rapid.IntRange(0, 90).Draw(t, name)) * time.Minute)
		}
		holdings := [][]tflock.Holding{{row}, {object(at("object"))}, {row, object(at("object"))}}[rapid.IntRange(0, 2).Draw(t, "holdings")]
		seen := policy.Sighting{FirstSeen: ago(48 * time.Hour)}
		if rapid.Bool().Draw(t, "seen") {
			seen.Holdings = []policy.SeenHolding{{Store: "table", First: at("first"), NotBefore: at("not before")}}
		}
		before := judged(lock(ago(72*time.Hour), holdings...), seen)
		after := before
		taken := at("taken")
		after.AddWitness(&policy.Witness{TakenAt: taken})
		if after.HeldAtLeast < before.HeldAtLeast || after.HeldAtLeast > max(before.HeldAtLeast, now.Sub(taken)) {
			t.Fatalf("at least %s, then %s; taken %s ago", before.HeldAtLeast, after.HeldAtLeast, now.Sub(taken))
		}
	})
}
