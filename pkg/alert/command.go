package alert

import (
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// letters are what every shell, chat and mail client leaves alone.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// plainID reports whether a lock's ID can be put into a command. Whoever can write one key
// chooses the ID in it, so no quoting is relied on: PowerShell, cmd and chat clients each
// have their own.
func plainID(id string) bool {
	return id != "" && strings.Trim(id, letters+"-_.:") == "" && Unlink(id) == id
}

// plainPath says the same of a state's path. A blank in it must be one that nobody loses and
// that begins no option: chats and mail clients drop one at an end and make one of two,
// which names another state, and cmd takes no notice of single quotes, so that what follows
// a blank is a word of its own there. What would be a link is in no command either.
func plainPath(path string) bool {
	return path != "" && strings.Trim(path, letters+"-_./:=@+,~ ") == "" &&
		strings.Trim(path, " ") == path && !strings.Contains(path, "  ") && !strings.Contains(path, " -") && Unlink(path) == path
}

// Releasable reports whether commands for this lock are given.
func Releasable(d policy.Description) bool {
	return d.Verdict != policy.Unreadable && plainID(d.ID) && plainPath(d.Path)
}

// actions are the commands that release a lock; none where its ID or path is not plain.
// The unlock command names both, so that it releases no other lock of the same ID. Its
// reason makes it work as it is pasted, and names the alert in the record.
func (c Composer) actions(d policy.Description, reason string) Actions {
	if !Releasable(d) {
		return Actions{}
	}
	var a Actions
	if c.UnlockFunction != "" {
		a.Unlock = c.unlockCommand(d.ID, d.Path, reason)
		a.UnlockFunction = c.UnlockFunction
	}
	if !strings.HasPrefix(d.ID, "-") { // terraform would take it for an option
		a.ForceUnlock = command("terraform", "force-unlock", d.ID)
	}
	return a
}

func (c Composer) unlockCommand(id, path, reason string) string {
	return c.invoke(c.UnlockFunction, unlockTimeout, struct {
		LockID string `json:"lock_id"`
		Path   string `json:"path"`
		Reason string `json:"reason"`
	}{id, path, reason})
}

// Timeouts of the functions in template.yaml, and half a minute more. The CLI's own 60 s
// would end the call while the function works, and invoke it a second time.
const (
	unlockTimeout = "150"
	pruneTimeout  = "930"
)

// answer prints what a function answered, and is the same in every command of ours. The
// CLI writes it to a file that exists before the call; an output of /dev/stdout would
// truncate the log that standard output is redirected to.
const answer = `"${lockwarden:=$(mktemp)}" >/dev/null && cat "$lockwarden"`

// FormHint goes with a command that has placeholders for a lock.
const FormHint = "In the command, put a lock's ID and its path in place of LOCK_ID and BUCKET/KEY:"

// invoke is the command of AWS CLI v2 that invokes a function: the one place that knows
// its form. timeout is in seconds.
func (c Composer) invoke(function, timeout string, payload any) string {
	raw, err := encode(payload)
	if err != nil { // structs of strings always marshal
		return ""
	}
	return command("aws", "lambda", "invoke", "--region", c.Region, "--function-name", function, "--cli-read-timeout", timeout,
		"--cli-binary-format", "raw-in-base64-out", "--payload", raw) + " " + answer
}

// command joins words into a line that a shell splits into just these words.
func command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellescape.Quote(word)
	}
	return strings.Join(quoted, " ")
}
