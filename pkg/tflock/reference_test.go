package tflock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const id = "78007e4f-7284-5b8c-b34c-620445a03e9c"

// pasted is what Terraform 1.11.4 prints, with the frame that it draws.
const pasted = `╷
│ Error: Error acquiring the state lock
│ 
│ Error message: operation error S3: PutObject, https response error StatusCode: 412, RequestID: QRT5, HostID: xyz, api error PreconditionFailed
│ Lock Info:
│   ID:        78007e4f-7284-5b8c-b34c-620445a03e9c
│   Path:      b/a/terraform.tfstate
│   Operation: OperationTypeApply
│   Who:       root@vm
│   Version:   1.11.4
│   Created:   2026-11-23 07:06:04.85961561 +0000 UTC
│   Info:      
│ 
│ Terraform acquires a state lock to protect the state from being written
│ by multiple users at the same time.
╵`

func TestParseReference(t *testing.T) {
	whole := tflock.Reference{ID: id, Path: "b/a/terraform.tfstate"}
	plain := strings.NewReplacer("│ ", "", "╷\n", "", "╵", "").Replace(pasted)
	for name, tc := range map[string]struct {
		text    string
		want    tflock.Reference
		wantErr error
	}{
		"an ID alone":                       {text: id, want: tflock.Reference{ID: id}},
		"an ID with blanks around it":       {text: " \t" + id + "\n", want: tflock.Reference{ID: id}},
		"an ID that is not a UUID":          {text: "my-own-lock_7", want: tflock.Reference{ID: "my-own-lock_7"}},
		"the framed error":                  {text: pasted, want: whole},
		"the error without a frame":         {text: plain, want: whole},
		"the error in colours":              {text: "\x1b[31m" + strings.ReplaceAll(pasted, "│", "\x1b[0m\x1b[31m│\x1b[0m") + "\x1b[0m", want: whole},
		"the error with Windows line ends":  {text: strings.ReplaceAll(pasted, "\n", "\r\n"), want: whole},
		"the error quoted in a chat":        {text: "> " + strings.ReplaceAll(plain, "\n", "\n> "), want: whole},
		"the error from a CI log":           {text: "2026-11-23T07:06:05.1Z " + strings.ReplaceAll(pasted, "\n", "\n2026-11-23T07:06:05.1Z "), want: whole},
		"the same error twice":              {text: pasted + "\n" + pasted, want: whole},
		"the ID's line alone":               {text: "  ID:        " + id, want: tflock.Reference{ID: id}},
		"the ID's and the path's lines":     {text: "│   ID:   " + id + "\n│   Path: b/k", want: tflock.Reference{ID: id, Path: "b/k"}},
		"the lock's JSON":                   {text: realInfo, want: whole},
		"a Who that forges another ID":      {text: strings.Replace(pasted, "root@vm", "x\n│   ID: evil\n│   Path: evil/k", 1), wantErr: tflock.ErrTwoLocks},
		"two locks":                         {text: pasted + "\n" + strings.ReplaceAll(pasted, "78007e4f", "99999999"), wantErr: tflock.ErrTwoLocks},
		"nothing":                           {text: " \n ", wantErr: tflock.ErrNoReference},
		"a sentence":                        {text: "please unlock production", wantErr: tflock.ErrNoReference},
		"an error without the lock's block": {text: pasted[:strings.Index(pasted, "│ Lock Info")], wantErr: tflock.ErrNoReference},
		"an empty object":                   {text: "{}", wantErr: tflock.ErrNoReference},
		"a word too long to be an ID":       {text: strings.Repeat("x", 5000), wantErr: tflock.ErrNoReference},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tflock.ParseReference(tc.text)
			got.Literal = ""
			if !errors.Is(err, tc.wantErr) || got != tc.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{
		id, pasted, realInfo, "Lock Info:\nID: x", "\x1b]0;t\x07 ID: x", "{",
		"Lock Info:\n ID: a\nLock Info:\n ID: b", "Lock Info:\n ID: a\n Who: x\nID: b", strings.Repeat("Lock Info:\n", 5_000), strings.Repeat("│", 5_000) + " ID: x",
		"\x1b[" + strings.Repeat("9", 5_000) + "m", "\x1b]" + strings.Repeat("x", 5_000), "ID:\t\xff", "ID: " + strings.Repeat("x", 2_000), "\u00a0ID:\u00a0x", "a\rID: b\r",
		`{"ID":"a","ID":"b","Path":"p"}`, strings.Repeat(`{"ID":`, 10_001),
	} {
		f.Add(seed)
	}
	for _, wrap := range wrappings {
		f.Add(wrap(pasted))
	}
	for _, file := range pastes(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := tflock.ParseReference(text)
		if (err == nil) != (ref.ID != "") || err != nil && ref != (tflock.Reference{}) {
			t.Fatalf("%+v with error %v", ref, err)
		}
		if err != nil && (len(err.Error()) > 2500 || strings.ContainsFunc(err.Error(), unicode.IsControl)) {
			t.Fatalf("the error is not fit to be shown: %q", err)
		}
		// An ID is in the text as it is, unless it is that of a lock in JSON, which may have
		// any signs.
		if err == nil && !strings.Contains(strings.ToValidUTF8(text, "\uFFFD"), ref.ID) && !strings.Contains(text, `\`) {
			t.Fatalf("%q is not in the text", ref.ID)
		}
		if err == nil && strings.ContainsAny(ref.ID, " \t\n\r") && !strings.ContainsAny(text, "{") {
			t.Fatalf("an ID of several words: %q", ref.ID)
		}
	})
}

// pastes are the texts in testdata/pastes, by the name of their file.
func pastes(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/pastes/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d pastes, %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	return texts
}

// Clients read "id" as the ID too, and of two fields the last: JSON that shows one ID and
// means another names no lock.
func TestALockWithTwoIDsInOtherCasesNamesNone(t *testing.T) {
	const shown = "11111111-2222-3333-4444-555555555555"
	for _, text := range []string{
		`{"ID":"` + shown + `","Path":"b/production/k","id":"mine"}`,
		`{"iD":"mine","ID":"` + shown + `","Path":"b/production/k"}`,
		`{"ID":"` + shown + `","Path":"b/production/k","PATH":"b/team-a/k"}`,
		`log: {"lock":{"ID":"` + shown + `","Path":"b/production/k","id":"mine"}}`,
	} {
		if ref, err := tflock.ParseReference(text); !errors.Is(err, tflock.ErrTwoLocks) {
			t.Errorf("%s: %+v, %v", text, ref, err)
		}
	}
}
