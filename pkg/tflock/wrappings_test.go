package tflock_test

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	pastedID   = "8e1b6c40-2f5a-4d07-b3c9-71a0e5d2f968"
	pastedPath = "acme-states/payments/production/terraform.tfstate"
	otherID    = "11111111-2222-3333-4444-555555555555"
	otherPath  = "acme-states/other/terraform.tfstate"
)

// clientError is what Terraform 1.11 and OpenTofu 1.12 print, without their frame. The
// fields of the lock are printed as they are.
func clientError(l tflock.Info) string {
	return fmt.Sprintf(`Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error StatusCode: 412,
RequestID: 7Q0000000000000, HostID: x, api error PreconditionFailed: At least one of
the pre-conditions you specified did not hold
Lock Info:
  ID:        %s
  Path:      %s
  Operation: %s
  Who:       %s
  Version:   %s
  Created:   2026-11-21 09:14:55.120394 +0000 UTC
  Info:      %s


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time. Please resolve the issue above and try
again. For most commands, you can disable locking with the "-lock=false"
flag, but this is not recommended.
`, l.ID, l.Path, l.Operation, l.Who, l.Version, l.Info)
}

func lockInfo() tflock.Info {
	return tflock.Info{ID: pastedID, Path: pastedPath, Operation: "OperationTypeApply", Who: `CORP\svc$deploy@BUILD-12`, Version: "1.11.4"}
}

func asJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// eachLine puts something around every line of a text.
func eachLine(before, after string) func(string) string {
	return func(text string) string {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for i, line := range lines {
			count := []any{i % 60, (i * 7919) % 1000} // the second of a time counts on, as it does in a log
			lines[i] = fmt.Sprintf(before, count[:strings.Count(before, "%")]...) + line + after
		}
		return strings.Join(lines, "\n") + "\n"
	}
}

func replace(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func then(steps ...func(string) string) func(string) string {
	return func(text string) string {
		for _, step := range steps {
			text = step(text)
		}
		return text
	}
}

func frame(text string) string { return "╷\n" + eachLine("│ ", "")(text) + "╵\n" }

func jsonLines(field string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			b.WriteString(asJSON(map[string]any{"level": "stderr", field: line, "time": "2026-11-21T09:20:00Z"}) + "\n")
		}
		return b.String()
	}
}

// wrappings are what a text goes through before it is pasted.
var wrappings = map[string]func(string) string{
	"nothing":                         func(text string) string { return text },
	"the client's frame":              frame,
	"its frame in code page 437":      then(frame, replace("╷", "Γò╖", "│", "Γöé", "╵", "Γò╡")),
	"its frame in code page 850":      then(frame, replace("╷", "ÔòÀ", "│", "Ôöé", "╵", "ÔòÁ")),
	"its frame in code page 1252":     then(frame, replace("╷", "â•·", "│", "â”‚", "╵", "â•µ")),
	"colours":                         eachLine("\x1b[31m│\x1b[0m \x1b[0m", ""),
	"colours at both ends":            eachLine("\x1b[31m", "\x1b[0m"),
	"a bold heading":                  replace("Lock Info:", "\x1b[1mLock Info:\x1b[0m"),
	"colours without their character": eachLine("[31m│[0m [0m", ""),
	"colours lost, at both ends":      eachLine("[0;31m", "[0m"),
	"colours lost, on some lines":     replace("Lock Info", "[1mLock Info", "ID:  ", "[0mID:  "),
	"no-break spaces":                 replace(" ", "\u00a0"),
	"every other a no-break space":    replace("  ", " \u00a0"),
	"a frame and no-break spaces":     then(frame, replace(" ", "\u00a0")),
	"Windows line ends":               replace("\n", "\r\n"),
	"a byte order mark":               func(text string) string { return "\ufeff" + text },
	"a reply in a mail":               eachLine("> ", ""),
	"a reply to a reply":              eachLine("> > ", ""),
	"a mail in HTML":                  func(text string) string { return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n") },
	"a mail in HTML, blanks kept":     then(html.EscapeString, replace("  ", "&nbsp; ", "\n", "<br/>")),
	"a page's source":                 then(frame, html.EscapeString, func(text string) string { return "<pre>" + text + "</pre>" }),
	"a span per line":                 then(html.EscapeString, eachLine(`<span class="line">`, "</span>")),
	"a div per line, on one":          then(html.EscapeString, eachLine(`<div>`, "</div>"), replace("\n", "", " ", "&nbsp;")),
	"entities, escaped twice":         then(html.EscapeString, replace(" ", "&nbsp;", "\n", "<br>"), html.EscapeString),
	"a fence":                         func(text string) string { return "It fails:\n```\n" + text + "```\nCan you help?" },
	"a fence of a diff":               func(text string) string { return "```diff\n" + eachLine("- ", "")(text) + "```" },
	"an Atlantis comment": func(text string) string {
		return "Ran Plan for dir: `payments` workspace: `default`\n\n**Plan Error**\n<details><summary>Show Output</summary>\n\n```\nrunning 'sh -c' '/usr/local/bin/terraform plan -input=false -refresh -out \"/x.tfplan\"' in '/repo': exit status 1\n" + frame(text) + "\n```\n</details>"
	},
	"a bold heading in Markdown":        replace("Lock Info:", "**Lock Info:**"),
	"hard line breaks of Markdown":      eachLine("", "  "),
	"hard line breaks by backslash":     eachLine("", "\\"),
	"a terminal's padding":              func(text string) string { return eachLine("", strings.Repeat(" ", 30))(text) },
	"a right-hand frame":                eachLine("| ", " |"),
	"GitHub's times":                    eachLine("2026-11-21T09:20:%02d.%03d0000Z ", ""),
	"GitHub's times and frame":          then(frame, eachLine("2026-11-21T09:20:%02d.%03d0000Z ", "")),
	"GitHub's errors":                   eachLine("##[error]", ""),
	"GitHub's times and errors":         then(frame, eachLine("2026-11-21T09:20:%02d.%03d0000Z ##[error]", "")),
	"a workflow command":                func(text string) string { return "::error::" + replace("%", "%25", "\n", "%0A")(text) },
	"a workflow command, line ends too": func(text string) string { return "::error::" + replace("%", "%25", "\n", "%0D%0A")(text) },
	"setup-terraform's outputs":         func(text string) string { return "stderr: " + asJSON(text) },
	"Azure's times":                     eachLine("2026-11-21T09:20:%02d.%03d1234Z ##[error]│ ", ""),
	"GitLab's times":                    eachLine("2026-11-21T09:20:%02d.%03d456Z 01O ", ""),
	"GitLab's times, colours":           eachLine("2026-11-21T09:20:%02d.%03d456Z 01E \x1b[31m│\x1b[0m \x1b[0m", "\x1b[0;m"),
	"Jenkins' times":                    eachLine("[2026-11-21T09:20:%02d.%03dZ] ", ""),
	"Jenkins' branches":                 eachLine("[production] ", ""),
	"Jenkins' clock":                    eachLine("09:20:%02d.%03d  ", ""),
	"CodeBuild":                         eachLine("[Container] 2026/11/21 09:20:%02d.%03d ", ""),
	"docker compose":                    eachLine("terraform-1  | ", ""),
	"a stream's name":                   eachLine("stdout | ", ""),
	"a stream's name in brackets":       eachLine("[stderr] ", ""),
	"kubectl, all containers":           eachLine("[pod/apply-7f9c4/terraform] ", ""),
	"a node's log file":                 eachLine("2026-11-21T09:20:%02d.%03dZ stderr F ", ""),
	"syslog":                            eachLine("Nov 21 09:20:%02d build-12 terraform[4711]: ", ""),
	"syslog, escaped":                   replace("\n", "#012"),
	"Terragrunt":                        eachLine("09:20:%02d.%03d STDERR [payments/production] tofu: ", ""),
	"Terragrunt's frame":                then(frame, eachLine("09:20:%02d.%03d ERROR  [payments] terraform: ", "")),
	"Terragrunt, old":                   eachLine("[/repo/live/payments] ", ""),
	"grep -n":                           eachLine("%[1]d: ", ""),
	"Python's logging":                  eachLine("ERROR:terraform:", ""),
	"a log's fields behind the line":    eachLine("", " stream=stderr pod=apply-7f9c4"),
	"a comment":                         eachLine("# ", ""),
	"a comment in a program":            eachLine("// ", ""),
	"a JSON string":                     func(text string) string { return asJSON(text) },
	"a JSON field":                      func(text string) string { return asJSON(map[string]string{"level": "error", "msg": text}) },
	"a field deep in JSON": func(text string) string {
		return asJSON(map[string]any{"version": 3, "log": map[string]any{"entries": []any{map[string]string{"at": "2026-11-28T12:00:01Z"}, map[string]string{"body": text}}}})
	},
	"a JSON field behind a time": func(text string) string {
		return "2026-11-21T09:20:00Z stdout F " + asJSON(map[string]string{"msg": text})
	},
	"JSON in JSON": func(text string) string {
		return asJSON(map[string]string{"log": asJSON(map[string]string{"msg": text})})
	},
	"JSON in JSON in JSON": func(text string) string {
		return asJSON(map[string]string{"Message": asJSON(map[string]string{"log": asJSON(map[string]string{"msg": text})})})
	},
	"JSON that was cut": func(text string) string {
		return strings.TrimSuffix(asJSON(map[string]string{"level": "error", "msg": text}), `"}`)
	},
	"JSON in JSON that was cut": func(text string) string {
		return strings.TrimSuffix(asJSON(map[string]string{"log": asJSON(map[string]string{"msg": text})}), `"}`)
	},
	"JSON on several lines": func(text string) string {
		raw, _ := json.MarshalIndent(map[string]string{"msg": text}, "", "  ")
		return string(raw)
	},
	"a list in JSON":          func(text string) string { return asJSON(strings.Split(text, "\n")) },
	"a line of JSON per line": jsonLines("msg"),
	"an object per line": func(text string) string {
		var b strings.Builder
		for line := range strings.SplitSeq(text, "\n") {
			b.WriteString(`{"message":` + asJSON(line) + `,"timestamp":"2026-11-21T09:20:00Z"}` + "\n")
		}
		return b.String()
	},
	"docker's log file": func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			b.WriteString(`{"log":` + asJSON(line) + `,"stream":"stderr","time":"2026-11-21T09:20:00.123456789Z"}` + "\n")
		}
		return b.String()
	},
	"docker's log file, framed":       then(frame, jsonLines("log")),
	"logfmt":                          func(text string) string { return "level=error msg=" + asJSON(text) + " unit=payments" },
	"Go's %q":                         func(text string) string { return fmt.Sprintf("error: %q", text) },
	"Python's repr of lines":          func(text string) string { return "['" + strings.ReplaceAll(text, "\n", "\\n',\n '") + "']" },
	"a string in a program, per line": func(text string) string { return eachLine("\"", "\\n\" +")(replace(`\`, `\\`, `"`, `\"`)(text)) },
	"one line":                        replace("\n", " "),
	"one line, blanks collapsed":      func(text string) string { return strings.Join(strings.Fields(text), " ") },
	"one line, separated by bars":     func(text string) string { return strings.Join(strings.Split(text, "\n"), " | ") },
	"one line of the frame":           func(text string) string { return strings.ReplaceAll(frame(text), "\n", " ") },
	"blanks collapsed": func(text string) string {
		return strings.NewReplacer("        ", " ", "      ", " ", "  ", " ").Replace(text)
	},
	"tabs":                     func(text string) string { return replace("        ", "\t", "      ", "\t", "  ", "\t")(text) },
	"no indentation":           replace("\n  ", "\n"),
	"a line between the lines": replace("\n", "\n\n"),
	"Jira":                     func(text string) string { return "{noformat}\n" + text + "{noformat}" },
	"an issue's form":          func(text string) string { return "### What happened?\n\n" + text + "\n### Version\n\n1.11" },
	"more of the log": func(text string) string {
		return "$ terraform plan\nAcquiring state lock. This may take a few moments...\n" + frame(text) + "\nProcess completed with exit code 1.\n::endgroup::\nCleaning up\n"
	},
	"the same error twice":    func(text string) string { return text + "\n" + text },
	"cut behind the path":     func(text string) string { before, _, _ := strings.Cut(text, "\n  Operation:"); return before },
	"the block alone":         func(text string) string { _, behind, _ := strings.Cut(text, "not hold\n"); return behind },
	"the block's lines alone": func(text string) string { _, behind, _ := strings.Cut(text, "Lock Info:\n"); return behind },
	"two lines of the block": func(text string) string {
		_, behind, _ := strings.Cut(text, "Lock Info:\n")
		return strings.Join(strings.Split(behind, "\n")[:2], "\n")
	},
	"another unit's lines between": func(text string) string {
		return eachLine("[payments] ", "\n[network] aws_vpc.main: Refreshing state... [id=vpc-0a1b2c3d]")(text)
	},
	"an SNS notification": func(text string) string {
		return asJSON(map[string]string{"Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:123456789012:x", "Message": text})
	},
}
