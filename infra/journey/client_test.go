package journey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// What Terraform 1.11.4 printed when its SDK had lost the answer to its own PutItem.
const metItsOwnLock = `Acquiring state lock. This may take a few moments...

Error: Error acquiring the state lock

Error message: operation error DynamoDB: PutItem, https response error
StatusCode: 400, RequestID: 8a9cc569-f3b3-4158-9720-953d3c7dbd4f,
ConditionalCheckFailedException: The conditional request failed
Lock Info:
  ID:        b32668d3-6e29-91e6-8e8c-739ec6baad2d
  Path:      journey-pattern-tfstate/patterns/terraform.tfstate
  Operation: OperationTypePlan
  Who:       root@vm
  Version:   1.11.4
  Created:   2026-11-28 23:02:14.174885538 +0000 UTC
  Info:      
`

func TestAClientsOwnLockIsTakenForNoOther(t *testing.T) {
	taken := time.Date(2026, 11, 28, 23, 2, 14, 174885538, time.UTC)
	for name, tc := range map[string]struct {
		said  string
		began time.Time
		want  string
	}{
		"it was taken since the command began": {metItsOwnLock, taken.Add(-time.Second), "b32668d3-6e29-91e6-8e8c-739ec6baad2d"},
		"it was there before":                  {metItsOwnLock, taken.Add(time.Second), ""},
		"another error":                        {"Error: Unsupported block type", taken.Add(-time.Second), ""},
	} {
		if got := takenSince(tc.said, tc.began); got != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A client that met the half of its own lock: force-unlock removes that half, fails since there is no other, and the command
// is run again.
func TestAClientGoesOnAfterTheHalfOfItsOwnLock(t *testing.T) {
	dir := t.TempDir()
	met := strings.Replace(metItsOwnLock, "2026-11-28 23:02:14.174885538", time.Now().Add(time.Minute).UTC().Format("2006-01-02 15:04:05"), 1)
	script := "#!/bin/sh\ncase $1 in\ninit) exit ;;\nforce-unlock) touch unlocked; echo 'Failed to unlock state: dynamoDB lock released but s3 failed'; exit 1 ;;\nesac\n[ -e unlocked ] && { echo planned; exit; }\ncat met\nexit 1\n"
	for name, text := range map[string]string{"client": script, "met": met} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	w, err := local.Init(t.Context(), local.Client{Name: "a client", Path: filepath.Join(dir, "client")}, dir, "", os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	if said, err := (Project{w}).Run(t.Context(), "plan"); err != nil || said != "planned\n" {
		t.Errorf("%q, %v", said, err)
	}
}
