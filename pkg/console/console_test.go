package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var (
	update = flag.Bool("update", false, "write the golden files again")
	server *local.AWS
)

func TestMain(m *testing.M) {
	flag.Parse()
	local.Main(m, &server)
}

const (
	self     = "arn:aws:lambda:eu-central-1:123456789012:function:console"
	unlocker = "arn:aws:lambda:eu-central-1:123456789012:function:unlock"
	pruner   = "arn:aws:lambda:eu-central-1:123456789012:function:prune"
	repairer = "arn:aws:lambda:eu-central-1:123456789012:function:repair"
)

// world is a lock table, a state bucket and a ledger, with a clock.
type world struct {
	testing.TB
	name          string
	table, bucket string // ARNs
	ledger        string
	now           time.Time
	prune         string
	reports       files
	seen          []ledger.Step // locks that scans have seen, not recorded yet
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldIn(t, fmt.Sprintf("w%d", time.Now().UnixNano()))
}

func newWorldIn(t testing.TB, name string) *world {
	t.Helper()
	place, err := server.MakePlace(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, name: name, table: place.TableARN, bucket: place.BucketARN, ledger: place.Ledger, now: time.Now().UTC(), prune: pruner}
}

func (w *world) set(tables ...string) backend.Set {
	set, err := backend.Open(server.Config(), append([]string{w.table}, tables...), []string{w.bucket})
	if err != nil {
		w.Fatal(err)
	}
	return set
}

// lock puts a row as a client does. Its age is what the client's clock says, and what
// the scans since then confirm.
func (w *world) lock(path string, age time.Duration, change ...func(*tflock.Info)) {
	w.Helper()
	info := tflock.Info{ID: "id-of-" + path, Operation: "OperationTypeApply", Who: "ana@laptop", Version: "1.11.4", Created: w.now.Add(-age), Path: path}
	for _, c := range change {
		c(&info)
	}
	raw, err := info.Marshal()
	if err == nil {
		_, err = w.set().Tables[0].Acquire(w.Context(), tflock.Path(path), raw)
	}
	if err != nil {
		w.Fatal(err)
	}
	entry := ledger.Entry{FirstSeen: info.Created, Kinds: []tflock.Kind{tflock.DynamoDB}, Stores: []string{w.table}, Expires: time.Now().Add(time.Hour)}
	w.seen = append(w.seen, ledger.Step{Change: ledger.Note, Key: ledger.Key{Path: tflock.Path(path), ID: info.ID}, Entry: entry})
}

// remember records what scans have seen.
func (w *world) remember() {
	w.Helper()
	lease, err := ledger.NewNotifications(dynamodb.NewFromConfig(server.Config()), w.ledger).Begin(w.Context(), "test", &scan.Scan{Started: w.now}, time.Now())
	if err == nil {
		err = errors.Join(lease.Record(w.Context(), slices.Values(w.seen)), lease.End(w.Context(), nil))
	}
	if err != nil {
		w.Fatal(err)
	}
	w.seen = nil
}

func (w *world) state(key string) {
	w.Helper()
	if _, err := server.S3().PutObject(w.Context(), &s3.PutObjectInput{Bucket: &w.name, Key: &key, Body: strings.NewReader("{}")}); err != nil {
		w.Fatal(err)
	}
}

// answer is what the console answers to an event, with these tables watched too.
func (w *world) answer(event string, tables ...string) string {
	if len(w.seen) > 0 {
		w.remember()
	}
	c := &console.Console{
		Scanner: scan.New(w.set(tables...), policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: 10 * time.Minute}, func() time.Time { return w.now }),
		Ledger:  ledger.NewNotifications(dynamodb.NewFromConfig(server.Config()), w.ledger),
		Unlock:  unlocker, Prune: w.prune, Repair: repairer,
	}
	if w.reports != nil {
		c.Reports = w.reports
	}
	answer, err := c.Reply(w.Context(), []byte(event), self)
	if err != nil {
		w.Fatal(err)
	}
	if page, isPage := answer.(string); isPage {
		return page
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		w.Fatal(err)
	}
	return string(raw)
}

func (w *world) page(event string, tables ...string) *local.Page {
	w.Helper()
	return parse(w, w.answer(event, tables...))
}

func parse(t testing.TB, text string) *local.Page {
	t.Helper()
	page, err := local.ParsePage(text)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// from is an event of a dashboard of this width, with these fields.
func from(theme string, width int, fields string) string {
	return fmt.Sprintf(`{%s"widgetContext": %s}`, fields, local.DashboardContext(theme, width, "+00:00", nil))
}

// states returns what the rows of a page begin with, without the bucket's name.
func (w *world) states(page *local.Page) []string {
	var list []string
	for _, row := range page.Rows() {
		path, _, _ := strings.Cut(page.Text(row.FirstChild), " ")
		list = append(list, strings.TrimPrefix(path, w.name+"/"))
	}
	return list
}

// golden compares what people read of a page, a line for each block, with a file.
func golden(t *testing.T, name string, page *local.Page, replace ...string) {
	t.Helper()
	var b strings.Builder
	for _, n := range page.Elements() {
		switch n.Data {
		case "dl", "p", "caption", "li", "tr", "h2", "form":
			if n.Data == "li" && n.Parent.Parent.Data != "div" {
				continue // it is in its row
			}
			if n.Data != "tr" {
				fmt.Fprintf(&b, "%-8s %s\n", n.Data, page.Text(n))
				continue
			}
			var cells []string
			for cell := range n.ChildNodes() {
				cells = append(cells, page.Text(cell))
			}
			fmt.Fprintf(&b, "%-8s %s\n", n.Data, strings.Join(cells, " | "))
		case "cwdb-action":
			fmt.Fprintf(&b, "%-8s %s, answer as %s: %s\n", "button", local.Attribute(n, "endpoint"), local.Attribute(n, "display"), n.FirstChild.Data)
			if question := local.Attribute(n, "confirmation"); question != "" {
				fmt.Fprintf(&b, "%-8s %s\n", "asks", question)
			}
		}
	}
	got := strings.NewReplacer(replace...).Replace(b.String())
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s reads now (run with -update if that is right):\n%s", name, got)
	}
}

// recording stands where the prune function's parts stand, and remembers what it was
// asked.
type recording struct {
	asked   prune.Request
	bounded bool
}

func (r *recording) Run(ctx context.Context, request prune.Request, _ string) (prune.Report, error) {
	r.asked = request
	_, r.bounded = ctx.Deadline()
	return prune.Report{}, nil
}

func (r *recording) Recent(context.Context, int) ([]ledger.Pruned, int, error) {
	return []ledger.Pruned{{}}, 1, nil
}
