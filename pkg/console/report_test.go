package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// files is a report bucket, written at noon. A file that is not there was never written, and
// an empty name stands for one that cannot be read.
type files map[string]string

func (f files) Read(_ context.Context, key string) (backend.OpenFile, error) {
	if f[""] == key {
		return backend.OpenFile{}, errors.New("AccessDenied")
	}
	content, there := f[key]
	if !there {
		return backend.OpenFile{}, backend.ErrGone
	}
	return backend.OpenFile{ReadCloser: io.NopCloser(strings.NewReader(content)), Modified: noon}, nil
}

const (
	statesFile   = "inventory/states.ndjson"
	findingsFile = "inventory/findings.ndjson"
)

func lines[T any](t testing.TB, all ...T) string {
	t.Helper()
	var b strings.Builder
	for _, one := range all {
		raw, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(raw, '\n'))
	}
	return b.String()
}

func row(path string, size int64, age time.Duration, managed int, digest, locking string) map[string]any {
	return map[string]any{
		"path": path, "size": size, "last_modified": noon.Add(-age), "etag": "e", "version_id": "v", "serial": 7, "lineage": "l", "terraform_version": "1.11.4",
		"format": "4", "managed": managed, "types": map[string]int{"aws_vpc": managed}, "digest": digest, "locking": locking,
	}
}

// report has four states, of which one is encrypted, and a finding of each sort.
func report(t testing.TB) files {
	t.Helper()
	sealed := row("states/vault/production/terraform.tfstate", 1500, 3*time.Hour, 0, "unknown", "")
	sealed["format"], sealed["managed"] = "encrypted", nil
	written, current := noon.Add(-63*time.Minute), noon.Add(-time.Hour)
	return files{
		statesFile: lines(t,
			row("states/app/staging/terraform.tfstate", 12_345_678, time.Hour, 40, "mismatch", "both"),
			row("states/gone/terraform.tfstate", 180, 48*time.Hour, 0, "none", "table"),
			row("states/network/production/terraform.tfstate", 999, 2*time.Hour, 9, "ok", "lockfile"),
			sealed),
		findingsFile: lines(t,
			policy.StateFinding{
				Type: policy.FindingMixedLocking, Path: "states/network/production/terraform.tfstate", Severity: policy.SeverityCritical, Since: noon.Add(-time.Hour),
				Text: "Some clients lock it in the table alone and others by lockfile alone.",
			},
			policy.StateFinding{
				Type: policy.FindingDigestMismatch, Path: "states/app/staging/terraform.tfstate", Severity: policy.SeverityWarning, Since: noon.Add(-2 * time.Hour),
				Text:     "The digest is of the version of 2026-11-23 10:57 UTC (v1); the newest, of 2026-11-23 11:00 UTC (v2), was not recorded.",
				Evidence: policy.StateEvidence{Table: "arn:aws:dynamodb:eu-central-1:123456789012:table/locks", VersionID: "v1", VersionTime: &written, CurrentID: "v2", CurrentTime: &current},
				Fix:      &policy.StateFix{Path: "states/app/staging/terraform.tfstate", Action: policy.AcceptState},
			},
			policy.StateFinding{
				Type: policy.FindingDuplicateResource, Path: "states/app/staging/terraform.tfstate", Severity: policy.SeverityWarning, Since: noon.Add(-2 * time.Hour), Text: "Both manage it.",
				Evidence: policy.StateEvidence{
					Paths: []tflock.Path{"states/app/staging/terraform.tfstate", "states/network/production/terraform.tfstate"}, Count: 1,
					Resources: []policy.Resource{{Type: "aws_sqs_queue", ARN: "arn:aws:sqs:eu-west-1:123456789012:jobs"}},
				},
			},
			policy.StateFinding{
				Type: policy.FindingSerialReused, Path: "states/gone/terraform.tfstate", Severity: policy.SeverityWarning, Since: noon, Text: "It has serial 7 twice.",
				Evidence: policy.StateEvidence{Before: &policy.StateVersion{LastModified: written}, After: &policy.StateVersion{LastModified: current}},
			}),
	}
}

func statesEvent(theme string, width int, fields string, form map[string]string) string {
	return fmt.Sprintf(`{"view": "states"%s, "widgetContext": %s}`, fields, local.DashboardContext(theme, width, "+02:00", form))
}

func TestThePageOfTheInventoryReads(t *testing.T) {
	w := newWorld(t)
	w.reports = report(t)
	golden(t, "inventory-wide", w.page(statesEvent("light", 1280, "", nil)))
	golden(t, "inventory-half", w.page(statesEvent("dark", 588, "", nil)))
	for name, tc := range map[string]struct {
		reports files
		want    []string
		never   string
	}{
		"no inventory has run":          {files{}, []string{"There is no report yet"}, "nothing wrong"},
		"the report cannot be read":     {files{"": statesFile}, []string{"INCOMPLETE", "AccessDenied"}, "There is no report yet"},
		"the findings cannot be read":   {files{statesFile: report(t)[statesFile], "": findingsFile}, []string{"INCOMPLETE", "States 1 to 4 of 4"}, "nothing wrong"},
		"a line of it is not JSON":      {files{statesFile: "{]\n"}, []string{"INCOMPLETE", statesFile}, "nothing wrong"},
		"nothing is wrong":              {files{statesFile: report(t)[statesFile], findingsFile: ""}, []string{"found nothing wrong", "States 1 to 4 of 4"}, "INCOMPLETE"},
		"there is no state in the list": {files{statesFile: "", findingsFile: ""}, []string{"found nothing wrong", "The report has 0 states"}, "INCOMPLETE"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.reports = tc.reports
			text := w.page(statesEvent("light", 1280, "", nil)).Text(nil)
			for _, want := range tc.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing: %s", want, text)
				}
			}
			if strings.Contains(text, tc.never) {
				t.Errorf("it says %q: %s", tc.never, text)
			}
		})
	}
}

func TestStatesAreSearchedSortedAndPaged(t *testing.T) {
	w := newWorld(t)
	w.reports = report(t)
	const app, gone, network, vault = "states/app/staging/terraform.tfstate", "states/gone/terraform.tfstate", "states/network/production/terraform.tfstate", "states/vault/production/terraform.tfstate"
	for name, tc := range map[string]struct {
		fields string
		form   map[string]string
		want   []string
	}{
		"by path":                         {"", nil, []string{app, gone, network, vault}},
		"by size":                         {`, "sort": "size"`, nil, []string{app, vault, network, gone}},
		"by age":                          {`, "sort": "age"`, nil, []string{gone, vault, network, app}},
		"by resources, the unknown last":  {`, "sort": "resources"`, nil, []string{app, network, gone, vault}},
		"what the viewer searches for":    {"", map[string]string{"search": "PRODUCTION"}, []string{network, vault}},
		"what the request searches for":   {`, "search": "gone"`, nil, []string{gone}},
		"the widget's glob":               {`, "path": "states/{app,vault}/**"`, nil, []string{app, vault}},
		"the glob and the search":         {`, "path": "states/{app,vault}/**"`, map[string]string{"search": "vault"}, []string{vault}},
		"the second page":                 {`, "page_size": 3, "page": 2`, nil, []string{vault}},
		"a page behind the last one":      {`, "page_size": 3, "page": 9`, nil, []string{vault}},
		"nothing that is called like it":  {"", map[string]string{"search": "<script>"}, nil},
		"a search is a text and no regex": {"", map[string]string{"search": ".*"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			page := w.page(statesEvent("light", 1280, tc.fields, tc.form))
			var got []string
			for _, row := range page.Rows() {
				if cells := slices.Collect(row.ChildNodes()); len(cells) == 8 {
					got = append(got, strings.ReplaceAll(page.Text(cells[0]), " ", ""))
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q", got)
			}
			harmless(t, page)
		})
	}
	// Findings of other states than those that are meant are not shown.
	if text := w.page(statesEvent("light", 1280, "", map[string]string{"search": "vault"})).Text(nil); !strings.Contains(text, "found nothing wrong") {
		t.Error(text)
	}
}

func TestWrongRequestsForStates(t *testing.T) {
	for event, want := range map[string]string{
		`{"view": "stats"}`:                                   "view is",
		`{"view": "states", "sort": "name"}`:                  "path, size, age, resources",
		`{"sort": "size"}`:                                    `go with "view": "states"`,
		`{"view": "states", "json": true, "page_size": 1001}`: "from 1 to 1000",
		`{"view": "states", "page_size": 201}`:                "from 1 to 200",
		`{"view": "states", "order": "size"}`:                 "view, path, page_size, page, sort, search, json",
	} {
		if _, err := console.ParseRequest([]byte(event)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", event, err)
		}
	}
}

// A finding's button only shows what a repair would do. The page of that has the button that
// does it, which names what was shown.
func TestARepairIsShownBeforeItIsDone(t *testing.T) {
	w := newWorld(t)
	w.reports = report(t)
	page := w.page(statesEvent("light", 1280, "", nil))
	looks := page.Buttons("Look at the repair")
	if len(looks) != 1 || looks[0].Endpoint != repairer || !strings.Contains(looks[0].Payload, `"dry_run":true`) || len(page.Buttons("Repair")) != 0 {
		t.Fatalf("%+v", looks)
	}
	serial := uint64(7)
	before := policy.StateAndDigests{Digests: map[string]string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks": "0123"}, StateMD5: "4567", VersionID: "v2", Serial: &serial}
	after := before
	after.Digests = map[string]string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks": "4567"}
	shown := console.Repairing{
		Request: repair.Request{Path: "states/app/staging/terraform.tfstate", Action: policy.AcceptState, DryRun: true}, Self: repairer,
		Answer: repair.Answer{Outcome: repair.WouldRepair, Message: "Would repair it.", Before: before, After: after},
	}
	dry := at(t, nil)
	planned := parse(t, console.Repaired(dry, shown, nil))
	golden(t, "repair-planned", planned)
	buttons := planned.Buttons("Repair")
	if len(buttons) != 1 || buttons[0].Confirm == "" || !strings.Contains(buttons[0].Payload, `"state_md5":"4567"`) || strings.Contains(buttons[0].Payload, "dry_run") {
		t.Fatalf("%+v", buttons)
	}
	for outcome, want := range map[repair.Outcome]string{
		repair.NothingToDo: "There is nothing to repair", repair.Refused: "It cannot be repaired so", repair.Locked: "It is locked",
	} {
		shown.Answer.Outcome = outcome
		if page := parse(t, console.Repaired(dry, shown, nil)); len(page.Buttons("Repair")) != 0 || !strings.Contains(page.Text(nil), want) {
			t.Errorf("%s: %s", outcome, page.Text(nil))
		}
	}
	shown.Request.DryRun = false
	for outcome, want := range map[repair.Outcome]string{
		repair.Repaired: "✓ Repaired", repair.NothingToDo: "✓ Nothing to do", repair.Refused: "▲ Not repaired", repair.Locked: "it is locked", repair.Changed: "it has changed",
	} {
		shown.Answer.Outcome = outcome
		if text := parse(t, console.Repaired(dry, shown, nil)).Text(nil); !strings.Contains(text, want) {
			t.Errorf("%s: %s", outcome, text)
		}
	}
	if text := parse(t, console.Repaired(dry, console.Repairing{}, errors.New("the ledger is gone"))).Text(nil); !strings.Contains(text, "Not repaired the ledger is gone") {
		t.Error(text)
	}
}

func TestADashboardRepairsByAClickOnly(t *testing.T) {
	r := repair.Request{Path: "b/k", Action: policy.AcceptState, Reason: "an alert", RequestedBy: "on-call"}
	if got, err := console.SignedRepair(r, nil); got != r || err != nil {
		t.Errorf("a machine's request became %+v, %v", got, err)
	}
	c := at(t, map[string]string{"name": "ana", "reason": "its run died"})
	c.Refresh = true
	for _, dry := range []bool{false, true} {
		r.DryRun = dry
		if _, err := console.SignedRepair(r, &c); !errors.Is(err, widget.ErrRefresh) {
			t.Errorf("a refresh, dry run %v: %v", dry, err)
		}
	}
	c.Refresh = false
	if got, err := console.SignedRepair(r, &c); err != nil || !strings.HasPrefix(got.RequestedBy, "ana (from dashboard") || !strings.HasPrefix(got.Reason, "its run died (from") {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whatever a report says is text on the page, however much it is.
func TestAHostileReportIsText(t *testing.T) {
	evil := `<img src=x onerror=alert(1)>"'` + "\u202e\x00"
	var rows []map[string]any
	var findings []policy.StateFinding
	for i := range 1200 {
		path := fmt.Sprintf("%s/%04d%s.tfstate", evil, i, strings.Repeat("<", 900))
		r := row(path, -1, 0, -1, evil, evil)
		r["terraform_version"], r["format"] = evil, evil
		rows = append(rows, r)
		findings = append(findings, policy.StateFinding{
			Type: policy.Problem(evil), Path: tflock.Path(path), Severity: evil, Text: evil + strings.Repeat("<", 3000), Fix: &policy.StateFix{Path: tflock.Path(path), Action: policy.RepairAction(evil), VersionID: evil},
			Evidence: policy.StateEvidence{Resources: []policy.Resource{{Type: evil, ID: evil}}},
		})
	}
	w := newWorld(t)
	w.reports = files{statesFile: lines(t, rows...), findingsFile: lines(t, findings...)}
	answer := w.answer(statesEvent("light", 1280, `, "page_size": 200`, nil))
	if len(answer) > 5<<20 {
		t.Errorf("the page has %d bytes", len(answer))
	}
	harmless(t, parse(t, answer))
	if machine := w.answer(`{"view": "states", "json": true, "page_size": 1000}`); len(machine) > 6<<20 {
		t.Errorf("the answer in JSON has %d bytes", len(machine))
	}
}

// Many findings of one prefix leave room on the page, and in the answer, for those of others.
func TestManyFindingsOfOnePrefixHideNoOther(t *testing.T) {
	var findings []policy.StateFinding
	for i := range 1200 {
		findings = append(findings, policy.StateFinding{Type: policy.FindingDigestOrphan, Path: tflock.Path(fmt.Sprintf("states/a-team/%04d.tfstate", i)), Severity: policy.SeverityWarning, Text: strings.Repeat("x", 3000)})
	}
	findings = append(findings, policy.StateFinding{Type: policy.FindingSerialReused, Path: "states/zz/network.tfstate", Severity: policy.SeverityWarning, Text: "It has serial 7 twice."})
	w := newWorld(t)
	w.reports = files{statesFile: "", findingsFile: lines(t, findings...)}
	if text := w.page(statesEvent("light", 1280, "", nil)).Text(nil); !strings.Contains(text, "states/zz/network.tfstate") || !strings.Contains(text, "The first 100 of 1201 findings") {
		t.Errorf("the page does not show it: %.300s", text)
	}
	var answer struct {
		Findings []policy.StateFinding `json:"findings"`
		Omitted  int                   `json:"findings_omitted"`
	}
	if err := json.Unmarshal([]byte(w.answer(`{"view": "states", "json": true, "page_size": 1000}`)), &answer); err != nil {
		t.Fatal(err)
	}
	n := len(answer.Findings)
	if n == 0 || n+answer.Omitted != len(findings) || answer.Findings[n-1].Path != "states/zz/network.tfstate" {
		t.Errorf("%d findings, %d omitted", n, answer.Omitted)
	}
}
