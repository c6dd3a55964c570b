package tflock_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

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
			// The second %d of a time counts on, as it does in a log.
			prefix := before
			if strings.Contains(before, "%") {
				prefix = fmt.Sprintf(before, i%60, (i*7919)%1000)
			}
			lines[i] = prefix + line + after
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
	"old Mac line ends":               replace("\n", "\r"),
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
	"syslog":                            eachLine("Nov 21 09:20:%02d build-12 terraform[%d]: ", ""),
	"syslog, escaped":                   replace("\n", "#012"),
	"Terragrunt":                        eachLine("09:20:%02d.%03d STDERR [payments/production] tofu: ", ""),
	"Terragrunt's frame":                then(frame, eachLine("09:20:%02d.%03d ERROR  [payments] terraform: ", "")),
	"Terragrunt, old":                   eachLine("[/repo/live/payments] ", ""),
	"grep -n":                           eachLine("%d: ", ""),
	"Python's logging":                  eachLine("ERROR:terraform:", ""),
	"a log's fields behind the line":    eachLine("", " stream=stderr pod=apply-7f9c4"),
	"a comment":                         eachLine("# ", ""),
	"a comment in a program":            eachLine("// ", ""),
	"a JSON string":                     func(text string) string { return asJSON(text) },
	"a JSON field":                      func(text string) string { return asJSON(map[string]string{"level": "error", "msg": text}) },
	"a field deep in JSON": func(text string) string {
		return asJSON(map[string]any{"version": 3, "log": map[string]any{"entries": []any{map[string]string{"at": "x"}, map[string]string{"body": text}}}})
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
	"a list in JSON":                  func(text string) string { return asJSON(strings.Split(text, "\n")) },
	"a line of JSON per line":         jsonLines("msg"),
	"docker's log file":               jsonLines("log"),
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

func TestAnyWrappingIsUnderstood(t *testing.T) {
	want := tflock.Reference{ID: pastedID, Path: pastedPath}
	for name, wrap := range wrappings {
		t.Run(name, func(t *testing.T) {
			got, err := tflock.ParseReference(wrap(clientError(lockInfo())))
			got.Literal = ""
			if err != nil || got != want {
				t.Errorf("got %+v, %v\n%s", got, err, wrap(clientError(lockInfo())))
			}
		})
	}
}

// What on-call pasted, as it was.
func TestPastes(t *testing.T) {
	want := map[string]tflock.Reference{
		"force-unlock-command.txt":       {ID: pastedID},
		"id-in-backticks.txt":            {ID: pastedID},
		"masked-bucket.txt":              {ID: pastedID, DoubtfulPath: "***/payments/production/terraform.tfstate"},
		"path-wrapped-by-a-terminal.txt": {ID: pastedID, DoubtfulPath: pastedPath},
		"":                               {ID: pastedID, Path: pastedPath},
	}
	for name, text := range pastes(t) {
		t.Run(name, func(t *testing.T) {
			expected, ok := want[name]
			if !ok {
				expected = want[""]
			}
			got, err := tflock.ParseReference(text)
			got.Literal = ""
			if err != nil || got != expected {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// ours are texts of our own, and short forms.
func TestOtherTextsAreUnderstood(t *testing.T) {
	whole, alone := tflock.Reference{ID: pastedID, Path: pastedPath}, tflock.Reference{ID: pastedID}
	info, err := lockInfo().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	row := map[string]any{"LockID": map[string]string{"S": pastedPath}, "Info": map[string]string{"S": string(info)}}
	finding := map[string]any{"id": pastedID, "path": pastedPath, "operation": "OperationTypeApply", "who": "x ID: " + otherID, "verdict": "stuck", "holdings": []string{"s3"}}
	payload := asJSON(map[string]string{"lock_id": pastedID, "path": pastedPath, "reason": "stuck lock alert of 2026-11-23 12:00 UTC"})
	command := "aws lambda invoke --region eu-central-1 --function-name lockwarden-unlock --cli-binary-format raw-in-base64-out --payload "
	event := map[string]any{"version": "1", "type": "lock.stuck", "lock": finding, "text": "State is locked.", "actions": map[string]string{"unlock_command": command + "'" + payload + "' x", "force_unlock_command": "terraform force-unlock " + pastedID}}
	sns := map[string]any{"Type": "Notification", "Message": asJSON(event)}
	mail := "State " + pastedPath + " has been locked for 1h4m by ana@laptop.\n\nState:      " + pastedPath + "\nHeld by:    ana@laptop Lock ID: " + otherID +
		"\nOperation:  OperationTypeApply (client version 1.11.4)\nLock ID:    " + pastedID + "\nStored in:  the lock table (dynamodb)\nIts run:    likely dead\n  - held for 45m, longer than its threshold of 30m\n" +
		"\nCheck first:\n  1. Is the run alive?\n\nThen release it.\n  " + command + "'" + payload + "' answer.json\n\nOr:\n  terraform force-unlock " + pastedID + "\n"
	for name, tc := range map[string]struct {
		text string
		want tflock.Reference
	}{
		"our mail":                       {mail, whole},
		"our mail in a reply":            {eachLine("> ", "")(mail), whole},
		"our mail in HTML":               {then(html.EscapeString, replace("\n", "<br>"))(mail), whole},
		"our mail's facts":               {mail[strings.Index(mail, "State:  "):strings.Index(mail, "\nCheck")], whole},
		"two lines of our mail":          {"Lock ID:    " + pastedID + "\nStored in:  the lock table (dynamodb)", alone},
		"our summary's line":             {"- " + pastedPath + ": ana@laptop, OperationTypeApply, held for 45m, likely_orphan, ID " + pastedID, whole},
		"a Slack message, copied":        {"🔒 Stuck lock: " + pastedPath + "\nState\n" + pastedPath + "\nHeld by\nana@laptop\nHeld for\n45m\nLock ID\n" + pastedID + "\nIts run is likely dead", whole},
		"a Slack message, as Markdown":   {"*State*\n`" + pastedPath + "`\n*Held by*\n`ana@laptop`\n*Lock ID*\n`" + pastedID + "`\n", whole},
		"the dashboard's row":            {pastedPath + "\nID " + pastedID + "\nana@laptop · OperationTypeApply · in DynamoDB", whole},
		"a table":                        {"STATE                                              HELD BY     LOCK ID\n" + pastedPath + "  ana@laptop  " + pastedID, whole},
		"a table with tabs":              {"State\tHeld by\tLock ID\n" + pastedPath + "\tana@laptop\t" + pastedID, whole},
		"a table in Markdown":            {"| State | Lock ID |\n|---|---|\n| `" + pastedPath + "` | `" + pastedID + "` |", whole},
		"our event":                      {asJSON(event), whole},
		"our event in SNS":               {asJSON(sns), whole},
		"our event in SNS in SQS":        {asJSON(map[string]any{"Records": []any{map[string]any{"messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78", "body": asJSON(sns)}}}), whole},
		"our event as Lambda gets it":    {asJSON(map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": sns}}}), whole},
		"our answer":                     {asJSON(map[string]any{"outcome": "refused", "message": "Not released.", "lock": finding, "released": []string{}}), whole},
		"a scan with one lock":           {asJSON(map[string]any{"held": 1, "locks": []any{finding}}), whole},
		"a lock of our JSON":             {asJSON(finding), whole},
		"our log line":                   {asJSON(map[string]any{"level": "WARN", "msg": "lock kept", "path": pastedPath, "lock_id": pastedID, "why": "x"}), whole},
		"our request":                    {payload, whole},
		"our command":                    {command + "'" + payload + "' answer.json", whole},
		"our command in PowerShell":      {command + `"` + strings.ReplaceAll(payload, `"`, `\"`) + `" answer.json`, whole},
		"our command in Amazon Q":        {"@Amazon Q lambda invoke --function-name x --payload " + asJSON(payload), whole},
		"a request with a pasted error":  {asJSON(map[string]string{"lock_id": frame(clientError(lockInfo())), "reason": "x"}), whole},
		"make":                           {"make unlock LOCK_ID=" + pastedID + ` REASON="laptop died"`, alone},
		"our command line":               {"lockwarden unlock " + pastedID, alone},
		"the lock's JSON":                {string(info), whole},
		"the lock's JSON, indented":      {strings.ReplaceAll(string(info), ",", ",\n  "), whole},
		"the lock's JSON behind a shell": {"$ aws s3 cp s3://" + pastedPath + ".tflock -\n" + string(info) + "\n$ ", whole},
		"a row":                          {asJSON(row), whole},
		"a row as get-item prints it":    {asJSON(map[string]any{"Item": row}), whole},
		"a row among digests":            {asJSON(map[string]any{"Items": []any{map[string]any{"LockID": map[string]string{"S": pastedPath + "-md5"}, "Digest": map[string]string{"S": "d41d8cd98f00b204e9800998ecf8427e"}}, row}, "Count": 2}), whole},
		"a row of an SDK":                {asJSON(map[string]any{"LockID": pastedPath, "Info": string(info)}), whole},
		"a row of boto3":                 {"{'LockID': '" + pastedPath + "', 'Info': '" + string(info) + "'}", whole},
		"force-unlock with -force":       {"terraform force-unlock -force " + pastedID, alone},
		"force-unlock of tofu":           {"$ tofu force-unlock -force -lock-timeout=0s " + pastedID, alone},
		"force-unlock of Terragrunt":     {"terragrunt run --working-dir live -- force-unlock " + pastedID, alone},
		"force-unlock with quotes":       {"Run `terraform force-unlock \"" + pastedID + "\"` please", alone},
		"force-unlock elsewhere":         {"cd live && /usr/local/bin/terraform -chdir=live force-unlock " + pastedID + " && make", alone},
		"double quotes":                  {`"` + pastedID + `"`, alone},
		"typographic quotes":             {"“" + pastedID + "”", alone},
		"brackets":                       {"(" + pastedID + ")", alone},
		"a full stop":                    {pastedID + ".", alone},
		"a label":                        {"ID: " + pastedID, alone},
		"a label without a blank":        {"ID:" + pastedID, alone},
		"another label":                  {"Lock ID: " + pastedID, alone},
		"a variable":                     {"LOCK_ID=" + pastedID, alone},
		"a field":                        {`"ID":"` + pastedID + `",`, alone},
		"a field in lower case":          {`"lock_id": "` + pastedID + `",`, alone},
		"a word before":                  {"lock " + pastedID, alone},
		"a no-break space before":        {"\u00a0" + pastedID, alone},
		"a mark that nobody sees":        {"\u200b" + pastedID + "\u200b", alone},
		"a line of the error":            {"│   ID:        " + pastedID, alone},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tflock.ParseReference(tc.text)
			got.Literal = ""
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v, of\n%s", got, err, tc.text)
			}
		})
	}
}

func TestRefusalsSayWhatWasUnderstood(t *testing.T) {
	other := lockInfo()
	other.ID, other.Path = otherID, otherPath
	mine := clientError(lockInfo())
	with := func(change func(*tflock.Info)) string {
		l := lockInfo()
		change(&l)
		return clientError(l)
	}
	for name, tc := range map[string]struct {
		text string
		is   error
		says []string
	}{
		"two errors":                     {mine + clientError(other), tflock.ErrTwoLocks, []string{pastedID, otherID, pastedPath, otherPath}},
		"an error and another's command": {mine + "\nterraform force-unlock " + otherID, tflock.ErrTwoLocks, []string{pastedID, otherID}},
		"two rows of a scan":             {asJSON(map[string]any{"locks": []any{map[string]string{"id": pastedID, "path": pastedPath}, map[string]string{"id": otherID, "path": otherPath}}}), tflock.ErrTwoLocks, []string{pastedID, otherID}},
		"two units, line by line":        {"[a] Lock Info:\n[b] Lock Info:\n[a]   ID:        " + pastedID + "\n[b]   ID:        " + otherID + "\n", tflock.ErrTwoLocks, []string{"another"}},
		"a sentence":                     {"please unlock\nproduction", tflock.ErrNoReference, []string{"please unlock", "Lock Info:"}},
		"a sentence with some ID":        {"the run " + pastedID + " died", tflock.ErrNoReference, []string{pastedID, "give it alone"}},
		"nothing":                        {" \n", tflock.ErrNoReference, []string{"empty"}},
		"an error without the block":     {strings.Split(mine, "Lock Info")[0], tflock.ErrNoReference, []string{"Lock Info:", "alert"}},
		"an error cut in the block":      {strings.Split(mine, "  ID:")[0], tflock.ErrNoReference, []string{"without an \"ID:\" line"}},
		"a masked ID":                    {with(func(l *tflock.Info) { l.ID = "***" }), tflock.ErrNoReference, []string{"masked"}},
		"a masked ID alone":              {"***", tflock.ErrNoReference, []string{"masked"}},
		"the state":                      {pastedPath, tflock.ErrOnlyState, []string{pastedPath, "ID"}},
		"the state by its URL":           {"s3://" + pastedPath, tflock.ErrOnlyState, []string{pastedPath}},
		"the lock object":                {"s3://" + pastedPath + ".tflock", tflock.ErrOnlyState, []string{`"` + pastedPath + `"`}},
		"DynamoDB's LockID":              {"LockID: " + pastedPath, tflock.ErrOnlyState, []string{pastedPath}},
		"a row without its Info":         {asJSON(map[string]any{"LockID": map[string]string{"S": pastedPath}}), tflock.ErrOnlyState, []string{pastedPath}},
		"a digest's row":                 {asJSON(map[string]any{"LockID": map[string]string{"S": pastedPath + "-md5"}, "Digest": map[string]string{"S": "x"}}), tflock.ErrOnlyState, []string{`"` + pastedPath + `"`}},
		"a row with an odd Info":         {asJSON(map[string]string{"LockID": pastedPath, "Info": "{}"}), tflock.ErrNoReference, []string{pastedPath, "no ID"}},
		"an empty ID":                    {with(func(l *tflock.Info) { l.ID = "" }), tflock.ErrNoPlainID, []string{"empty"}},
		"an ID of two words":             {with(func(l *tflock.Info) { l.ID = "ID: " + otherID }), tflock.ErrNoPlainID, []string{"ID: " + otherID, "path"}},
		"a text too long":                {mine + strings.Repeat("x", 300<<10), tflock.ErrNoReference, []string{"KB"}},
		"a command to fill in":           {"several locks:\naws lambda invoke --payload '{\"lock_id\":\"LOCK_ID\",\"path\":\"BUCKET/KEY\"}' x", tflock.ErrNoReference, []string{"several locks"}},
		"a secret":                       {"export AWS_SECRET_ACCESS_KEY=hush\nfoo", tflock.ErrNoReference, []string{"AWS_SECRET_ACCESS_KEY=…"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tflock.ParseReference(tc.text)
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || got != (tflock.Reference{}) {
				t.Fatalf("got %+v, %v", got, err)
			}
			for _, part := range tc.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
			if len(err.Error()) > 1500 || strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%q", err)
			}
		})
	}
	t.Run("the state is in the error", func(t *testing.T) {
		_, err := tflock.ParseReference(pastedPath)
		if state, ok := errors.AsType[*tflock.StateError](err); !ok || state.Path != pastedPath {
			t.Errorf("got %v", err)
		}
	})
}

// A lone line may be a label with an ID, and may be the ID of a lock that somebody made
// to look like one: the caller learns both.
func TestALoneLineIsKeptLiterally(t *testing.T) {
	for _, text := range []string{"ID: " + otherID, "ID:" + otherID, `"` + otherID + `"`, otherID + ".", `{"ID":"` + otherID + `","Path":"` + otherPath + `"}`} {
		got, err := tflock.ParseReference(" " + text + "\n")
		if err != nil || got.ID != otherID || got.Literal != text {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	if got, err := tflock.ParseReference(otherID); err != nil || got.Literal != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func hostileIDs(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/hostile-ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]any
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{
		"a newline":                  otherID + "\n",
		"a return":                   otherID + "\r",
		"a newline before":           "\n" + otherID,
		"a blank before":             " " + otherID,
		"a blank behind":             otherID + " ",
		"a no-break space before":    "\u00a0" + otherID,
		"an invisible sign":          otherID + "\u200b",
		"a colour":                   "\x1b[31m" + otherID + "\x1b[0m",
		"a colour inside":            otherID[:9] + "\x1b[31m" + otherID[9:],
		"a lost colour":              "[0m" + otherID,
		"quotes":                     `"` + otherID + `"`,
		"backticks":                  "`" + otherID + "`",
		"tags":                       "<b>" + otherID + "</b>",
		"an entity":                  "&quot;" + otherID,
		"an escaped newline":         `x\n  ID:        ` + otherID,
		"a forged line":              "x\n  ID:        " + otherID,
		"a forged block":             "\nLock Info:\n  ID:        " + otherID + "\n  Path:      " + otherPath,
		"a forged block behind one":  "x\n  Path:      b/k\n\nLock Info:\n  ID:        " + otherID + "\n  Path:      " + otherPath,
		"a block's fields":           otherID + "\n  Path:      " + otherPath + "\n  Operation: OperationTypeApply\n  Who:       x\n  Version:   1\n  Created:   x\n  Info:      x\n\n",
		"the field of a request":     `{"lock_id":"` + otherID + `"}`,
		"a command":                  "terraform force-unlock " + otherID,
		"a command on its own line":  "\nterraform force-unlock " + otherID,
		"JSON on its own line":       "\n{\"ID\":\"" + otherID + "\",\"Path\":\"" + otherPath + "\"}",
		"a label of ours":            "\nLock ID:    " + otherID,
		"a variable":                 "LOCK_ID=" + otherID,
		"a comma":                    otherID + ",",
		"a bar":                      otherID + " |",
		"the frame":                  "│ " + otherID,
		"a line separator":           otherID + "\u2028",
		"one line of a forged block": "x Path: b/k Operation: o Lock Info: ID: " + otherID + " Path: " + otherPath,
	}
	for name, value := range cases {
		switch v := value.(type) {
		case string:
			ids[name] = v
		case map[string]any:
			ids[name] = v["ID"].(string)
		}
	}
	return ids
}

// shown is an ID as a screen shows it: what surrounds it and is not seen can be lost on
// the way, and whoever adds it to another lock's ID could as well have copied the ID.
func shown(id string) string {
	return strings.TrimFunc(colour.ReplaceAllString(id, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

var colour = regexp.MustCompile(`\x1b?\[[0-9;]*m|<[^>]*>`)

// cuts says that a wrapping cuts a text within what may be in that ID: then nothing is
// left that gives the forgery away, and it is as if the other lock's ID had been copied.
func cuts(wrapping, id string) bool {
	return (wrapping == "cut behind the path" || wrapping == "two lines of the block") && strings.ContainsAny(id, "\n\r\u2028")
}

// Whatever a lock has as its ID, the text that a client prints of it never names another
// lock, in no wrapping.
func TestAHostileIDNamesNoOtherLock(t *testing.T) {
	for name, id := range hostileIDs(t) {
		for wrapping, wrap := range wrappings {
			if cuts(wrapping, id) {
				continue
			}
			l := lockInfo()
			l.ID = id
			text := wrap(clientError(l))
			if got, err := tflock.ParseReference(text); err == nil && got.ID != id && got.ID != shown(id) {
				t.Errorf("%s in %s: got %+v", name, wrapping, got)
			}
		}
	}
}

// Nor does what else a holder writes.
func TestAHostileFieldNamesNoOtherLock(t *testing.T) {
	for name, text := range hostileIDs(t) {
		for wrapping, wrap := range wrappings {
			for field, l := range map[string]tflock.Info{
				"Path": {ID: pastedID, Path: text, Operation: "o", Who: "w", Version: "1"},
				"Who":  {ID: pastedID, Path: pastedPath, Operation: "o", Who: text, Version: "1"},
			} {
				pasted := wrap(clientError(l))
				if got, err := tflock.ParseReference(pasted); err == nil && got.ID != pastedID {
					t.Errorf("%s in %s in %s: got %+v", name, field, wrapping, got)
				}
			}
		}
	}
}

var hostileText = rapid.Custom(func(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		otherID, pastedID, otherPath, "ID:", "ID: ", "  ID:        ", "  Path:      ", "Lock ID: ", "Path: ", "Operation: ", "Who: ", "Info:", "Lock Info:", "Lock Info:\n", "\n", "\n", "\r", " ", "  ", "\t",
		"\u00a0", "\u200b", "│ ", "| ", "\"", "`", "'", "\\n", "\\", "{", "}", "\"ID\":", "\"Path\":", "\"lock_id\":\"", ",", ": ", "\x1b[0m", "[0m", "<br>", "<b>", "&nbsp;", "&#10;", "%0A", "#012",
		"terraform force-unlock ", "x", "***", "- ", "> ", ", held for 1m, ID ",
	}), 0, 8).Draw(t, "parts")
	return strings.Join(parts, "")
})

// A lock whose fields are all chosen by somebody hostile: what a client prints of it names
// it, or nothing.
func TestNoLockIsTakenForAnother(t *testing.T) {
	names := make([]string, 0, len(wrappings))
	for name := range wrappings {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := tflock.Info{ID: hostileText.Draw(t, "ID"), Path: pastedPath, Operation: "o", Who: "w", Version: "1"}
		if rapid.Bool().Draw(t, "an honest ID") {
			l.ID = pastedID
		}
		switch rapid.IntRange(0, 4).Draw(t, "field") {
		case 0:
			l.Path = hostileText.Draw(t, "Path")
		case 1:
			l.Operation = hostileText.Draw(t, "Operation")
		case 2:
			l.Who = hostileText.Draw(t, "Who")
		case 3:
			l.Info = hostileText.Draw(t, "Info")
		}
		wrapping := rapid.SampledFrom(names).Draw(t, "wrapping")
		if cuts(wrapping, l.ID) {
			t.Skip("the forgery is all that is left") //nolint:forbidigo // rapid draws again
		}
		text := wrappings[wrapping](clientError(l))
		if got, err := tflock.ParseReference(text); err == nil && got.ID != l.ID && got.ID != shown(l.ID) {
			t.Fatalf("got %+v of\n%q", got, text)
		}
	})
}

// The longest texts, made of what is dear to read, are read in no time.
func TestTimeIsLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"braces": "{", "brackets": "[{", "objects that do not end": `{"a":`, "objects": `{"ID":"a","Path":"b"}`, "strings that do not end": `{"a`, "headings": "Lock Info:\n", "headings on a line": "Lock Info: ID: x Path: ", "IDs": "Lock ID: x\n", "colours": "\x1b[31m",
		"lost colours": "[31m", "titles": "\x1b]", "backslashes": `\`, "entities": "&amp;", "tags": "<", "open tags": "<b", "commands": "terraform force-unlock ", "variables": `lock_id="`, "marks": "│ ", "prefixed": "[a] ", "table": "ID | a\n", "lines": "\n", "wide": "\u00a0",
		"different IDs": "Lock Info:\n  ID: %d\n  Path: b/k\n", "different fields": `{"k%d":"v"}`, "digits": "1 ", "log words": "error ",
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for i := 0; b.Len() < 100<<10; i++ {
				b.WriteString(strings.ReplaceAll(unit, "%d", fmt.Sprint(i)))
			}
			started := time.Now()
			_, _ = tflock.ParseReference(b.String())
			if took := time.Since(started); took > 30*time.Second { // a busy machine; a square would take minutes
				t.Errorf("took %v", took)
			}
		})
	}
}

// What Terraform 1.11.4, OpenTofu 1.12.6 and Terragrunt printed at a held lock of the
// local AWS, in each of their formats; the lock's ID and path were replaced.
func TestWhatClientsPrintIsUnderstood(t *testing.T) {
	files, err := filepath.Glob("testdata/clients/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d texts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tflock.ParseReference(string(text))
			got.Literal = ""
			if err != nil || got != (tflock.Reference{ID: pastedID, Path: pastedPath}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
