package run

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

func TestEachRunIsAskedOnceInAScanAndAgainInTheNext(t *testing.T) {
	answer := `{"status":"completed","updated_at":"2026-11-28T10:20:00Z"}`
	server := newStandIn(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
	a, err := New(settingsOf(server.URL, ""), noClients(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	locks := []Named{{Session: "gh-1-2", Taken: taken}, {Tag: "gh-1-2", Taken: taken.Add(time.Minute)}, {Session: "gh-1-2", Taken: now}}
	runs := a.Ask(t.Context(), locks)
	if n := server.asked.Load(); n != 1 || runs[0].Status != policy.RunEnded || runs[1].Status != policy.RunEnded || runs[2].Status != policy.RunUnknown {
		t.Errorf("asked %d times: %+v", n, runs)
	}
	answer = `{"status":"queued"}` // somebody started it again
	if run := a.Ask(t.Context(), locks[:1])[0]; run.Status != policy.RunInProgress {
		t.Errorf("%+v", run)
	}
}

// A host that hangs takes no time from another, and no scan waits for it for long.
func TestAHostThatHangsDelaysNoOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hanging := newStandIn(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	quick := newStandIn(t, says(`{"status":"success","finished_at":"2026-11-28T10:20:00Z"}`))
	s := settingsOf(hanging.URL, "")
	s.GitLabToken, s.GitLabURL = "/gl/token", quick.URL
	locks := make([]Named, 100)
	for i := range locks {
		locks[i].Session = fmt.Sprintf("gh-1-%d", i+1)
	}
	locks = append(locks, Named{Session: "gitlab-1-2"})
	began := time.Now()
	runs := ask(t, s, noClients(), locks...)
	if took := time.Since(began); took > scanTime+callTime {
		t.Errorf("took %s", took)
	}
	if last := runs[100]; last.Status != policy.RunEnded {
		t.Errorf("%+v", last)
	}
	for i, run := range runs[:100] {
		if run.Status != policy.RunUnknown || !strings.Contains(run.Detail, "time") {
			t.Fatalf("%d: %+v", i, run)
		}
	}
}

func TestAnAnswerThatDripsIsLate(t *testing.T) {
	t.Parallel()
	server := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	})
	began := time.Now()
	run := ask(t, settingsOf(server.URL, ""), noClients(), Named{Session: "gh-1-2"})[0]
	if took := time.Since(began); run.Status != policy.RunUnknown || took > 2*callTime {
		t.Errorf("%+v after %s", run, took)
	}
}

func TestClientsThatAreNotConfiguredAreNotMade(t *testing.T) {
	c := Clients{
		HTTP:       NewClient(),
		Parameters: func() parameter.Client { t.Error("SSM"); return secrets{} },
		CodeBuild:  func() CodeBuild { t.Error("CodeBuild"); return &factory{} },
		EC2:        func() EC2 { t.Error("EC2"); return &fleet{} },
	}
	runs := ask(t, Settings{}, c, Named{Session: "gh-1-2"}, Named{Session: "gitlab-1-2"}, Named{Session: "i-12345678"}, Named{Session: "AWSCodeBuild-00000000-0000-4000-8000-000000000000"})
	for _, run := range runs {
		if run.Status != policy.RunUnknown || !strings.Contains(run.Detail, "is not asked") {
			t.Errorf("%+v", run)
		}
	}
}

// A host is asked about so many runs a scan that junk does not use up what its token may ask
// in an hour. The first ones are asked about, and no other run is taken for known.
func TestManyRunsDoNotUseUpTheToken(t *testing.T) {
	t.Parallel()
	server := newStandIn(t, says(`{"status":"in_progress"}`))
	locks := make([]Named, maxAsked+50)
	for i := range locks {
		locks[i].Session = fmt.Sprintf("gh-1-%d", i+1)
	}
	runs := ask(t, settingsOf(server.URL, ""), noClients(), locks...)
	for i, r := range runs {
		want := policy.RunInProgress
		if i >= maxAsked {
			want = policy.RunUnknown
		}
		if r.Status != want || (want == policy.RunUnknown && !strings.Contains(r.Detail, "too many runs")) {
			t.Fatalf("run %d: %+v", i, r)
		}
	}
	if n := server.asked.Load(); n != maxAsked {
		t.Errorf("asked %d times", n)
	}
}
