package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
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
