package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// hostile is what the name of a session may try. IAM allows less, and nobody checks what S3
// sends.
const hostile = "<!channel> <https://evil.example|click> [a](https://evil.example) <script>alert(1)</script><cwdb-action> *x* `id` @here $(reboot) \"}'\u202e\u2028\x1b[2J\x00\r\nforged: line"

// aHostileSessionIsText follows such a name through every function and channel that shows it.
func aHostileSessionIsText(s *site) {
	const key, id = "hostile/terraform.tfstate", "0f6f9e2a-0000-4000-8000-00000000beef"
	bucket := s.stack.Outputs["StateBucketName"]
	set, err := backend.Open(s.stack.AWS().Config(), nil, []string{"arn:aws:s3:::" + bucket})
	s.check(err)
	path, objects := tflock.NewPath(bucket, key), set.Buckets[0]
	s.check(local.TakeLock(s.Context(), path, id, objects))
	s.tell(bucket, key, "taker "+hostile)

	s.mustBeText("taker", s.invoke("monitor", "MonitorFunction", "{}"))
	s.mustBeText("taker", s.invoke("unlock", "UnlockFunction", fmt.Sprintf(`{"lock_id":%q,"dry_run":true}`, id)))
	draw, err := os.ReadFile(filepath.Join("..", "..", "events", "console-locks.json"))
	s.check(err)
	page := s.invoke("console", "ConsoleFunction", string(draw))
	s.mustBeText("taker", page)
	var html string
	if err := json.Unmarshal([]byte(page.Payload), &html); err != nil || strings.Contains(html, "<script") || strings.Contains(html, "<cwdb-action>") || !strings.Contains(html, "&lt;script&gt;") {
		s.Errorf("the page: %v: %s", err, html)
	}

	h, _, err := objects.Find(s.Context(), path)
	s.check(err)
	s.check(objects.Release(s.Context(), h))
	s.tell(bucket, key, "remover "+hostile)
	s.mustBeText("", s.invoke("monitor", "MonitorFunction", "{}"))
	time.Sleep(time.Second) // a week ends with a whole second
	week := s.invoke("report", "ReportFunction", "{}")
	s.mustBeText("remover", week)
	var figures alert.Week
	s.check(json.Unmarshal([]byte(week.Payload), &figures))
	if most := figures.MostStuck.People; len(most) != 1 || !strings.HasPrefix(most[0].Who, "taker") {
		s.Errorf("the holder of the stuck lock is %+v", most)
	}

	published, err := s.stack.AWS().Published(s.stack.Outputs["AlertTopicArn"])
	s.check(err)
	types := []alert.Type{}
	for _, m := range published[*s.heard:] {
		types = append(types, s.mustBeTextEverywhere(m))
	}
	*s.heard = len(published)
	if got := fmt.Sprint(types); got != "[lock.stuck lock.resolved report.weekly]" {
		s.Errorf("published %s", got)
	}
}

// tell delivers S3's last event of a lock object, by a session of that name.
func (s *site) tell(bucket, key, session string) {
	s.Helper()
	all, err := s.stack.AWS().Notifications(s.Context(), bucket, key+".tflock")
	s.check(err)
	s.check(s.stack.Notify(s.Context(), all[len(all)-1].By(session)))
}

func (s *site) invoke(function, resource, payload string) local.Result {
	s.Helper()
	result, err := s.stack.Invoke(s.Context(), function, resource, payload)
	s.check(err)
	if result.Failed {
		s.Fatalf("%s: %s\n%s", function, result.Payload, result.Log)
	}
	return result
}

// mustBeText checks that an answer is JSON that names somebody, and that each line of the
// log is one JSON object, so that no name ends a line or forges one.
func (s *site) mustBeText(who string, r local.Result) {
	s.Helper()
	if !json.Valid([]byte(r.Payload)) || !strings.Contains(r.Payload, who) {
		s.Errorf("the answer does not name the %s: %s", who, r.Payload)
	}
	s.mustBePlain("the answer", r.Payload)
	for lines := bufio.NewScanner(strings.NewReader(r.Log)); lines.Scan(); {
		if l := lines.Text(); strings.Contains(l, "forged") && !json.Valid([]byte(l)) {
			s.Errorf("a line of the log: %q", l)
		}
	}
	s.mustBePlain("the log", r.Log)
}

// mustBePlain checks that nothing in a text moves a cursor, hides something or looks like a
// line of its own.
func (s *site) mustBePlain(where, text string) {
	s.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool {
		return r != '\n' && r != '\u2060' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
	}); i >= 0 {
		s.Errorf("%s has %q: %s", where, text[i:min(len(text), i+4)], text)
	}
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "forged") {
			s.Errorf("%s has a forged line %q", where, l)
		}
	}
}

// mustBeTextEverywhere checks each text of a message, and what Slack gets of it, and gives
// the type of its event.
func (s *site) mustBeTextEverywhere(m local.Message) alert.Type {
	s.Helper()
	var e alert.Event
	s.check(json.Unmarshal([]byte(m.Texts["sqs"]), &e))
	where := func(channel string) string { return string(e.Type) + ", " + channel }
	for channel, text := range m.Texts {
		if s.mustBePlain(where(channel), text); !strings.Contains(text, "taker") && !strings.Contains(text, "remover") {
			s.Errorf("%s names no session: %s", where(channel), text)
		}
	}
	var q alert.Notification
	s.check(json.Unmarshal([]byte(m.Texts["https"]), &q))
	for _, text := range append(q.Content.NextSteps, q.Content.Title, q.Content.Description, q.Metadata.Summary) {
		text = strings.ReplaceAll(text, "@\u2060", "")
		if !strings.HasPrefix(text, "`aws lambda invoke ") && (strings.ContainsAny(text, "<>`*@[]") || strings.Contains(text, "://")) {
			s.Errorf("%s: markup in %q", where("Amazon Q"), text)
		}
	}
	raw, err := json.Marshal(slack.Renderer{}.Message("", m.Texts["sqs"]))
	s.check(err)
	var post any
	s.check(json.Unmarshal(raw, &post))
	named := false
	walk(post, func(text string) {
		named = named || strings.Contains(text, "taker") || strings.Contains(text, "remover")
		s.mustBePlain(where("Slack"), text)
		if strings.Contains(text, "<!") || strings.Contains(text, "<https://evil") {
			s.Errorf("%s: markup in %q", where("Slack"), text)
		}
	})
	if !named {
		s.Errorf("%s names no session: %s", where("Slack"), raw)
	}
	return e.Type
}

// walk calls f with every text in a JSON value.
func walk(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, one := range v {
			walk(one, f)
		}
	case map[string]any:
		for _, one := range v {
			walk(one, f)
		}
	}
}
