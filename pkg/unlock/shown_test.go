package unlock_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A text shows people a lock of its writer, and names another team's in a place where nobody looks.
// The other team's stays, whatever the writer did with its own lock meanwhile.
func TestATextThatShowsALockOfItsWriterReleasesNoOther(t *testing.T) {
	const own = "aaaaaaaa-1111-2222-3333-444444444444"
	w := newWorld(t)
	theirs := string(w.Path("production/terraform.tfstate"))
	hidden := strings.Repeat("module.x: Refreshing state...\n", 50) + `state={"lock_id":"` + victim + `","path":"` + theirs + `"}` + "\n"
	sentence := func(id string) string {
		return "Error: Error acquiring the state lock\n\nLock ID " + id + " of a-team/terraform.tfstate (stuck since 09:12, runner@fv-az1)\n" + hidden
	}
	for name, tc := range map[string]struct {
		text, body string // body of the writer's lock object; empty: it is gone
		sealed     bool   // the object cannot be read
		unread     bool   // the table cannot be scanned
	}{
		"it is held":                         {text: sentence(own), body: `{"ID":"` + own + `"}`},
		"its object cannot be read":          {text: sentence(own), body: `{"ID":"` + own + `"}`, sealed: true},
		"its object has a blank in the ID":   {text: sentence(own), body: `{"ID":"` + own + ` "}`},
		"its ID has 35 characters":           {text: sentence(own[:35]), body: `{"ID":"` + own[:35] + `"}`},
		"it is gone":                         {text: sentence(own)},
		"nothing says that it is a lock":     {text: own[:35] + "\n" + hidden, body: `{"ID":"` + own[:35] + `"}`},
		"the same, and it cannot be read":    {text: own + "\n" + hidden, body: `{"ID":"` + own + `"}`, sealed: true},
		"the same, and the table is refused": {text: own + "\n" + hidden, unread: true},
		"an ID of words":                     {text: "a-lock-of-the-team\n" + hidden, body: `{"ID":"a-lock-of-the-team"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w.T, w.archived = t, ""
			w.clear()
			w.Lock("production/terraform.tfstate", victim, w.Set.All()...)
			if tc.body != "" {
				key := "a-team/terraform.tfstate.tflock"
				if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: strings.NewReader(tc.body)}); err != nil {
					t.Fatal(err)
				}
			}
			w.scan()
			if tc.sealed {
				w.archived = "/a-team/terraform.tfstate.tflock"
			}
			wire := &local.Wire{}
			if tc.unread {
				wire.Refuse = func(call string) bool {
					return strings.HasSuffix(call, ".Scan")
				}
			}
			payload, err := json.Marshal(map[string]string{"lock_id": tc.text, "reason": "stuck"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := unlock.ParseRequest(payload)
			if err != nil {
				t.Fatalf("it is refused before it is looked at, so that this shows nothing: %v", err)
			}
			a, err := w.run(wire, r)
			if err != nil || a.Outcome != unlock.Ambiguous || !strings.Contains(strings.Join(a.NextSteps, "\n"), theirs) {
				t.Errorf("%+v %v", a, err)
			}
			w.archived = ""
			held := false
			for _, lock := range w.held() {
				held = held || strings.HasPrefix(lock, "production/terraform.tfstate "+victim+" [dynamodb s3]")
			}
			if !held {
				t.Errorf("held: %q", w.held())
			}
		})
	}
}

// The writer's own lock had production's ID, and is gone: the text that shows its path is about that.
func TestATextThatShowsAnotherPathReleasesNothing(t *testing.T) {
	w := newWorld(t)
	w.Lock("production/k", victim, w.Set.All()...)
	w.scan()
	theirs, mine := string(w.Path("production/k")), string(w.Path("a-team/x"))
	for name, text := range map[string]string{
		"a label of another tool": "State = " + mine + "\nLock ID: " + victim,
		"JSON":                    `{"lock_id":"` + victim + `","state":"` + mine + `"}`,
		"a sentence":              "The lock of " + mine + " is stuck. terraform force-unlock " + victim,
		"its object":              "s3://" + mine + ".tflock is stuck\nterraform force-unlock " + victim,
	} {
		a, err := w.run(&local.Wire{}, request(w, text, ""))
		if err != nil || a.Outcome != unlock.Ambiguous || !strings.Contains(strings.Join(a.NextSteps, "\n"), theirs) || len(w.held()) != 1 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if a, err := w.run(&local.Wire{}, request(w, "State: "+theirs+"\nterraform force-unlock "+victim, "")); err != nil || a.Outcome != unlock.Released {
		t.Errorf("its own path: %+v, %v", a, err)
	}
}

// Whoever may write under one prefix makes a search through all stores last as long as they like. It
// ends, and says how to do without.
func TestASearchThatLastsTooLong(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", victim, w.Set.All()...)
	w.scan()
	w.searchTime = 300 * time.Millisecond
	wire := &local.Wire{Before: func(call string) {
		if strings.HasSuffix(call, ".Scan") {
			time.Sleep(2 * w.searchTime)
		}
	}}
	if _, err := w.run(wire, request(w, "00000000-1111-2222-3333-444444444444", "")); err == nil || !strings.Contains(err.Error(), "repeat the call with the path of the state") {
		t.Errorf("by the ID alone: %v", err)
	}
	if a, err := w.run(wire, request(w, victim, `,"path":"`+string(w.Path("k"))+`"`)); err != nil || a.Outcome != unlock.Released {
		t.Errorf("by its path: %+v, %v", a, err)
	}
}
