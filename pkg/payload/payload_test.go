package payload_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/payload"
)

type request struct {
	Path   string `json:"path"`
	DryRun bool   `json:"dry_run"`
	kept   int    //nolint:unused // a field that no payload can set
}

func TestDecode(t *testing.T) {
	for name, tc := range map[string]struct{ payload, err string }{
		"a request":                       {`{"path": "b/k", "dry_run": true}`, ""},
		"an empty object":                 {" {} \n", ""},
		"a misspelt field":                {`{"path": "b/k", "dryrun": true}`, `there is no field "dryrun": use path, dry_run`},
		"a field that is not in the JSON": {`{"kept": 1}`, `there is no field "kept"`},
		"a value of another type":         {`{"dry_run": "hunter2"}`, "dry_run must be a bool, not a string"},
		"nothing":                         {"", "is not a JSON object"},
		"null":                            {"null", "is not a JSON object"},
		"a list":                          {`[{"path": "hunter2"}]`, "is not a JSON object"},
		"a text":                          {`"hunter2"`, "is not a JSON object"},
		"an object that is cut off":       {`{"path": "hunter2`, "is not a JSON object"},
		"a bracket behind it":             {`{"path": "b/k"}}, "path": "b/dev"`, "something after its JSON object"},
		"two objects":                     {`{"path": "b/k"}{"path": "hunter2"}`, "something after its JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			var r request
			err := payload.Decode([]byte(tc.payload), &r)
			if (err == nil) != (tc.err == "") || (err != nil && !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("got %v, want %q", err, tc.err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes a value: %v", err)
			}
		})
	}
}

func TestScheduled(t *testing.T) {
	for event, want := range map[string]bool{
		`{"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}`: true,
		`{"detail-type": "Scheduled Event", "source": "acme"}`:                                     false,
		`{"source": "aws.events"}`: false, `{}`: false, ``: false, `[]`: false,
	} {
		if payload.Scheduled([]byte(event)) != want {
			t.Errorf("%s: want %v", event, want)
		}
	}
}

func TestFit(t *testing.T) {
	list := []string{"aa", "<<", "bb"} // 4, 14 and 4 bytes of JSON, and a comma each
	for name, tc := range map[string]struct{ most, bytes, want int }{
		"there is room for all": {5, 1000, 3}, "no more than that many": {2, 1000, 2}, "no more than that many bytes": {5, 20, 2},
		"JSON is longer than the text": {5, 19, 1}, "there is no room": {5, 4, 0}, "none are wanted": {0, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := payload.Fit(list, tc.most, tc.bytes); len(got) != tc.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Whatever is decoded without an error is one object that has no field but the request's.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"path": "b/k"}`, `{"PATH": "b/k"}`, `{} {}`, `{"dry_run": 1}`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r request
		if err := payload.Decode(raw, &r); err == nil && !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
			t.Fatalf("%q is an object", raw)
		} else if err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("the error of %q has several lines: %v", raw, err)
		}
	})
}
