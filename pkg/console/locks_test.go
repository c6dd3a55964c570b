package console_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// full is a world with a lock of every sort.
func full(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	in := func(key string) string { return w.name + "/" + key }
	w.lock(in("network/production/terraform.tfstate"), 3*time.Hour)
	w.lock(in("app/staging/terraform.tfstate"), 31*time.Minute, func(i *tflock.Info) { i.Who = "" })
	w.lock(in("young/terraform.tfstate"), 5*time.Minute)
	w.lock(in("plan/terraform.tfstate"), 20*time.Minute, func(i *tflock.Info) { i.Operation = "OperationTypePlan" })
	w.lock("elsewhere/terraform.tfstate", 2*time.Hour)
	if _, err := w.set().Tables[0].Acquire(t.Context(), "deploy", []byte("me, until noon")); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestThePageReads(t *testing.T) {
	w := full(t)
	for name, event := range map[string]string{"wide": from("light", 1280, ""), "half": from("dark", 588, "")} {
		t.Run(name, func(t *testing.T) { golden(t, "locks-"+name, w.page(event), w.name, "BUCKET") })
	}
	t.Run("a table that cannot be read", func(t *testing.T) {
		golden(t, "locks-incomplete", w.page(from("light", 1280, ""), "arn:aws:dynamodb:eu-west-1:123456789012:table/missing"), w.name, "BUCKET")
	})
	t.Run("no locks", func(t *testing.T) {
		empty := newWorld(t)
		empty.now, empty.prune = w.now, ""
		golden(t, "locks-none", empty.page(from("light", 1280, "")))
	})
}

// The newest trouble of each verdict comes first, and only what is released without
// force has a button.
func TestOrderAndButtons(t *testing.T) {
	w := full(t)
	page := w.page(from("light", 1280, ""))
	want := []string{"app/staging/terraform.tfstate", "elsewhere/terraform.tfstate", "network/production/terraform.tfstate", "deploy", "young/terraform.tfstate", "plan/terraform.tfstate"}
	if got := w.states(page); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := len(page.Buttons("Release")); got != 3 {
		t.Errorf("%d buttons", got)
	}
	w.state("app/staging/terraform.tfstate") // written now, by the clock of S3
	w.now = time.Now().UTC()
	page = w.page(from("light", 1280, ""))
	if text := page.Text(nil); strings.Contains(text, "run may be alive") == false || !strings.Contains(text, "somebody is working on it") {
		t.Errorf("a state that was written lately: %s", text)
	}
	for _, b := range page.Buttons("Release") {
		if strings.Contains(b.Row, "app/staging") {
			t.Error("a button for a lock whose state was written lately")
		}
	}
}

// A row that no scan has seen may be a moment old, whatever it says itself.
func TestALockThatNoScanHasSeenHasNoButton(t *testing.T) {
	w := newWorld(t)
	w.lock(w.name+"/k", 3*time.Hour)
	w.seen = nil
	page := w.page(from("light", 1280, ""))
	if text := page.Text(nil); len(page.Buttons("Release")) != 0 || !strings.Contains(text, "No button: no scan has seen this lock before") {
		t.Errorf("got %s", text)
	}
}

// A flood of newer stuck locks under one prefix does not move another prefix's lock off
// the first page.
func TestAFloodHidesNoOtherPrefix(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		w.lock(fmt.Sprintf("%s/team-a/%d", w.name, i), time.Hour+time.Duration(i)*time.Minute)
	}
	w.lock(w.name+"/production/terraform.tfstate", 5*time.Hour)
	first := w.states(w.page(from("light", 1280, `"page_size": 3, `)))
	if want := []string{"team-a/0", "production/terraform.tfstate", "team-a/1"}; !slices.Equal(first, want) {
		t.Errorf("the first page has %v", first)
	}
}

func TestPagesShowEveryLockOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.lock(fmt.Sprintf("%s/%d", w.name, i), time.Hour+time.Duration(i)*time.Minute)
	}
	w.lock("team-b/k", time.Hour)
	var got []string
	event := from("light", 1280, fmt.Sprintf(`"page_size": 3, "path": "%s/*", `, w.name))
	for pages := 1; ; pages++ {
		page := w.page(event)
		got = append(got, w.states(page)...)
		next := page.Buttons("More locks")
		if pages > 1 && len(page.Buttons("Newer trouble")) != 1 {
			t.Error("no way back")
		}
		if len(next) == 0 || t.Failed() {
			break
		}
		if pages > 3 || next[0].Endpoint != self || next[0].Display != "widget" {
			t.Fatalf("the next page is %+v", next[0])
		}
		event = strings.TrimSuffix(next[0].Payload, "}") + `, "widgetContext": {}}`
	}
	if want := []string{"0", "1", "2", "3", "4", "5", "6"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if page := w.page(from("light", 1280, `"page": 99, `)); len(page.Rows()) != 8 || !strings.Contains(page.Text(nil), "Locks 1 to 8 of 8") {
		t.Errorf("a page that is gone: %s", page.Text(nil))
	}
}

// Hundreds of locks whose holders filled every field make a page far below Lambda's 6 MB.
func TestHundredsOfHostileLocksFit(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("<", 600)
	for i := range 400 {
		w.lock(fmt.Sprintf("%s/%s/%d", w.name, strings.Repeat("&", 900), i), time.Hour, func(f *tflock.Info) { f.ID, f.Who, f.Operation = long+fmt.Sprint(i), long, long })
	}
	for _, tc := range []struct{ fields, says string }{{"", "Page 1 of 8"}, {`"page_size": 200, `, "There is no room for the last"}} {
		started := time.Now()
		text := w.answer(from("light", 1280, tc.fields))
		var answer bytes.Buffer
		encoder := json.NewEncoder(&answer)
		encoder.SetEscapeHTML(false) // as aws-lambda-go sends it
		if err := encoder.Encode(text); err != nil || answer.Len() > 5<<20 {
			t.Errorf("%d bytes, %v", answer.Len(), err)
		}
		if page := parse(t, text); !strings.Contains(page.Text(nil), tc.says) || !strings.Contains(page.Text(nil), "of 400") {
			t.Errorf("%d rows, and it does not say %q", len(page.Rows()), tc.says)
		}
		t.Logf("%d bytes in %s", answer.Len(), time.Since(started))
	}
}

// allowed are the elements of a page with their attributes.
var allowed = map[string][]string{
	"div": {"class", "role"}, "style": {}, "dl": {"class"}, "dt": {}, "dd": {}, "p": {"class"}, "form": {}, "span": {"class", "title"}, "label": {},
	"input": {"type", "name", "maxlength", "value"}, "table": {}, "caption": {}, "thead": {}, "tbody": {}, "tr": {}, "th": {"scope", "class"},
	"td": {"class"}, "wbr": {}, "ul": {}, "li": {}, "strong": {}, "details": {}, "summary": {}, "h2": {},
	"button": {"type", "class"}, "cwdb-action": {"action", "endpoint", "display", "confirmation"},
}

// harmless fails when a page has an element or attribute that it should not have.
func harmless(t interface{ Errorf(string, ...any) }, page *local.Page) {
	styles := 0
	for _, n := range page.Elements() {
		names, ok := allowed[n.Data]
		if !ok {
			t.Errorf("the page has a <%s>", n.Data)
		}
		for _, a := range n.Attr {
			if !slices.Contains(names, a.Key) {
				t.Errorf("the page has a <%s> with %s=%q", n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "style" {
			styles++
			if strings.Contains(n.FirstChild.Data, "url(") || strings.Contains(n.FirstChild.Data, "@import") {
				t.Errorf("the style reaches out: %s", n.FirstChild.Data)
			}
		}
		if n.Data == "th" && local.Attribute(n, "scope") == "" {
			t.Errorf("a heading that does not say of what: %s", page.Text(n))
		}
		if n.Data == "input" && n.Parent.Data != "label" {
			t.Errorf("a field without a label: %s", local.Attribute(n, "name"))
		}
	}
	if styles != 1 {
		t.Errorf("the page has %d styles", styles)
	}
}

// Whatever a lock's holder, ID, operation and path say, they are text, and the button
// names just that lock.
func TestEverythingOfALockIsText(t *testing.T) {
	w := newWorld(t)
	table := w.set().Tables[0]
	piece := rapid.OneOf(rapid.StringN(1, 8, 40), rapid.SampledFrom([]string{
		"<img src=x onerror=alert(1)>", `"><script>alert(1)</script>`, "</td></table>", "</cwdb-action>", "</style><style>*{}", "'", "&quot;", "\u202e", "𝕏",
	}))
	text := rapid.Map(rapid.SliceOfN(piece, 1, 3), func(parts []string) string { return strings.ToValidUTF8(strings.Join(parts, ""), "?") })
	rapid.Check(t, func(rt *rapid.T) {
		id, who, operation := text.Draw(rt, "ID"), text.Draw(rt, "who"), text.Draw(rt, "operation")
		path := w.name + "/" + text.Draw(rt, "key")
		w.lock(path, time.Hour, func(i *tflock.Info) { i.ID, i.Who, i.Operation = id, who, operation })
		page := w.page(from("light", rapid.SampledFrom([]int{588, 1280}).Draw(rt, "width"), ""))
		h, found, err := table.Find(t.Context(), tflock.Path(path))
		if err == nil && found {
			err = table.Release(t.Context(), h)
		}
		if err != nil && !errors.Is(err, backend.ErrGone) { // which a repeated delete finds
			rt.Fatal(err)
		}
		harmless(rt, page)
		buttons := page.Buttons("Release")
		if len(buttons) != 1 {
			rt.Fatalf("%d buttons", len(buttons))
		}
		var payload struct {
			LockID string `json:"lock_id"`
			Path   string `json:"path"`
		}
		if err := json.Unmarshal([]byte(buttons[0].Payload), &payload); err != nil {
			rt.Fatal(err)
		}
		if payload.LockID != id || payload.Path != path {
			rt.Errorf("the button names %q on %q", payload.LockID, payload.Path)
		}
		for _, part := range []string{who, operation} {
			line := strings.Join(strings.Fields(plain.Line(part, 200)), " ")
			if len(part) < 200 && !strings.Contains(page.Text(nil), line) {
				rt.Errorf("%q is not shown: %s", line, page.Text(nil))
			}
		}
	})
}

func TestParameters(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct{ event, says string }{
		"an unknown one":      {`"pages": 3, `, "use path and page_size"},
		"a page too large":    {`"page_size": 5000, `, "from 1 to 200"},
		"a size of no number": {`"page_size": "many", `, "use path and page_size"},
		"no glob":             {`"path": "a[", `, "is not a glob"},
	} {
		t.Run(name, func(t *testing.T) {
			page := w.page(from("light", 1280, tc.event))
			if harmless(t, page); !strings.Contains(page.Text(nil), tc.says) {
				t.Errorf("got %s", page.Text(nil))
			}
		})
	}
	t.Run("the documentation is Markdown with an example that works", func(t *testing.T) {
		answer := w.answer(`{"describe": true}`)
		if answer != console.Documentation || !strings.HasPrefix(answer, "## ") {
			t.Fatalf("got %s", answer)
		}
		_, example, _ := strings.Cut(answer, "``` yaml\n---\n")
		example, _, _ = strings.Cut(example, "\n```")
		var fields strings.Builder
		for line := range strings.Lines(example) { // it is flat, so YAML and JSON differ in quotes only
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if strings.Trim(value, "0123456789") != "" {
				value = fmt.Sprintf("%q", value)
			}
			fmt.Fprintf(&fields, "%q: %s, ", name, value)
		}
		if page := w.page(from("light", 1280, fields.String())); !strings.Contains(page.Text(nil), "my-states/environments/production/**") {
			t.Errorf("%s: %s", fields.String(), page.Text(nil))
		}
	})
}

func TestWithoutTheLedgerThePageSaysSo(t *testing.T) {
	w := newWorld(t)
	w.lock(w.name+"/k", time.Hour)
	w.seen = nil
	w.ledger = "gone"
	if page := w.page(from("light", 1280, "")); !strings.Contains(page.Text(nil), "What earlier scans saw cannot be read") || len(page.Rows()) != 1 {
		t.Errorf("got %s", page.Text(nil))
	}
}
