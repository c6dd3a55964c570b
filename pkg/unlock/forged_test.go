package unlock_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// What a lock says its path is names its state only where it may be that of a copy: a script writes anything.
func TestAPathThatALockMadeUpNamesNoState(t *testing.T) {
	const key = "prod/eu-west-1/networking/terraform.tfstate"
	for said, want := range map[string]unlock.Outcome{
		"": unlock.Ambiguous, "prod": unlock.Ambiguous, "networking/terraform.tfstate": unlock.Ambiguous, "OWN/dev/networking/terraform.tfstate": unlock.Ambiguous,
		"original/" + key: unlock.Released, "OWN/networking/terraform.tfstate": unlock.Released,
	} {
		w := newWorld(t)
		said = strings.ReplaceAll(said, "OWN", w.Bucket)
		raw, err := tflock.Info{ID: victim, Operation: "OperationTypeApply", Who: "me@host", Created: time.Now(), Path: said}.Marshal()
		if err == nil {
			_, err = w.Set.Buckets[0].Acquire(t.Context(), w.Path(key), raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		text := "Lock Info:\n  ID:        " + victim + "\n  Path:      " + said + "\n  Operation: OperationTypeApply\n  Who:       deploy@team-dev\n"
		if a, err := w.run(&local.Wire{}, request(w, text, `,"force":true`)); err != nil || a.Outcome != want {
			t.Errorf("%q: %s, %s, %v", said, a.Outcome, a.Message, err)
		}
	}
}

// Somebody who may write the locks under dev/ writes one with production's ID. A real client's error, pasted as it is once that lock has
// gone, is asked about unless it shows the path of production's state.
func TestARealClientsErrorOfAForgedLockReleasesNothing(t *testing.T) {
	t.Parallel()
	const key, forged = "prod/eu-west-1/networking/terraform.tfstate", "dev/eu-west-1/networking/terraform.tfstate"
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	terraform15, err := local.Terraform15()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range append(clients, terraform15) {
		t.Run(client.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mode, store := local.ByFile, backend.Store(w.Set.Buckets[0])
			if client.Name == terraform15.Name {
				mode, store = local.ByTable, w.Set.Tables[0]
			}
			workspace, err := server.Workspace(t.Context(), client, t.TempDir(), w.Bucket, w.Table, forged, mode)
			if err != nil {
				t.Fatal(err)
			}
			path := string(w.Path(key))
			for name, shown := range map[string]tflock.Info{
				"its own path":                          {Path: string(w.Path(forged))},
				"the folder that tells states apart":    {Path: w.Bucket + "/***/eu-west-1/networking/terraform.tfstate"},
				"blanks behind a mask":                  {Path: w.Bucket + "/***g" + strings.Repeat(" ", 30) + "/terraform.tfstate"},
				"another line, far to the right":        {Path: "***/***", Info: "\n" + strings.Repeat(" ", 140) + "LockID: " + path},
				"the path itself, but far to the right": {Path: "\n" + strings.Repeat(" ", 140) + path},
				"behind a line's end of Unicode":        {Path: "\n" + strings.Repeat(" ", 140) + "\u2028" + path},
				"in Info, behind an escaped line's end": {Path: "\n" + strings.Repeat(" ", 140) + path, Info: strings.Repeat(" ", 140) + `\n` + path},
				"its end behind tabs":                   {Path: path[:len(path)-20] + "\n" + strings.Repeat("\t", 14) + path[len(path)-20:]},
				"beside a path of the same folders":     {Path: "\n" + strings.Repeat(" ", 140) + "\u2028" + path, Operation: "OperationTypeApply\n  tf-path: " + w.Bucket + "/networking/prod/eu-west-1/terraform.tfstate"},
				"production's path, in plain sight":     {Path: path},
			} {
				shown.ID, shown.Operation, shown.Who, shown.Version, shown.Created = victim, cmp.Or(shown.Operation, "OperationTypeApply"), "deploy@team-dev", "1.11.4", time.Now().Add(-3*time.Hour).UTC()
				raw, err := shown.Marshal()
				if err == nil {
					_, err = store.Acquire(t.Context(), w.Path(forged), raw)
				}
				if err != nil {
					t.Fatal(err)
				}
				said, _ := workspace.Run(t.Context(), "plan", "-input=false", "-no-color") // it cannot lock the state
				w.clear()
				w.Lock(key, victim, w.Set.All()...)
				want := unlock.Ambiguous
				if shown.Path == path {
					want = unlock.Released
				}
				if a, err := w.run(&local.Wire{}, request(w, said, `,"force":true`)); err != nil || a.Outcome != want {
					t.Errorf("%s: %s, %v, for\n%s", name, a.Outcome, err, said)
				}
			}
		})
	}
}
