package tflock_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// realInfo is what Terraform 1.11.4 wrote.
const realInfo = `{"ID":"78007e4f-7284-5b8c-b34c-620445a03e9c","Operation":"OperationTypeApply","Info":"","Who":"root@vm","Version":"1.11.4","Created":"2026-11-23T07:06:04.85961561Z","Path":"b/a/terraform.tfstate"}`

var created = time.Date(2026, 11, 23, 7, 6, 4, 859615610, time.UTC)

func TestParseInfo(t *testing.T) {
	for name, tc := range map[string]struct {
		raw     string
		want    tflock.Info
		wantErr error
	}{
		"a real lock is read whole": {
			raw: realInfo,
			want: tflock.Info{
				ID: "78007e4f-7284-5b8c-b34c-620445a03e9c", Operation: "OperationTypeApply", Who: "root@vm",
				Version: "1.11.4", Created: created, Path: "b/a/terraform.tfstate",
			},
		},
		"an empty object has no ID":                      {raw: `{}`, wantErr: tflock.ErrNoID},
		"an empty ID is no ID":                           {raw: `{"ID":""}`, wantErr: tflock.ErrNoID},
		"a null ID is no ID":                             {raw: `{"ID":null}`, wantErr: tflock.ErrNoID},
		"a number is no ID":                              {raw: `{"ID":12}`, wantErr: tflock.ErrNoID},
		"nothing is not a lock":                          {raw: ``, wantErr: tflock.ErrNotLockInfo},
		"null has no ID":                                 {raw: `null`, wantErr: tflock.ErrNoID},
		"a list is not a lock":                           {raw: `["ID"]`, wantErr: tflock.ErrNotLockInfo},
		"two objects are not a lock":                     {raw: realInfo + realInfo, wantErr: tflock.ErrNotLockInfo},
		"a cut lock is not a lock":                       {raw: realInfo[:60], wantErr: tflock.ErrNotLockInfo},
		"a malformed Created leaves a lock without one":  {raw: `{"ID":"x","Created":"yesterday"}`, want: tflock.Info{ID: "x"}},
		"a Created of another type is left out":          {raw: `{"ID":"x","Created":17}`, want: tflock.Info{ID: "x"}},
		"a Who of another type does not hide the lock":   {raw: `{"ID":"x","Who":{"a":1},"Path":"p"}`, want: tflock.Info{ID: "x", Path: "p"}},
		"keys match in any case, as they do for clients": {raw: `{"id":"x","who":"me"}`, want: tflock.Info{ID: "x", Who: "me"}},
		"the last of two IDs counts, as for clients":     {raw: `{"ID":"x","ID":"y"}`, want: tflock.Info{ID: "y"}},
		"fields that nobody knows are passed over":       {raw: `{"ID":"x","TTL":[[[]]]}`, want: tflock.Info{ID: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tflock.ParseInfo([]byte(tc.raw))
			if err != tc.wantErr { //nolint:errorlint // the contract is the sentinel itself
				t.Fatalf("error %v, want %v", err, tc.wantErr)
			}
			if err == nil {
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestMarshalGivesTheClientsBytes(t *testing.T) {
	info, err := tflock.ParseInfo([]byte(realInfo))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := info.Marshal()
	if err != nil || string(raw) != realInfo {
		t.Errorf("got %s, %v", raw, err)
	}
	if _, err := (tflock.Info{ID: "x", Created: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}).Marshal(); err == nil {
		t.Error("a Created that JSON cannot hold must be an error")
	}
}

func TestCreatedUsable(t *testing.T) {
	for name, tc := range map[string]struct {
		created time.Time
		want    bool
	}{
		"a clock of this year":               {created, true},
		"a missing one":                      {time.Time{}, false},
		"a host that starts in 1970":         {time.Unix(12, 0), false},
		"a future one may still be a client": {created.AddDate(5, 0, 0), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (tflock.Info{Created: tc.created}).CreatedUsable(); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFromRow(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, tc := range map[string]struct {
		row      tflock.Row
		holds    bool
		readable bool
	}{
		"a row with Info is a lock":                             {tflock.Row{LockID: "b/k", Info: text(realInfo)}, true, true},
		"a lock on a state whose key ends in -md5 is a lock":    {tflock.Row{LockID: "b/k-md5", Info: text(realInfo)}, true, true},
		"a digest row is not a lock":                            {tflock.Row{LockID: "b/k-md5", HasDigest: true}, false, false},
		"a digest row under any name is not a lock":             {tflock.Row{LockID: "b/k", HasDigest: true}, false, false},
		"Terragrunt's empty digest is not a lock":               {tflock.Row{LockID: "b/k-md5"}, false, false},
		"a row with Info and Digest is a lock":                  {tflock.Row{LockID: "b/k", Info: text(realInfo), HasDigest: true}, true, true},
		"a row of another tool is held and unreadable":          {tflock.Row{LockID: "deploy"}, true, false},
		"a row with an Info that is not a lock is unreadable":   {tflock.Row{LockID: "b/k", Info: text("me, until noon")}, true, false},
		"a row with an Info of another type is unreadable":      {tflock.Row{LockID: "b/k-md5", Info: text("")}, true, false},
		"a row with an empty ID is unreadable, as {} is a trap": {tflock.Row{LockID: "b/k", Info: text("{}")}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, holds := tflock.FromRow("table", tc.row)
			if holds != tc.holds || (holds && (h.Err == nil) != tc.readable) {
				t.Fatalf("holds %v, error %v", holds, h.Err)
			}
			if holds && (string(h.Path) != tc.row.LockID || h.Store != "table" || h.Kind != tflock.DynamoDB) {
				t.Errorf("got %+v", h)
			}
		})
	}
}

func row(path, id string) tflock.Holding {
	raw := `{"ID":"` + id + `"}`
	h, _ := tflock.FromRow("table", tflock.Row{LockID: path, Info: &raw})
	return h
}

func object(path, id string) tflock.Holding {
	state := tflock.Path(path)
	return tflock.FromObject("bucket", state.Bucket(), state.Key()+tflock.Suffix, `{"ID":"`+id+`","Created":"2026-11-23T07:06:04Z"}`, `"e"`, created)
}

func TestMerge(t *testing.T) {
	for name, tc := range map[string]struct {
		holdings []tflock.Holding
		want     []string // path, ID, kinds, rivals
	}{
		"a row and an object with one ID are one lock": {
			[]tflock.Holding{object("b/k", "x"), row("b/k", "x")}, []string{"b/k x [dynamodb s3] []"},
		},
		"two IDs on one path are two locks in conflict": {
			[]tflock.Holding{row("b/k", "y"), object("b/k", "x")}, []string{"b/k x [s3] [y]", "b/k y [dynamodb] [x]"},
		},
		"one ID on two paths is two locks": {
			[]tflock.Holding{row("b/k", "x"), row("b/j", "x")}, []string{"b/j x [dynamodb] []", "b/k x [dynamodb] []"},
		},
		"what is unreadable stands alone and is nobody's rival": {
			[]tflock.Holding{row("b/k", ""), object("b/k", ""), object("b/k", "x")},
			[]string{"b/k  [dynamodb] []", "b/k  [s3] []", "b/k x [s3] []"},
		},
		"nothing gives nothing": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, l := range tflock.Merge(tc.holdings) {
				kinds := strings.ReplaceAll(strings.Trim(strings.Join(strings.Fields(toString(l.Kinds())), " "), " "), `"`, "")
				got = append(got, string(l.Path)+" "+l.ID+" "+kinds+" ["+strings.Join(l.Rivals, " ")+"]")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a half with a damaged Created takes the other's", func(t *testing.T) {
		l := tflock.Merge([]tflock.Holding{row("b/k", "x"), object("b/k", "x")})[0]
		if !l.Info.CreatedUsable() {
			t.Errorf("got %+v", l.Info)
		}
	})
}

func toString(kinds []tflock.Kind) string {
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return "[" + strings.Join(names, " ") + "]"
}

func TestLost(t *testing.T) {
	half := tflock.Merge([]tflock.Holding{object("b/k", "x")})[0]
	if got := half.Lost([]tflock.Kind{tflock.DynamoDB, tflock.S3}); len(got) != 1 || got[0] != tflock.DynamoDB {
		t.Errorf("a half-lock must name what it lost, got %v", got)
	}
	if got := half.Lost([]tflock.Kind{tflock.S3}); len(got) != 0 {
		t.Errorf("a whole lock lost nothing, got %v", got)
	}
}

// Merging keeps every holding, whatever the order in which stores were read.
func TestMergeLosesNothing(t *testing.T) {
	word := rapid.SampledFrom([]string{"b/a", "b/b", "c/a"})
	id := rapid.SampledFrom([]string{"", "x", "y"})
	rapid.Check(t, func(t *rapid.T) {
		holdings := rapid.SliceOf(rapid.Custom(func(t *rapid.T) tflock.Holding {
			if rapid.Bool().Draw(t, "s3") {
				return object(word.Draw(t, "path"), id.Draw(t, "id"))
			}
			return row(word.Draw(t, "path"), id.Draw(t, "id"))
		})).Draw(t, "holdings")
		count, seen := 0, map[string]bool{}
		for _, l := range tflock.Merge(holdings) {
			count += len(l.Holdings)
			key := string(l.Path) + "\x00" + l.ID
			if l.Readable() && seen[key] {
				t.Fatalf("%s is there twice", l.Path)
			}
			seen[key] = true
		}
		if count != len(holdings) {
			t.Fatalf("%d holdings became %d", len(holdings), count)
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	for _, seed := range []string{
		realInfo, `{}`, `{"ID":"x","Created":"0001-01-01T00:00:00Z"}`, `{"ID":"x"}{"ID":"y"}`,
		`{"ID":"\ud800","Who":"\u0000\n<b>"}`, strings.Repeat(`[`, 10_001), `{"ID":1e999999}`, "\xff\xfe",
		`{"ID":"a","ID":"b"}`, `{"ID":"a","ID":null}`, `{"id":"a"}`, `{"ID":"a","id":"b"}`, `{"ID":"x","Info":` + strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000) + "}",
		`{"ID":"x","Created":"9999-12-31T23:59:59.999999999+23:59"}`, `{"ID":"x","Created":"-1"}`, `{"ID":"x","Created":` + strings.Repeat("9", 5_000) + `}`,
		`{"ID":"` + strings.Repeat("x", 400<<10) + `"}`, "{\"ID\":\"\xff\"}", "\ufeff" + `{"ID":"x"}`, `null`, `[{"ID":"x"}]`, `{"ID":["x"]}`, `{"ID":"x"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := string(raw)
		h, holds := tflock.FromRow("t", tflock.Row{LockID: "b/k", Info: &text})
		if !holds || h.Raw != text {
			t.Fatal("a row with Info must be held, with every byte kept")
		}
		if (h.Err == nil) != (h.Info.ID != "") {
			t.Fatalf("ID %q with error %v", h.Info.ID, h.Err)
		}
		// Whatever the clients can decode with an ID, we must see as a lock too.
		var client struct {
			ID                                  string
			Operation, Info, Who, Version, Path string
			Created                             time.Time
		}
		if json.Unmarshal(raw, &client) == nil && client.ID != h.Info.ID {
			t.Fatalf("a client reads the ID %q, we read %q", client.ID, h.Info.ID)
		}
		larger, err := tflock.ParseInfo(append(raw, bytes.Repeat([]byte(" "), tflock.UsualSize)...))
		sameTime := larger.Created.Equal(h.Info.Created)
		if larger.Created = h.Info.Created; !sameTime || larger != h.Info || !errors.Is(err, h.Err) {
			t.Fatalf("%+v, %v; when it is larger %+v, %v", h.Info, h.Err, larger, err)
		}
		if h.Err != nil {
			return
		}
		again, err := h.Info.Marshal()
		if err != nil {
			return // a Created that JSON cannot hold
		}
		back, err := tflock.ParseInfo(again)
		if err != nil || !back.Created.Equal(h.Info.Created) {
			t.Fatalf("%s does not read back: %v", again, err)
		}
		back.Created = h.Info.Created
		if back != h.Info {
			t.Fatalf("%+v became %+v", h.Info, back)
		}
	})
}
