package commands

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// escapes are how the files that print a command write its characters: JSON in JSON, HTML
// in Slack's blocks, the lines of a folded YAML text, and a literal in CloudFormation's Sub.
var escapes = strings.NewReplacer(`\\u003e`, ">", `\u003e`, ">", `\\u0026`, "&", `\u0026`, "&", "&gt;", ">", "&amp;", "&", `\\\"`, `"`, `\"`, `"`, "${!", "${", "\n      --", " --", "\n      \"${", " \"${")

// plain undoes them, however often they were applied.
func plain(text string) string {
	for range 4 {
		text = escapes.Replace(text)
	}
	return text
}

// invocation is a printed command up to the end of what is pasted.
var invocation = regexp.MustCompile("aws lambda invoke [^\n`]*")

// answer is what ends each of them (pkg/alert says why): the CLI writes into a file that is
// there before the call, and only what the function answered is printed.
const answer = `"${lockwarden:=$(mktemp)}" >/dev/null && cat "$lockwarden"`

var option = map[string]*regexp.Regexp{
	"function": regexp.MustCompile(` --function-name (\S+)`),
	"timeout":  regexp.MustCompile(` --cli-read-timeout (\d+) `),
}

// invocations are the printed commands of a text that invoke a function. One that is cut
// short by an ellipsis cannot be pasted and is none.
func invocations(text string) []string {
	var all []string
	for _, found := range invocation.FindAllString(plain(text), -1) {
		command, _, whole := strings.Cut(found, answer)
		if whole {
			all = append(all, command+answer)
		} else if !strings.HasSuffix(strings.TrimSpace(found), "…") {
			all = append(all, found)
		}
	}
	return all
}

// fault says what is wrong with a printed command, or nothing. timeouts are those of the
// functions in seconds, by the lower-case word that each function's name contains.
func fault(command string, timeouts map[string]int) string {
	name := option["function"].FindStringSubmatch(command)
	if name == nil {
		return "it names no function"
	}
	limit := 0
	for word, seconds := range timeouts {
		if strings.Contains(strings.ToLower(name[1]), word) {
			limit = seconds
		}
	}
	if limit == 0 {
		return fmt.Sprintf("%s is not a function of the template", name[1])
	}
	if !strings.HasSuffix(command, " "+answer) {
		return "it does not end in " + answer
	}
	timeout := option["timeout"].FindStringSubmatch(command)
	if timeout == nil {
		return "it has no --cli-read-timeout: after 60 s the CLI invokes a second time"
	}
	if seconds, err := strconv.Atoi(timeout[1]); err != nil || seconds <= limit {
		return fmt.Sprintf("it waits %s s for a function that may take %d s", timeout[1], limit)
	}
	if strings.Contains(command, "--payload") && !strings.Contains(command, "--cli-binary-format raw-in-base64-out") {
		return "AWS CLI v2 takes the payload for base64"
	}
	return ""
}
