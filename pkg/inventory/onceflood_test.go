//go:build !race

package inventory_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// ear hears what is published.
type ear struct {
	scale.Direct
	mu     sync.Mutex
	events []alert.Event
}

func (e *ear) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, _ := url.ParseQuery(string(body)); form.Get("Action") == "Publish" {
			var texts map[string]string
			var ev alert.Event
			if json.Unmarshal([]byte(form.Get("Message")), &texts) == nil && json.Unmarshal([]byte(texts["default"]), &ev) == nil {
				e.mu.Lock()
				e.events = append(e.events, ev)
				e.mu.Unlock()
			}
		}
	}
	return e.Direct.Do(r)
}

// Whoever may write one prefix has states that name one resource of production's, and puts some of them back to older ones. That production's
// state was put back, of which people are notified once, is named all the same.
func TestDuplicatesHideNoChangeOfAState(t *testing.T) {
	t.Parallel()
	w := scale.Stock(0, 0)
	heard := &ear{Direct: scale.Direct{World: w}}
	cfg := scale.Config(heard)
	cfg.RequestMinCompressSizeBytes = 10240 // the default of a loaded configuration
	a := accountOver(t, w, cfg)
	const production = "prod/network.tfstate"
	put := func(key string, serial int, resources []string) {
		a.world.Buckets["states"].Put(key, stateOf(serial, key, resources...), time.Now().Add(-time.Hour))
	}
	put(production, 12, queues("p", 2))
	for i := range 30 {
		put(fmt.Sprintf("team-x/%02d.tfstate", i), 2, nil)
	}
	a.run()
	put(production, 7, queues("p", 2))
	for i := range 30 {
		put(fmt.Sprintf("team-x/%02d.tfstate", i), 1, nil)
	}
	for i := range 98 {
		put(fmt.Sprintf("team-x/copy-%02d.tfstate", i), 1, queues("p", 2)[i%2:i%2+1])
	}
	report, _ := a.run()
	went := func(f policy.StateFinding) bool {
		return f.Type == policy.FindingSerialDecreased && f.Path == "states/"+production
	}
	if !slices.ContainsFunc(heard.events, func(e alert.Event) bool { return slices.ContainsFunc(e.Findings, went) }) {
		t.Error("no message names the state of production that went back to an older one")
	}
	if !slices.ContainsFunc(alert.ChooseFindings(report.Findings, 100), went) {
		t.Error("a page does not name it either")
	}
}
