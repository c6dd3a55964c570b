package prune_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/prune"
)

func TestParseRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		payload string
		want    prune.Request
		wrong   string
	}{
		"nothing prunes":                  {"", prune.Request{}, ""},
		"an empty object prunes":          {"{}", prune.Request{}, ""},
		"null is not an object":           {"null", prune.Request{}, "not a JSON object"},
		"a restore of nothing":            {`{"restore":""}`, prune.Request{}, "restore is empty"},
		"a restore of null":               {`{"restore":null}`, prune.Request{}, "restore is null"},
		"a dry run of null":               {`{"dry_run":null}`, prune.Request{}, "dry_run is null"},
		"a schedule with a dry run in it": {`{"source":"aws.events","detail-type":"Scheduled Event","dry_run":true}`, prune.Request{}, "schedule"},
		"a schedule's own event prunes":   {`{"version":"0","source":"aws.scheduler","detail-type":"Scheduled Event","detail":"{}"}`, prune.Request{}, ""},
		"an old rule's event prunes":      {`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`, prune.Request{}, ""},
		"a dry run":                       {`{"dry_run":true}`, prune.Request{DryRun: true}, ""},
		"a restore":                       {`{"restore":"b/k"}`, prune.Request{Restore: "b/k"}, ""},
		"a misspelt dry run must not run": {`{"dryrun":true}`, prune.Request{}, `"dryrun"`},
		"a dry run that is a text":        {`{"dry_run":"true"}`, prune.Request{}, "dry_run must be a bool"},
		"a restore without a bucket":      {`{"restore":"k"}`, prune.Request{}, "bucket/key"},
		"a restore and a dry run":         {`{"restore":"b/k","dry_run":true}`, prune.Request{}, "no dry run"},
		"no JSON":                         {"restore b/k", prune.Request{}, "not a JSON object"},
		"a list":                          {"[]", prune.Request{}, "not a JSON object"},
		"two objects":                     {`{} {"dry_run":true}`, prune.Request{}, "after its JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := prune.ParseRequest([]byte(tc.payload))
			switch {
			case tc.wrong != "" && (err == nil || !strings.Contains(err.Error(), tc.wrong) || !strings.Contains(err.Error(), `{"dry_run": true}`)):
				t.Errorf("error %v", err)
			case tc.wrong == "" && (err != nil || got != tc.want):
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
