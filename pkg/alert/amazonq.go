package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Notification is the custom notification of Amazon Q Developer in chat applications,
// which reads it from an https subscription.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
type Notification struct {
	Version  string               `json:"version"`
	Source   string               `json:"source"`
	Content  NotificationContent  `json:"content"`
	Metadata NotificationMetadata `json:"metadata"`
}

// NotificationContent is what people read.
type NotificationContent struct {
	TextType    string   `json:"textType"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
}

// NotificationMetadata threads a notification, and has the values for its button.
type NotificationMetadata struct {
	ThreadID          string            `json:"threadId"`
	Summary           string            `json:"summary"`
	EventType         string            `json:"eventType"`
	AdditionalContext map[string]string `json:"additionalContext,omitempty"`
}

const (
	// shownInAmazonQ is how many locks or states a chat message names. It is as many as the
	// prefixes that are sure of a place.
	shownInAmazonQ = prefixesListed
	// maxAmazonQ bounds the description in bytes: a longer one is not read in a chat. What is said of one lock has a share of it: the signs
	// of markup become several bytes each, and whoever takes the oldest lock chooses how many are in it.
	maxAmazonQ, maxAmazonQText, maxAmazonQLine = 6000, 3000, 800
)

// AmazonQ is the event for Amazon Q. All events of one lock share a thread.
func AmazonQ(e Event) Notification {
	subject := markdown(Clean(e.Subject, 200))
	n := Notification{Version: "1.0", Source: "custom"}
	n.Content = NotificationContent{TextType: "client-markdown", Title: subject, Description: description(e), NextSteps: amazonQSteps(e)}
	n.Metadata = NotificationMetadata{ThreadID: thread(e), Summary: subject, EventType: string(e.Type), AdditionalContext: button(e)}
	return n
}

// thread is new for each message that is not about one lock: where a channel shows updates in threads alone, one of today would be below the
// first of its type, which may be a year old.
func thread(e Event) string {
	about := string(e.Type) + "\x00" + e.Time.UTC().Format(time.RFC3339Nano) + "\x00" + e.Subject
	if e.Lock != nil {
		about = e.Lock.Path + "\x00" + e.Lock.ID
	}
	sum := sha256.Sum256([]byte(about))
	return hex.EncodeToString(sum[:16])
}

// description is the text and a list, whole lines only.
func description(e Event) string {
	text := shortMarkdown(e.Text, maxAmazonQText)
	lines := amazonQLines(e)
	for i, line := range lines {
		line = "\n- " + shortMarkdown(line, maxAmazonQLine)
		if len(text)+len(line) > maxAmazonQ {
			return text + fmt.Sprintf("\n- and %d more lines", len(lines)-i)
		}
		text += line
	}
	return text
}

func amazonQLines(e Event) []string {
	var lines []string
	if f := e.Lock; f != nil {
		lines = append(lines, "stored in "+Place(*f))
		for _, reason := range f.Evidence.Reasons {
			lines = append(lines, Clean(reason, maxReason))
		}
	}
	for _, i := range e.Locks[:min(len(e.Locks), shownInAmazonQ)] {
		line := Quoted(clipTail(i.Path, 150))
		if isAlarm(e.Type) && !Releasable(i.Description) {
			line += e.WithoutCommand()
		}
		lines = append(lines, line+": "+ItemLine(e, i))
	}
	lines = append(lines, amazonQStates(e)...)
	for _, f := range e.WeekFacts() {
		lines = append(lines, f.Label+": "+f.Text)
	}
	for _, f := range e.Findings[:min(len(e.Findings), shownInAmazonQ)] {
		lines = append(lines, FindingLines(e, f)...)
	}
	stores := StoreLines(e)
	lines = append(lines, stores[:min(len(stores), shownInAmazonQ)]...)
	lines = append(lines, RepairLines(e)...)
	lines = append(lines, e.Details...)
	if more := max(0, len(e.Locks)-shownInAmazonQ); len(e.Locks) > 0 && more+e.Omitted > 0 {
		lines = append(lines, fmt.Sprintf("and %d more, by prefix: %s", more+e.Omitted, under(e.Prefixes, 40)))
	}
	if more := max(0, len(e.Findings)-shownInAmazonQ) + e.Omitted; len(e.Findings) > 0 && more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more, see findings.ndjson in the report bucket", more))
	}
	return lines
}

// amazonQStates names the states of a prune, without those that stayed.
func amazonQStates(e Event) []string {
	var lines []string
	for _, g := range e.StateGroups() {
		if g.Heading == "Kept" {
			continue
		}
		for _, s := range g.States[:min(len(g.States), shownInAmazonQ/2)] {
			lines = append(lines, strings.ToLower(g.Heading)+": "+Quoted(clipTail(string(s.Path), 150))+", "+StateLine(s))
		}
	}
	return lines
}

// clipTail cleans a path and keeps its end.
func clipTail(path string, limit int) string {
	runes := []rune(Clean(path, 4096))
	if len(runes) <= limit {
		return string(runes)
	}
	return "…" + string(runes[len(runes)-limit+1:])
}

// amazonQSteps are the steps, each command in a step of its own. A command can stand in
// backticks, since nothing but plain characters came into it.
func amazonQSteps(e Event) []string {
	var steps []string
	for _, step := range e.Steps {
		steps = append(steps, stepMarkdown(Clean(step, 1000)))
	}
	if e.Actions.UnlockForm != "" {
		steps = append(steps, markdown(FormHint))
	}
	for _, line := range []string{e.Actions.Unlock, e.Actions.UnlockForm, e.Actions.Keep, e.Actions.Restore} {
		if line != "" && !strings.Contains(line, "`") {
			steps = append(steps, "`"+line+"`")
		}
	}
	return steps
}

// button is what the Release button (infra/chat/amazon-q.yaml) asks for: it is shown
// only where all four values are. Amazon Q puts them into its command as they are, so the
// ID and the path are narrower here than in a command for a shell. The function's name
// keeps the buttons of two stacks in one account apart.
func button(e Event) map[string]string {
	if e.Lock == nil || (e.Actions.Unlock == "" && e.Actions.Keep == "") || len(e.Lock.ID) > 128 || strings.Trim(e.Lock.ID, letters+"-") != "" || strings.ContainsRune(e.Lock.Path, ' ') {
		return nil
	}
	function := "unlock_function"
	if e.Actions.Keep != "" {
		function = "keep_function" // which of the two buttons is shown
	}
	return map[string]string{"lock_id": e.Lock.ID, "path": e.Lock.Path, function: e.Actions.UnlockFunction, "region": e.Region}
}

// stepMarkdown keeps a step from being read as markup. Advice on findings names commands and nothing that others
// wrote: it has no invisible character in them, so that they can be copied. Its underscores are inside of words, where
// they are not markup.
func stepMarkdown(step string) string {
	text := markdown(step)
	if isAdvice(step) {
		return strings.ReplaceAll(text, "_\u2060", "_")
	}
	return text
}

// markdown keeps a text from being read as markup, a link or a mention.
func markdown(text string) string {
	return Unlink(notMarkdown.Replace(text))
}

// shortMarkdown cuts a text that takes more bytes.
func shortMarkdown(text string, most int) string {
	short := markdown(Clean(text, most))
	for limit := most; len(short) > most; short = markdown(Clean(text, limit)) {
		limit = limit * 9 / 10
	}
	return short
}

// notMarkdown escapes what chat would read as markup. It is made once: to make one takes longer than to use it.
var notMarkdown = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "_", "_\u2060", "~", "∼", "`", "'", "[", "(", "]", ")", "@", "@\u2060", "://", ":\u2060//")
