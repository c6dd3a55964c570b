package slack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// alarm is what CloudWatch publishes when an alarm changes its state.
type alarm struct {
	Name        string `json:"AlarmName"`
	Description string `json:"AlarmDescription"`
	ARN         string `json:"AlarmArn"`
	State       string `json:"NewStateValue"`
	Reason      string `json:"NewStateReason"`
	Changed     string `json:"StateChangeTime"` // 2026-11-23T12:00:00.000+0000
	Account     string `json:"AWSAccountId"`
}

// Message renders what came from the topic: an event, the JSON of a CloudWatch alarm,
// or any other text, which is shown as it is.
func (r Renderer) Message(subject, body string) *api.WebhookMessage {
	var e alert.Event
	if json.Unmarshal([]byte(body), &e) == nil && e.Version == "1" && e.Type != "" {
		return r.event(e)
	}
	var a alarm
	if json.Unmarshal([]byte(body), &a) == nil && a.Name != "" && a.State != "" {
		return r.alarm(a)
	}
	return r.text(subject, body)
}

// alarm renders an alarm's change of state. Its description says what is wrong while it
// rings; a message that it is over, or that nothing is known, must not repeat that.
func (r Renderer) alarm(a alarm) *api.WebhookMessage {
	name := alert.Clean(a.Name, 110)
	mark, colour := "❔", colours[alert.Warning]
	said := fmt.Sprintf("CloudWatch has too little data to judge the alarm %s, so whether its fault is there is not known.", name)
	switch a.State {
	case "ALARM":
		mark, colour, said = "🚨", colours[alert.Critical], a.Description
	case "OK":
		mark, colour, said = "✅", colours[alert.Info], fmt.Sprintf("The alarm %s is over: what it watches for is not the case now.", name)
	}
	d := &draft{headline: fmt.Sprintf("%s %s: %s", mark, alert.Clean(a.State, 30), name), colour: colour}
	d.notice = d.headline
	if a.State == "ALARM" && a.Description != "" {
		d.notice += " – " + a.Description
	}
	d.prose(said)
	d.prose(a.Reason)
	var links []string
	if region := regionOf(a.ARN); region != "" {
		links = append(links, link(console(region, "cloudwatch")+"/home?region="+region+"#alarmsV2:alarm/"+escapeQuery(a.Name), "Alarm"))
	}
	if r.Dashboard != "" {
		links = append(links, link(r.Dashboard, "Dashboard"))
	}
	changed := a.Changed
	if t, err := time.Parse("2006-01-02T15:04:05.000-0700", a.Changed); err == nil {
		changed = policy.Clock(t)
	}
	d.footer(links, strings.Trim("Account "+a.Account+", "+changed, ", "))
	return d.message()
}

var alarmARN = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:[a-z0-9-]+:cloudwatch:([a-z0-9-]+):\d{12}:alarm:`)
})

func regionOf(arn string) string {
	if m := alarmARN().FindStringSubmatch(arn); m != nil && regionName().MatchString(m[1]) {
		return m[1]
	}
	return ""
}

// text keeps the lines of a message, each cleaned by itself.
func (r Renderer) text(subject, body string) *api.WebhookMessage {
	d := &draft{headline: cmp.Or(alert.Clean(subject, maxHeader), "Message"), colour: grey}
	d.notice = d.headline + " – " + body
	var lines []string
	size := 0
	for line := range strings.SplitSeq(body, "\n") {
		line = plain(line, maxSection-50)
		if size += length(line) + 1; size > maxSection-50 {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	if text := strings.TrimSpace(strings.Join(lines, "\n")); text != "" {
		d.blocks = append(d.blocks, api.NewSectionBlock(literal(text), nil, nil))
	} else {
		d.prose("(no text)")
	}
	return d.message()
}
