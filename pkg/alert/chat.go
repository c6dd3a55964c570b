package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
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

// shownInChat bounds the states of a prune that a chat message names: those that someone
// pays for.
const shownInChat = 10

// chat keeps all events of one lock in one thread.
func (c Composer) chat(e Event) chatMessage {
	thread := string(e.Type)
	var lines []string
	if f := e.Lock; f != nil {
		sum := sha256.Sum256([]byte(f.Path + "\x00" + f.ID))
		thread = hex.EncodeToString(sum[:16])
		for _, reason := range f.Evidence.Reasons {
			lines = append(lines, "- "+markdown(Clean(reason, 500)))
		}
	}
	for _, s := range e.States[:min(len(e.States), shownInChat)] {
		if s.Abandoned() {
			lines = append(lines, "- "+markdown(Clean(s.Path, 300)+": "+Resources(s)))
		}
	}
	m := chatMessage{Version: "1.0", Source: "custom"}
	m.Content = chatContent{
		TextType: "client-markdown", Title: markdown(e.Subject()),
		Description: strings.Join(append([]string{markdown(Clean(e.Text, 2000))}, lines...), "\n"),
	}
	if e.Actions.Unlock != "" {
		m.Content.NextSteps = []string{"Is the run alive? Look at the CI job, or ask its holder.", "Then release it: `" + strings.ReplaceAll(e.Actions.Unlock, "`", "'") + "`"}
	}
	m.Metadata = chatMetadata{ThreadID: thread, Summary: markdown(e.Subject()), EventType: string(e.Type), AdditionalContext: c.button(e)}
	return m
}

// plainID says whether a lock's ID is as a client makes it, and can be put into a
// command without being quoted.
func plainID(id string) bool {
	return id != "" && len(id) <= 128 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// plainPath says whether a path can be put into a command without being quoted.
func plainPath(path string) bool {
	return path != "" && len(path) <= 1088 && strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@+,~") == ""
}

// button is what the Release button (infra/chat/amazon-q.yaml) asks for: it is shown
// only where all four values are present. Amazon Q puts them into its command as they
// are, so an ID or a path that could end a JSON string or a word of the command gets no
// button. The function's name keeps the buttons of two stacks in one account apart.
func (c Composer) button(e Event) map[string]string {
	if e.Actions.Unlock == "" || e.Lock == nil || !plainID(e.Lock.ID) || !plainPath(e.Lock.Path) {
		return nil
	}
	return map[string]string{"lock_id": e.Lock.ID, "path": e.Lock.Path, "unlock_function": c.UnlockFunction, "region": c.Region}
}

// markdown keeps a text from being read as markup, a link or a mention.
func markdown(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "_", "_\u2060", "`", "'", "[", "(", "]", ")", "@", "@\u2060").Replace(text)
}
