package monitor_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// events are the messages since the last call.
func (w *world) events() []alert.Event {
	w.Helper()
	all, err := server.Published(w.topic)
	if err != nil {
		w.Fatal(err)
	}
	var events []alert.Event
	for _, m := range all[w.heard:] {
		var e alert.Event
		if err := json.Unmarshal([]byte(m.Texts["default"]), &e); err != nil {
			w.Fatal(err)
		}
		events = append(events, e)
	}
	w.heard = len(all)
	return events
}

// row writes a row as any tool may, in place of what is there.
func (w *world) row(path string, attributes map[string]string) {
	w.Helper()
	item := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: path}}
	for name, value := range attributes {
		item[name] = &types.AttributeValueMemberS{Value: value}
	}
	_, name, _ := strings.Cut(w.table, "table/")
	if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(w.Context(), &dynamodb.PutItemInput{TableName: &name, Item: item}); err != nil {
		w.Fatal(err)
	}
}

// Three locks become stuck an hour apart. The first one's reminder takes along the second,
// which is past half of its wait, and not the third.
func TestRemindersShareAMessage(t *testing.T) {
	w := newWorld(t)
	start := w.now
	published := func(at time.Duration) string {
		w.now = start.Add(at)
		w.must()
		var said []string
		for _, e := range w.events() {
			paths := []string{}
			for _, f := range e.Locks {
				paths = append(paths, f.Path)
			}
			if e.Lock != nil {
				paths = append(paths, e.Lock.Path)
			}
			said = append(said, fmt.Sprint(e.Type, " ", e.Severity, " ", paths))
		}
		return strings.Join(said, ", ")
	}
	for at, want := range inOrder(
		when{0, "lock.stuck warning [b/0]"}, when{2 * time.Hour, "lock.stuck warning [b/1]"}, when{3 * time.Hour, "lock.stuck warning [b/2]"},
		when{3*time.Hour + 57*time.Minute, ""},
		when{3*time.Hour + 58*time.Minute, "lock.reminder warning [b/0]"}, // nearer to four hours than the next scan; the second is at 1h58m
		when{6 * time.Hour, "lock.reminder warning [b/1 b/2]"},
		when{9*time.Hour + 58*time.Minute, ""},                                      // the first waits eight hours now
		when{11*time.Hour + 58*time.Minute, "lock.reminder critical [b/0 b/1 b/2]"}, // half of eight hours is over for the others
	) {
		switch at {
		case 0:
			w.put("b/0", time.Hour)
		case 2 * time.Hour:
			w.now = start.Add(at)
			w.put("b/1", 50*time.Minute)
		case 3 * time.Hour:
			w.now = start.Add(at)
			w.put("b/2", 50*time.Minute)
		}
		if got := published(at); got != want {
			t.Errorf("after %s: %q, want %q", at, got, want)
		}
	}
}

type when struct {
	at   time.Duration
	want string
}

func inOrder(list ...when) func(yield func(time.Duration, string) bool) {
	return func(yield func(time.Duration, string) bool) {
		for _, one := range list {
			if !yield(one.at, one.want) {
				return
			}
		}
	}
}

func TestAForeignRowInPlaceOfALock(t *testing.T) {
	w := newWorld(t)
	w.put("b/k", time.Hour)
	w.must()
	w.published()
	w.row("b/k", map[string]string{"Owner": "a deploy script"})
	w.now = w.now.Add(5 * time.Minute)
	w.must()
	if got := w.published(); !maps.Equal(got, map[string]int{"lock.resolved b/k": 1, "lock.unreadable b/k": 1}) {
		t.Errorf("%v", got)
	}
}

func TestAResolvedLockNamesTheNextOne(t *testing.T) {
	w := newWorld(t)
	w.put("b/k", time.Hour)
	w.must()
	w.published()
	w.now = w.now.Add(5 * time.Minute)
	raw, err := tflock.Info{ID: "the next one", Who: "you@host", Created: w.now, Path: "b/k"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	w.row("b/k", map[string]string{"Info": string(raw)})
	w.must()
	events := w.events()
	if len(events) != 1 || events[0].Type != alert.LockResolved || events[0].Current == nil || events[0].Current.ID != "the next one" {
		t.Errorf("%+v", events)
	}
}

func TestForeignRowsOfATableAreOneMessageADay(t *testing.T) {
	w := newWorld(t)
	start := w.now
	for hour := range 26 {
		for i := range 3 {
			w.row(fmt.Sprintf("job-%d-%d", hour, i), nil)
		}
		w.row("deploy", map[string]string{"Info": fmt.Sprintf("me, until %d o'clock", hour)}) // one row, whatever it says
		w.now = start.Add(time.Duration(hour) * time.Hour)
		w.must()
		events := w.events()
		want := map[int]int{0: 4, 24: 24 * 3}[hour]
		switch {
		case want == 0 && len(events) != 0:
			t.Errorf("hour %d: %d messages", hour, len(events))
		case want > 0 && (len(events) != 1 || len(events[0].Locks)+events[0].Omitted != want):
			t.Errorf("hour %d: %d messages, %+v", hour, len(events), events)
		}
	}
}

// An ID as long as a row allows, and a path as long as a key does, make an alert and a
// memory as any other lock does.
func TestALockOfAWholeRow(t *testing.T) {
	w := newWorld(t)
	path := "b/" + strings.Repeat("k", 2048-2)
	raw, err := tflock.Info{ID: strings.Repeat("\x01", 50<<10), Who: strings.Repeat("<", 10<<10), Created: w.now.Add(-time.Hour), Path: path}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	w.row(path, map[string]string{"Info": string(raw)})
	if r := w.must(); r.Stuck != 1 {
		t.Fatalf("%+v", r)
	}
	if got := w.published(); got["lock.stuck "+path] != 1 || len(got) != 1 {
		t.Errorf("%v", got)
	}
	w.now = w.now.Add(5 * time.Minute)
	w.must()
	if got := w.published(); len(got) != 0 {
		t.Errorf("it is new again: %d messages", len(got))
	}
	w.row(path, map[string]string{"Digest": "d41d8cd98f00b204e9800998ecf8427e"})
	w.now = w.now.Add(5 * time.Minute)
	w.must()
	if got := w.published(); got["lock.resolved "+path] != 1 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A table of some other tool, whose rows have no LockID, is reported as what it is, at once and
// whatever is in it, in as many calls for thousands of rows as for two; locks elsewhere are found all the same.
func TestATableThatIsNoLockTable(t *testing.T) {
	w := newWorld(t)
	w.put("b/held", time.Hour)
	name := fmt.Sprintf("jobs%d", time.Now().UnixNano())
	jobs, err := server.MakeTable(t.Context(), name, "job")
	if err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(server.Config())
	fill := func(from, to int) {
		for ; from < to; from += 25 {
			var rows []types.WriteRequest
			for i := from; i < min(from+25, to); i++ {
				rows = append(rows, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{"job": &types.AttributeValueMemberS{Value: fmt.Sprint(i)}}}})
			}
			if _, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{name: rows}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.tables = []string{jobs}
	scan := func() (calls int) {
		wire := &local.Wire{}
		report, err := w.scan(wire)
		if err == nil || !strings.Contains(err.Error(), "does not look like a lock table") || report.Stuck != 1 || report.Complete {
			t.Errorf("%+v, %v", report, err)
		}
		return wire.Calls()
	}
	fill(0, 2)
	first := scan()
	var failed []string
	for _, e := range w.events() {
		if e.Type == alert.ScanFailed {
			failed = append(failed, e.Text)
		} else if e.Type != alert.LockStuck || e.Lock.Path != "b/held" {
			t.Errorf("%s: %s", e.Type, e.Text)
		}
	}
	if len(failed) != 1 || !strings.Contains(failed[0], name) || !strings.Contains(failed[0], "does not look like a lock table") {
		t.Errorf("people read %q", failed)
	}
	few := scan() // nobody is notified again
	fill(2, 2_000)
	if many := scan(); many != few || many > first {
		t.Errorf("%d calls for two rows, %d for 2,000", few, many)
	}
	if events := w.events(); len(events) != 0 {
		t.Errorf("people are notified again: %+v", events)
	}
}

// Foreign rows cost as much each however many there are, and are one message.
func TestThousandsOfForeignRows(t *testing.T) {
	scan := func(rows int) time.Duration {
		a := newAccount(t, scale.Crowd{}, scale.Crowd{})
		for i := range rows {
			a.world.Tables["locks"].Put(scale.Item{"LockID": {"S": fmt.Sprintf("job-%d", i)}, "Owner": {"S": "a deploy script"}})
		}
		began := time.Now()
		report, calls := a.scan()
		if report.Unreadable != rows || calls["Publish"] != 1 || calls["BatchWriteItem"] != rows/25 {
			t.Errorf("%d rows: %+v unreadable, %v", rows, report.Unreadable, calls)
		}
		if _, calls = a.scan(); calls["Publish"]+calls["BatchWriteItem"] != 0 {
			t.Errorf("%d rows again: %v", rows, calls)
		}
		return time.Since(began)
	}
	scan(100) // warms up
	few, many := scan(500), scan(5_000)
	if many > 40*few { // ten times as many, and this machine may be busy; squared it would be a hundred times
		t.Errorf("%s for 500 rows, %s for ten times as many", few, many)
	}
}
