package unlock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/unlock"
)

func TestParseRequestSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct{ payload, want string }{
		"no reason":           {`{"lock_id":"x"}`, "reason is missing"},
		"a blank reason":      {`{"lock_id":"x","reason":" "}`, "reason is missing"},
		"no lock_id":          {`{"reason":"y"}`, "lock_id is missing"},
		"an empty lock_id":    {`{"lock_id":"","reason":"y"}`, "lock_id is missing"},
		"a number as lock_id": {`{"lock_id":7,"reason":"y"}`, "lock_id must be a string"},
		"a string as force":   {`{"lock_id":"x","reason":"y","force":"yes"}`, "force must be a bool"},
		"force in the name of automatic releases": {`{"lock_id":"x","reason":"y","requested_by":"lockwarden-auto","force":true}`, "nothing is released automatically with force"},
		"a field misspelt":                        {`{"lockid":"x","reason":"y"}`, "there is no field \"lockid\""},
		"rubbish as lock_id":                      {`{"lock_id":"please unlock production","reason":"y"}`, "no lock ID in the text"},
		"an address as path":                      {`{"lock_id":"x","path":"s3://b/k","reason":"y"}`, "path must be bucket/key"},
		"two objects":                             {`{"lock_id":"x","reason":"y"}{}`, "something after"},
		"not JSON":                                {`lock_id=x`, "not a JSON object"},
		"a text whose writer ends its quotes":     {`{"lock_id":"ID: x#012 Path: b/dev/x#012 Who: me","lock_id":"y","path":"b/prod/x","force":true,"requested_by":"","reason":"z"}`, "lock_id twice"},
		"nothing":                                 {``, "not a JSON object"},
		"a list":                                  {`[]`, "not a JSON object"},
		"an ID that is a trap":                    {`{"lock_id":"{}","reason":"y"}`, "no lock ID in the text"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := unlock.ParseRequest([]byte(tc.payload)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := unlock.ParseRequest([]byte(`{"lock_id":"x","dry_run":true}`)); err != nil {
		t.Errorf("a dry run needs no reason: %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"lock_id":"x","reason":"y"}`))
	f.Add([]byte(`{"lock_id":"Lock Info:\n  ID: x","reason":"y","force":true}`))
	for _, hostile := range []string{
		``, `null`, `[]`, `"x"`, `{"lock_id":"x","reason":"y"}{}`, `{"lock_id":"x","lock_id":"","reason":"y"}`, `{"LOCK_ID":"x","reason":"y"}`, `{"lock_id":1e9999}`,
		`{"lock_id":"x","dry_run":"true"}`, `{"lock_id":"\ud800","reason":"\u0000"}`, "{\"lock_id\":\"\xff\",\"reason\":\"\xff\"}", strings.Repeat(`{"lock_id":`, 10_001),
	} {
		f.Add([]byte(hostile))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := unlock.ParseRequest(payload)
		if err == nil && (strings.TrimSpace(r.LockID) == "" || (strings.TrimSpace(r.Reason) == "" && !r.DryRun)) {
			t.Fatalf("accepted %+v", r)
		}
	})
}
