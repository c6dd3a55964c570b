package probe_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/probe"
)

func TestTable(t *testing.T) {
	for name, tc := range map[string]struct {
		store          *store
		create, delete probe.Answer
	}{
		"a table like DynamoDB's":                 {&store{}, probe.Holds, probe.Holds},
		"a second lock overwrites the first":      {&store{ignoreCreate: true}, probe.Ignored, probe.Holds},
		"a delete does not look at its condition": {&store{ignoreDelete: true}, probe.Holds, probe.Ignored},
		"no condition counts":                     {&store{ignoreCreate: true, ignoreDelete: true}, probe.Ignored, probe.Ignored},
		"writes are denied":                       {&store{denied: "PutItem"}, probe.NotKnown, probe.NotKnown},
		"deletes are denied":                      {&store{denied: "DeleteItem"}, probe.Holds, probe.NotKnown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.store
			_, client := serve(t, s)
			r := probe.Table(t.Context(), client, "locks")
			if r.Create != tc.create || r.Delete != tc.delete || r.CreateAfterDelete != "" || r.DeleteAbsent != "" || r.DoubleSlash != "" {
				t.Errorf("%+v", r)
			}
			left := 0
			if s.denied == "DeleteItem" {
				left = 1
			}
			if len(s.rows) != left {
				t.Errorf("left: %v", s.rows)
			}
			for id, text := range s.rows {
				if !strings.HasSuffix(id, "-md5") || !strings.HasPrefix(id, "Lockwarden-probe/") || !strings.Contains(text, "Lockwarden wrote this") {
					t.Errorf("%s: %s", id, text)
				}
			}
		})
	}
}
