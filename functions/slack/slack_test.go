package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

const secretPath = "/services/T0SECRET/B0SECRET/wh00ks3cr3t"

// site is a deployed stack that posts to a stand-in for Slack.
type site struct {
	*testing.T
	stack   *local.Stack
	webhook *local.Webhook
	heard   int // messages of the topic that were posted
}

func newSite(t *testing.T, parameters map[string]string) *site {
	t.Helper()
	server := local.StartForTest(t)
	webhook, err := local.StartWebhook(secretPath)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(webhook.Stop)
	// The slash at its beginning is easily forgotten.
	if err := server.MakeSecret(t.Context(), "/lockwarden/slack", webhook.URL); err != nil {
		t.Fatal(err)
	}
	parameters["SlackWebhookParameter"] = "lockwarden/slack"
	stack, err := server.Deploy(t.Context(), "lockwarden", parameters)
	if err != nil {
		t.Fatal(err)
	}
	return &site{T: t, stack: stack, webhook: webhook}
}

// deliver hands what was published since the last call to the slack function, each
// message as SNS does, and returns the types of the events and the results.
func (s *site) deliver() (types []string, results []local.Result) {
	s.Helper()
	all, err := s.stack.AWS().Published(s.stack.Outputs["AlertTopicArn"])
	if err != nil {
		s.Fatal(err)
	}
	for ; s.heard < len(all); s.heard++ {
		payload, err := all[s.heard].LambdaEvent(fmt.Sprintf("message-%d", s.heard))
		if err != nil {
			s.Fatal(err)
		}
		result, err := s.stack.Invoke(s.Context(), "slack", "SlackFunction", payload)
		if err != nil {
			s.Fatal(err)
		}
		s.mustHideTheURL(result)
		types, results = append(types, all[s.heard].Attributes["type"]), append(results, result)
	}
	return types, results
}

func (s *site) mustHideTheURL(r local.Result) {
	s.Helper()
	address := strings.TrimPrefix(strings.TrimSuffix(s.webhook.URL, secretPath), "http://")
	for _, secret := range []string{"SECRET", "s3cr3t", "/services", address} {
		if strings.Contains(r.Log+r.Payload, secret) {
			s.Errorf("%q of the webhook's URL is in the log or the answer:\n%s\n%s", secret, r.Log, r.Payload)
		}
	}
}

func (s *site) invoke(function, logicalID, payload string) {
	s.Helper()
	if _, err := s.stack.Invoke(s.Context(), function, logicalID, payload); err != nil {
		s.Fatal(err)
	}
}

func (s *site) publish(e alert.Event) {
	s.Helper()
	topic := alert.NewTopic(sns.NewFromConfig(s.stack.AWS().Config()), s.stack.Outputs["AlertTopicArn"])
	if err := topic.Publish(s.Context(), e); err != nil {
		s.Fatal(err)
	}
}

// The life of a real lock, from the killed apply to the notice of its end, beside a lock
// whose holder wrote Slack's markup, a table that is gone, and a prune: each event reaches
// the webhook.
func TestEveryEventOfALocksLifeReachesSlack(t *testing.T) {
	s := newSite(t, map[string]string{
		"StuckAfter": "1ms", "RemindEvery": "1ms", "ReleaseGuard": "1ms",
		"WatchTableArns": "arn:aws:dynamodb:eu-west-1:123456789012:table/missing",
	})
	tofu, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	const key = "network/production/terraform.tfstate"
	if _, err := s.stack.Leave(t.Context(), tofu, t.TempDir(), key, local.ByBoth); err != nil {
		t.Fatal(err)
	}
	s.putHostileLock()
	var all []string
	step := func(want ...string) {
		t.Helper()
		types, results := s.deliver()
		for i, r := range results {
			if r.Failed {
				t.Errorf("%s was not posted: %s\n%s", types[i], r.Payload, r.Log)
			}
		}
		for _, one := range want {
			if !strings.Contains(strings.Join(types, " "), one) {
				t.Errorf("no %s in %v", one, types)
			}
		}
		all = append(all, types...)
	}
	s.invoke("monitor", "MonitorFunction", "{}")
	step("lock.stuck", "scan.failed")
	s.invoke("monitor", "MonitorFunction", "{}")
	step("lock.reminder")
	payload, err := json.Marshal(unlock.Request{LockID: s.idOf(key), Reason: "its laptop died", RequestedBy: "<!here>"})
	if err != nil {
		t.Fatal(err)
	}
	s.invoke("unlock", "UnlockFunction", string(payload))
	step("lock.released")
	s.invoke("monitor", "MonitorFunction", "{}")
	step("lock.resolved")
	s.publish(alert.Composer{Account: "123456789012", Region: local.Region}.Prune(alert.PruneReport{
		Kept: 1, Abandoned: 1, States: []policy.Stale{{Path: "states/branches/b/terraform.tfstate", Fate: policy.Kept, Reason: policy.KeptHasResources, ManagedObjects: 3, LastModified: time.Now()}},
	}, time.Now()))
	step("prune.report")

	posts := s.webhook.Posts()
	if len(posts) != len(all) {
		t.Fatalf("%d posts for %d messages", len(posts), len(all))
	}
	marks := map[string]string{
		"lock.stuck": "🔒", "lock.reminder": "⏰🚨", "lock.released": "🔓", "lock.resolved": "✅", "scan.failed": "📡🚨", "prune.report": "🧹",
	}
	hostile := false
	for i, post := range posts {
		headline, texts := readPost(t, post)
		mark, _, _ := strings.Cut(headline, " ")
		if !strings.Contains(marks[all[i]], mark) {
			t.Errorf("%s begins with %q", all[i], headline)
		}
		for _, text := range texts {
			for _, markup := range []string{"<!", "<@", "<https://evil"} {
				if strings.Contains(text, markup) {
					t.Errorf("%s: %s in %q", all[i], markup, text)
				}
			}
			hostile = hostile || strings.Contains(text, "`&lt;!channel&gt;")
		}
	}
	if !hostile {
		t.Error("the holder with the markup is nowhere to be seen, so nothing was shown")
	}
}

// putHostileLock writes a row whose holder wrote Slack's markup.
func (s *site) putHostileLock() {
	s.Helper()
	path := s.stack.Outputs["StateBucketName"] + "/<!everyone>/<@U024BE7LH>"
	raw, err := tflock.Info{
		ID: "<!here>", Operation: "*Apply*", Who: "<!channel> <https://evil.example|click here>", Version: "`1`", Created: time.Now(), Path: path,
	}.Marshal()
	if err != nil {
		s.Fatal(err)
	}
	tables, _ := s.stack.Watched()
	set, err := backend.Open(s.stack.AWS().Config(), tables[:1], nil)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := set.Tables[0].Acquire(s.Context(), tflock.Path(path), raw); err != nil {
		s.Fatal(err)
	}
}

// idOf finds the lock's ID in the alerts.
func (s *site) idOf(key string) string {
	s.Helper()
	all, err := s.stack.AWS().Published(s.stack.Outputs["AlertTopicArn"])
	if err != nil {
		s.Fatal(err)
	}
	for _, m := range all {
		var e alert.Event
		if json.Unmarshal([]byte(m.Texts["lambda"]), &e) == nil && e.Lock != nil && strings.HasSuffix(e.Lock.Path, key) {
			return e.Lock.ID
		}
	}
	s.Fatal("nobody was notified of", key)
	return ""
}

// readPost returns the headline of a post, and every text in it.
func readPost(t *testing.T, body string) (headline string, texts []string) {
	t.Helper()
	var post struct {
		Text   string
		Blocks []struct {
			Text struct{ Text string }
		}
		Attachments []struct{ Blocks []any }
	}
	if err := json.Unmarshal([]byte(body), &post); err != nil || len(post.Blocks) != 1 || len(post.Attachments) != 1 {
		t.Fatalf("not a post of ours: %v\n%s", err, body)
	}
	texts = []string{post.Text, post.Blocks[0].Text.Text}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		case string:
			texts = append(texts, v)
		}
	}
	for _, b := range post.Attachments[0].Blocks {
		walk(b)
	}
	return post.Blocks[0].Text.Text, texts
}

func TestOtherMessagesOfTheTopicReachSlackToo(t *testing.T) {
	s := newSite(t, map[string]string{})
	client := sns.NewFromConfig(s.stack.AWS().Config())
	topic := s.stack.Outputs["AlertTopicArn"]
	for _, message := range []string{"no applies tonight", `{"AlarmName":"NoScan","NewStateValue":"ALARM","NewStateReason":"no datapoints"}`} {
		if _, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: &message, Subject: aws.String("Heads up")}); err != nil {
			t.Fatal(err)
		}
	}
	s.deliver()
	posts := s.webhook.Posts()
	if len(posts) != 2 || !strings.Contains(posts[0], "no applies tonight") || !strings.Contains(posts[1], "🚨 ALARM: NoScan") {
		t.Errorf("got %s", posts)
	}
}

// A refusal fails the invocation, so that Lambda puts the event into the dead-letter
// queue; its kind is the error's type; and the URL stays hidden.
func TestRefusalsAreDistinguished(t *testing.T) {
	s := newSite(t, map[string]string{})
	for name, tc := range map[string]struct {
		local.Refusal
		kind, says string
	}{
		"a webhook that is gone":          {local.Refusal{Status: http.StatusNotFound, Body: "no_service"}, "RefusedError", "the webhook is gone"},
		"a message that is not right":     {local.Refusal{Status: http.StatusBadRequest, Body: "invalid_payload"}, "RefusedError", "does not understand"},
		"a page that quotes the URL":      {local.Refusal{Status: http.StatusForbidden, Body: "Cannot POST " + secretPath}, "RefusedError", "403"},
		"a pause longer than there is":    {local.Refusal{Status: http.StatusTooManyRequests, RetryAfter: time.Hour}, "UnreachableError", "429"},
		"an outage longer than there is":  {local.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Hour}, "UnreachableError", "503"},
		"nothing: the next one is posted": {},
	} {
		t.Run(name, func(t *testing.T) {
			s.webhook.Refuse(tc.Refusal)
			before := len(s.webhook.Posts())
			s.publish(alert.Event{Version: "1", Type: alert.ScanFailed, Severity: alert.Warning, Text: "x", Time: time.Now()})
			_, results := s.deliver()
			if len(results) != 1 || len(s.webhook.Posts()) != before+1 {
				t.Fatalf("%d results, %d posts", len(results), len(s.webhook.Posts())-before)
			}
			if r := results[0]; r.Failed != (tc.kind != "") || !strings.Contains(r.Payload, tc.kind) || !strings.Contains(r.Payload, tc.says) {
				t.Errorf("answered %s", r.Payload)
			}
		})
	}
}
