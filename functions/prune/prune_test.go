package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const month = 31 * 24 * time.Hour

// invoke runs the built function as Lambda does.
func invoke[A any](t *testing.T, stack *local.Stack, payload string) (answer A, result local.Result) {
	t.Helper()
	result, err := stack.Invoke(t.Context(), "prune", "PruneFunction", payload)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Failed {
		if err := json.Unmarshal([]byte(result.Payload), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer, result
}

func fates(r prune.Report) []string {
	list := []string{}
	for _, s := range slices.Concat(r.Pruned, r.Kept) {
		_, key, _ := strings.Cut(string(s.Path), "/")
		list = append(list, strings.TrimSpace(fmt.Sprint(key, " ", s.Fate, " ", s.Reason)))
	}
	slices.Sort(list)
	return list
}

// States that real clients made by apply and destroy, in every mode of locking: the
// destroyed ones are pruned, a plan on the same key works at once, and a restored
// one has its old serial.
func TestRealStatesArePruned(t *testing.T) {
	stack := local.ForTest(t, nil)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	destroyed := map[string]*local.Workspace{} // by key
	var want []string
	make := func(client local.Client, key string, mode local.Mode, runs ...string) *local.Workspace {
		w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, mode)
		for _, run := range runs {
			if err == nil {
				_, err = w.Run(t.Context(), strings.Fields(run)...)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, client := range clients {
		for _, mode := range local.Modes {
			key := fmt.Sprintf("branches/%s/%s/terraform.tfstate", client.Name, mode)
			destroyed[key] = make(client, key, mode, "apply -auto-approve", "destroy -auto-approve")
			want = append(want, key+" pruned")
		}
		key := fmt.Sprintf("branches/%s/paid/terraform.tfstate", client.Name)
		make(client, key, local.ByBoth, "apply -auto-approve")
		want = append(want, key+" kept has_resources")
		key = fmt.Sprintf("branches/%s/workspaces/terraform.tfstate", client.Name)
		make(client, key, local.ByBoth, "workspace new feature", "apply -auto-approve", "destroy -auto-approve")
		want = append(want, "env:/feature/"+key+" pruned")
		make(client, fmt.Sprintf("main/%s/terraform.tfstate", client.Name), local.ByBoth, "apply -auto-approve", "destroy -auto-approve")
	}
	if report, _ := invoke[prune.Report](t, stack, "{}"); report.Examined != 0 {
		t.Errorf("young states: %+v", report)
	}
	if err := stack.AWS().Age(stack.Outputs["StateBucketName"], "", month); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	dry, result := invoke[prune.Report](t, stack, sample(t, "dry-run"))
	if got := fates(dry); !slices.Equal(strings.Fields(strings.ReplaceAll(strings.Join(got, " "), "would_prune", "pruned")), strings.Fields(strings.Join(want, " "))) {
		t.Errorf("dry run: %q\n%s", got, result.Payload)
	}
	report, result := invoke[prune.Report](t, stack, sample(t, "schedule"))
	if got := fates(report); !slices.Equal(got, want) || len(report.Errors) > 0 || report.Abandoned != len(clients) {
		t.Fatalf("got %q, want %q: %s\n%s", got, want, result.Payload, result.Log)
	}

	for key, w := range destroyed {
		if out, err := w.Run(t.Context(), "plan"); err != nil || strings.Contains(out, "Warning") {
			t.Errorf("plan on %s, which was pruned: %v\n%s", key, err, out)
		}
		path := stack.Outputs["StateBucketName"] + "/" + key
		at := slices.IndexFunc(report.Pruned, func(s policy.Stale) bool { return string(s.Path) == path })
		a, result := invoke[prune.Answer](t, stack, fmt.Sprintf(`{"restore":%q}`, path))
		if a.Outcome != prune.Restored || a.Serial != report.Pruned[at].Serial || a.Serial == 0 {
			t.Errorf("restore: %s", result.Payload)
		}
		pulled, err := w.Run(t.Context(), "state", "pull")
		if err != nil || !strings.Contains(strings.ReplaceAll(pulled, " ", ""), fmt.Sprintf(`"serial":%d,`, a.Serial)) {
			t.Errorf("the restored state of %s: %v\n%s", key, err, pulled)
		}
		if out, err := w.Run(t.Context(), "apply", "-auto-approve"); err != nil {
			t.Errorf("apply on %s, which was restored: %v\n%s", key, err, out)
		}
	}
	notified(t, stack, len(clients))
	for name, want := range map[string]int{"StatesPruned": len(report.Pruned), "StatesAbandoned": len(clients)} {
		if value, unit, _, err := stack.AWS().Metric(t.Context(), stack.Functions["PruneFunction"]["METRIC_NAMESPACE"], name); err != nil || int(value) != want || unit != "Count" {
			t.Errorf("%s is %v %s, %v", name, value, unit, err)
		}
	}
}

// notified checks the one report that went out.
func notified(t *testing.T, stack *local.Stack, abandoned int) {
	t.Helper()
	messages, err := stack.AWS().Published(stack.Outputs["AlertTopicArn"])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	var e alert.Event
	if err := json.Unmarshal([]byte(messages[0].Texts["lambda"]), &e); err != nil {
		t.Fatal(err)
	}
	if e.Type != alert.PruneReported || messages[0].Attributes["type"] != "prune.report" || !e.States[abandoned-1].Abandoned() || e.States[abandoned].Abandoned() {
		t.Errorf("got %+v", e)
	}
	for _, part := range []string{"terraform_data", "still managing", "Pruned:", "serial"} {
		if !strings.Contains(messages[0].Texts["email"], part) {
			t.Errorf("the mail says nothing of %q:\n%s", part, messages[0].Texts["email"])
		}
	}
}

// A live run keeps its state, whatever locks it.
func TestRealLocksKeepStates(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"PruneAfterDays": "0"})
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		for _, mode := range local.Modes {
			t.Run(fmt.Sprintf("%s, %s", client.Name, mode), func(t *testing.T) {
				key := fmt.Sprintf("branches/%s/%s/terraform.tfstate", client.Name, mode)
				w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, mode)
				for _, run := range []string{"apply", "destroy"} {
					if err == nil {
						_, err = w.Run(t.Context(), run, "-auto-approve")
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				_, run, err := stack.Hold(t.Context(), client, t.TempDir(), key, mode, local.TenMinutes)
				if err != nil {
					t.Fatal(err)
				}
				report, _ := invoke[prune.Report](t, stack, "{}")
				if got := fates(report); !slices.Contains(got, key+" kept locked") {
					t.Errorf("got %q", got)
				}
				if err := run.Kill(); err != nil {
					t.Fatal(err)
				}
				if _, err := w.Run(t.Context(), "plan"); err == nil {
					t.Error("the lock is gone")
				}
			})
		}
	}
}

// A client that meets a lock of ours shows whose it is, and can unlock it.
func TestRealClientsCanUnlockOurs(t *testing.T) {
	stack := local.ForTest(t, nil)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	const id = "0f3f5d5a-0a1b-4c2d-8e3f-001122334455"
	for _, client := range clients {
		for _, mode := range local.Modes {
			t.Run(fmt.Sprintf("%s, %s", client.Name, mode), func(t *testing.T) {
				key := fmt.Sprintf("branches/%s/%s/terraform.tfstate", client.Name, mode)
				w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, mode)
				if err != nil {
					t.Fatal(err)
				}
				leave(t, stack, key, id, mode)
				printed, err := w.Run(t.Context(), "plan")
				if err == nil || !strings.Contains(printed, "lockwarden-prune@lambda") || !strings.Contains(printed, id) || !strings.Contains(printed, "request-7") {
					t.Errorf("%v: it shows\n%s", err, printed)
				}
				if _, err := w.Run(t.Context(), "force-unlock", id); err != nil {
					t.Error(err)
				}
				if _, err := w.Run(t.Context(), "plan"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The sample events do what their names say.
func TestSampleEvents(t *testing.T) {
	stack := local.ForTest(t, nil)
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", "prune-*.json"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%d sample events, %v", len(files), err)
	}
	for _, name := range []string{"schedule", "dry-run"} {
		if report, result := invoke[prune.Report](t, stack, sample(t, name)); result.Failed || report.DryRun != (name == "dry-run") || report.Examined != 0 {
			t.Errorf("%s: %s", name, result.Payload)
		}
	}
	if a, result := invoke[prune.Answer](t, stack, sample(t, "restore")); a.Outcome != prune.Refused || !strings.Contains(a.Message, "not watched") {
		t.Errorf("restore: %s", result.Payload)
	}
	if _, result := invoke[prune.Report](t, stack, sample(t, "invalid-misspelt")); !result.Failed || !strings.Contains(result.Payload, "dry_run") {
		t.Errorf("invalid: %s", result.Payload)
	}
}

// leave puts a lock there, byte for byte as prune signs it, where that mode looks.
func leave(t *testing.T, stack *local.Stack, key, id string, mode local.Mode) {
	t.Helper()
	tables, buckets := stack.Watched()
	set, err := backend.Open(stack.AWS().Config(), tables, buckets)
	if err != nil {
		t.Fatal(err)
	}
	path := stack.Outputs["StateBucketName"] + "/" + key
	raw, err := tflock.Info{
		ID: id, Operation: "lockwarden-prune", Info: `{"request_id":"request-7","deadline":"2026-11-23T12:00:00Z"}`,
		Who: "lockwarden-prune@lambda", Version: "lockwarden", Created: time.Now().UTC(), Path: path,
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set.All() {
		if (s == backend.Store(set.Tables[0]) && mode == local.ByFile) || (s == backend.Store(set.Buckets[0]) && mode == local.ByTable) {
			continue
		}
		if _, err := s.Acquire(t.Context(), tflock.Path(path), raw); err != nil {
			t.Fatal(err)
		}
	}
}

func sample(t *testing.T, name string) string {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join(local.Root(), "events", "prune-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// Wrong settings end the function with what to write instead.
func TestWrongSettings(t *testing.T) {
	binary, err := local.Build(t.Context(), "prune")
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"ACCOUNT_ID": "1", "LEDGER_TABLE": "l", "TOPIC_ARN": "t", "METRIC_NAMESPACE": "n", "AWS_REGION": local.Region,
		"PRUNE_PATHS": "a/[", "PRUNE_AFTER_DAYS": "NaN", "PRUNE_MODE": "remove", "BUCKET_ARNS": "arn:aws:s3:::b",
	}
	result, err := local.Invoke(t.Context(), binary, environment, "{}")
	for _, part := range []string{"a/[", "PRUNE_AFTER_DAYS", "PRUNE_MODE"} {
		if err == nil || !strings.Contains(result.Log, part) {
			t.Errorf("nothing about %s: %v\n%s", part, err, result.Log)
		}
	}
}
