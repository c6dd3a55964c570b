package tflock_test

import (
	"errors"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

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

// everyView makes each way to read a text another text, so that each is taken.
const everyView = "\u200b[31m\\\\\\\\\\\\\\\\n&amp;amp;amp;lt;"

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
