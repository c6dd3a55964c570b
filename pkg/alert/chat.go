package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// chatMessage is the custom notification of Amazon Q Developer in chat
// applications, which reads it from an https subscription.
type chatMessage struct {
	Version  string       `json:"version"`
	Source   string       `json:"source"`
	Content  chatContent  `json:"content"`
	Metadata chatMetadata `json:"metadata"`
}

type chatContent struct {
	TextType    string   `json:"textType"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
}

type chatMetadata struct {
	ThreadID          string            `json:"threadId"`
	Summary           string            `json:"summary"`
	EventType         string            `json:"eventType"`
	AdditionalContext map[string]string `json:"additionalContext,omitempty"`
}

// chat keeps all events of one lock in one thread.
func (c Composer) chat(e Event) chatMessage {
	thread, context := string(e.Type), map[string]string{}
	var lines []string
	if f := e.Lock; f != nil {
		sum := sha256.Sum256([]byte(f.Path + "\x00" + f.ID))
		thread = hex.EncodeToString(sum[:16])
		if f.Verdict != policy.Unreadable {
			context["lock_id"] = f.ID
		}
		for _, reason := range f.Evidence.Reasons {
			lines = append(lines, "- "+markdown(clean(reason, 500)))
		}
	}
	m := chatMessage{Version: "1.0", Source: "custom"}
	m.Content = chatContent{
		TextType: "client-markdown", Title: markdown(e.Subject()),
		Description: strings.Join(append([]string{markdown(clean(e.Text, 2000))}, lines...), "\n"),
	}
	if e.Actions.Unlock != "" {
		m.Content.NextSteps = []string{"Is the run alive? Look at the CI job, or ask its holder.", "Then release it: `" + strings.ReplaceAll(e.Actions.Unlock, "`", "'") + "`"}
	}
	m.Metadata = chatMetadata{ThreadID: thread, Summary: markdown(e.Subject()), EventType: string(e.Type), AdditionalContext: context}
	return m
}

// markdown keeps a text from being read as markup, a link or a mention.
func markdown(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "_", "_\u2060", "`", "'", "[", "(", "]", ")", "@", "@\u2060").Replace(text)
}
