package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Nothing leaves a state but names, counts, and a duplicate's ARN: states of every format,
// with a secret in each place that can hold one, are inventoried, found wrong in every way,
// and repaired; and everything that comes out is searched.
func TestNothingLeavesAState(t *testing.T) {
	t.Parallel()
	webhook, err := local.StartWebhook("/services/T0/B0/secret")
	if err != nil {
		t.Fatal(err)
	}
	defer webhook.Stop()
	server := local.StartForTest(t)
	if err := server.MakeSecret(t.Context(), "/lockwarden/slack", webhook.URL); err != nil {
		t.Fatal(err)
	}
	stack, err := server.Deploy(t.Context(), "lockwarden", map[string]string{"SlackWebhookParameter": "/lockwarden/slack"})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, stack: stack, said: map[string]string{}}

	planted := local.Planted()
	versions := map[string]string{}
	for name, state := range planted {
		versions[name] = s.put(name+"/terraform.tfstate", state)
		s.digest(name+"/terraform.tfstate", state+" of another time") // so that each is looked at twice
	}
	s.put("copy/terraform.tfstate", planted["v4"]) // manages the same queue
	first := s.inventory()
	if len(first.Findings) != len(planted)+1 || first.Read != len(planted)+1 {
		t.Fatalf("%q", s.found(first))
	}
	// The same serial with another content, an older serial, and another lineage.
	for _, change := range [][3]string{
		{"v4", `"number":1e9`, `"number":2e9`}, {"v3", `"serial":12`, `"serial":11`}, {"version-1", `"serial":1`, `"serial":0`}, {"unknown-member", `"lineage":"4"`, `"lineage":"5"`},
	} {
		changed := strings.Replace(planted[change[0]], change[1], change[2], 1)
		if changed == planted[change[0]] {
			t.Fatalf("%s has no %s", change[0], change[1])
		}
		s.put(change[0]+"/terraform.tfstate", changed)
	}
	if second := s.inventory(); len(second.Findings) < len(first.Findings)+3 {
		t.Fatalf("%q", s.found(second))
	}
	for name := range planted {
		path := s.path(name + "/terraform.tfstate")
		s.invoke("repair", "RepairFunction", fmt.Sprintf(`{"path":%q,"action":"accept_state","dry_run":true}`, path))
		s.invoke("repair", "RepairFunction", fmt.Sprintf(`{"path":%q,"action":"restore_version","version_id":%q,"dry_run":true}`, path, versions[name]))
	}
	for _, name := range []string{"v4", "v3", "encrypted", "text", "cut-off"} {
		s.invoke("repair", "RepairFunction", fmt.Sprintf(`{"path":%q,"action":"accept_state","reason":"test","requested_by":"ana"}`, s.path(name+"/terraform.tfstate")))
	}
	s.invoke("repair", "RepairFunction", fmt.Sprintf(`{"path":%q,"action":"restore_version","version_id":%q,"reason":"test","requested_by":"ana"}`, s.path("v4/terraform.tfstate"), versions["v4"]))
	s.pages()
	s.invoke("console", "ConsoleFunction", `{"view":"states","json":true,"page_size":1000}`)
	s.invoke("report", "ReportFunction", `{}`)
	s.messages()
	for i, post := range webhook.Posts() {
		s.said[fmt.Sprintf("Slack, post %d", i)] = post
	}
	s.reports()
	s.rows()

	for who, text := range s.said {
		if leaks := local.Leaks(text); len(leaks) > 0 {
			t.Errorf("%s: %q leaves a state", who, leaks)
		}
	}
	everything := fmt.Sprint(s.said)
	for _, want := range []string{
		"digest_mismatch", "duplicate_resource", "serial_reused", "serial_decreased", "lineage_changed", local.DuplicateARN, "state.repaired", `"outcome":"repaired"`, "aws_sqs_queue",
		"registry.terraform.io/hashicorp/aws", "inventory/states.csv", "memory/states.ndjson.gz", "Look at the repair", "What the repair would do", "email", "Slack, post 5", "report.weekly", `"open_findings"`,
	} {
		if !strings.Contains(everything, want) {
			t.Errorf("the search is not of everything: nothing says %q", want)
		}
	}
}

// pages opens the console's page of states, and each repair that it offers.
func (s *site) pages() {
	s.Helper()
	dashboard := local.Dashboard{Stack: s.stack, Context: local.DashboardContext("light", 1280, "+00:00", nil)}
	page, err := dashboard.Call(s.Context(), local.FunctionARN(s.stack.Resources["ConsoleFunction"]), json.RawMessage(`{"view":"states"}`))
	if err != nil {
		s.Fatal(err)
	}
	s.said["console, states"] = page.HTML
	for i, button := range page.Buttons("Look at the repair") {
		planned, err := dashboard.Press(s.Context(), button)
		if err != nil {
			s.Fatal(err)
		}
		s.said[fmt.Sprintf("console, repair %d", i)] = planned.HTML
	}
}

// messages are all that was published, for every channel, and hands them to Slack.
func (s *site) messages() {
	s.Helper()
	all, err := s.stack.AWS().Published(s.stack.Outputs["AlertTopicArn"])
	if err != nil || len(all) < 5 {
		s.Fatalf("%d messages, %v", len(all), err)
	}
	for i, m := range all {
		s.said[fmt.Sprintf("message %d", i)] = fmt.Sprint(m.Subject, m.Texts, m.Attributes)
		payload, err := m.LambdaEvent(fmt.Sprint(i))
		if err != nil {
			s.Fatal(err)
		}
		s.invoke("slack", "SlackFunction", payload)
	}
}

// reports are all files of the report bucket.
func (s *site) reports() {
	s.Helper()
	bucket, client := aws.String(s.stack.Outputs["ReportBucketName"]), s.stack.AWS().S3()
	listed, err := client.ListObjectsV2(s.Context(), &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil || len(listed.Contents) < 6 {
		s.Fatalf("%d files, %v", len(listed.Contents), err)
	}
	for _, o := range listed.Contents {
		out, err := client.GetObject(s.Context(), &s3.GetObjectInput{Bucket: bucket, Key: o.Key})
		if err != nil {
			s.Fatal(err)
		}
		content, err := io.ReadAll(out.Body)
		if err == nil && strings.HasSuffix(*o.Key, ".gz") {
			var plain io.Reader
			if plain, err = gzip.NewReader(bytes.NewReader(content)); err == nil {
				content, err = io.ReadAll(plain)
			}
		}
		if err != nil {
			s.Fatal(err)
		}
		s.said["file "+*o.Key] = string(content)
	}
}

// rows are those of the ledger and of the lock table.
func (s *site) rows() {
	s.Helper()
	contents, err := s.stack.AWS().Contents(s.bucket())
	if err != nil {
		s.Fatal(err)
	}
	for table, rows := range contents.Rows {
		s.said["table "+table] = fmt.Sprint(rows)
	}
	if len(contents.Rows[s.stack.Resources["LedgerTable"]]) == 0 {
		s.Error("the ledger has no rows")
	}
}
