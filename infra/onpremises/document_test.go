package onpremises_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/onpremises"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// document is docs/on-premises.md.
type document struct {
	steps  []step
	client string // what clients are configured with
}

// step is a block of bash. Those that only some need have a word after the language.
type step struct{ only, text string }

func read(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(local.Root(), "docs", "on-premises.md"))
	if err != nil {
		t.Fatal(err)
	}
	var d document
	for _, block := range regexp.MustCompile("(?ms)^```(bash|hcl) ?(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if block[1] == "hcl" {
			d.client += block[3]
		} else {
			d.steps = append(d.steps, step{block[2], block[3]})
		}
	}
	if len(d.steps) != 15 || d.client == "" {
		t.Fatalf("%d steps, and this of clients: %s", len(d.steps), d.client)
	}
	return d
}

// A client dies under its lock in a store outside of AWS: it is reported by mail, and released, by the
// very commands of the document, and the next plan of the client works.
func TestTheDocument(t *testing.T) {
	t.Parallel()
	document := read(t)
	for name, tc := range map[string]struct {
		store  *server.Kind // nil: SeaweedFS, as the document starts it
		tables *server.Kind // nil: none outside of AWS
		mailer bool         // mail by a server of one's own, and not by SNS
	}{
		"with a store that is there, and no table store": {&server.VersitygwPlain, nil, false},
		// No comma: the folder has the name of the test, and SeaweedFS takes lists of folders.
		"with SeaweedFS and a table store and a mail server": {nil, &server.Dynoxide, true},
		"with a local cloud as both and a mail server":       {&server.MiniStack, &server.MiniStack, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local.Need(t, local.Services, local.AWSCommand, local.LambdaRIE, local.OpenTofu)
			o := &office{prefix: t.TempDir(), dir: t.TempDir(), cloud: local.StartForTest(t), skip: map[string]bool{"seaweedfs": tc.store != nil, "tables": tc.tables == nil, "mailer": !tc.mailer, "sns": tc.mailer}}
			if tc.mailer {
				box, err := onpremises.StartMailbox()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(box.Stop)
				o.mailbox = box
			}
			if tc.tables != nil {
				o.tables = start(t, *tc.tables)
			}
			if tc.store != nil {
				o.store = start(t, *tc.store)
				if err := contract.MakeBucket(t.Context(), o.store.Config(), bucket); err != nil {
					t.Fatal(err)
				}
			} else {
				local.Need(t, local.SeaweedFS)
			}
			o.follow(t, document)
		})
	}
}

const bucket, table, key = "acme-states", "terraform-locks", "network/terraform.tfstate"

// office is where the document is followed.
type office struct {
	cloud         *local.AWS
	store, tables *local.AWS // nil: the document starts it, there is none
	prefix, dir   string     // where the document puts everything, and where the client works
	skip          map[string]bool
	mailbox       *onpremises.Mailbox // nil: SNS sends the mail
}

// follow runs the steps in one shell, as somebody who pastes them one after the other. Before
// the scan a client dies.
func (o *office) follow(t *testing.T, d document) {
	t.Helper()
	settings, err := o.settings(t)
	if err != nil {
		t.Fatal(err)
	}
	ready, died := filepath.Join(o.dir, "ready"), filepath.Join(o.dir, "died")
	script := "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"
	for _, s := range d.steps {
		if o.skip[s.only] {
			continue
		}
		if strings.Contains(s.text, `invoke" monitor`) {
			script += fmt.Sprintf("touch %s; until [ -s %s ]; do sleep 0.1; done; LOCK_ID=$(cat %s) STATE=acme-states/network/terraform.tfstate\n", ready, died, died)
		}
		script += s.text
	}
	script += fmt.Sprintf("rm %s; until [ -e %s ]; do sleep 0.1; done\n", died, died) // the store goes with the shell

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-o", "pipefail", "-c", script)
	var said local.Output
	shell.Dir, shell.Env, shell.Stdout, shell.Stderr, shell.WaitDelay = local.Root(), settings, &said, &said, time.Second
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) } // with the store
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- shell.Wait() }()
	until := func(ok func() bool) {
		t.Helper()
		for !ok() {
			select {
			case err := <-ended:
				t.Fatalf("a step failed: %v\n%s", err, said.String())
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	exists := func(file string) bool { _, err := os.Stat(file); return err == nil }

	until(func() bool { return exists(ready) })
	c := o.newClient(t, d.client)
	id := o.die(t, c)
	if err := os.WriteFile(died, []byte(id), 0o600); err != nil {
		t.Fatal(err)
	}
	until(func() bool { return !exists(died) })
	if _, err := c.Run(t.Context(), "plan"); err != nil {
		t.Errorf("the plan after the release: %v", err)
	}
	o.nothingIsLeft(t)
	if err := os.WriteFile(died, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
	o.heard(t, said.String(), id)
}

// settings are the environment of the shell.
func (o *office) settings(t *testing.T) ([]string, error) {
	t.Helper()
	ports, err := server.FreePorts(9)
	if err != nil {
		return nil, err
	}
	sockets, err := os.MkdirTemp("", "s") // the name of a socket has room for 100 characters
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	options := ""
	for i, name := range []string{"s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"} {
		options += "-" + name + "=" + ports[i] + " "
	}
	all := []string{
		"HOME=" + o.dir, "GOFLAGS=" + os.Getenv("GOFLAGS"), "PATH=" + filepath.Join(local.Root(), ".build", "awscli") + ":" + os.Getenv("PATH"),
		"PREFIX=" + o.prefix, "BUCKET=" + bucket, "STUCK_AFTER=1ms", "RELEASE_GUARD=1ms", "STORE_OPTIONS=" + options + "-filer.localSocket=" + sockets + "/filer -s3.localSocket=" + sockets + "/s3",
		"STORE_PORT=" + ports[7], "LOCK_TABLE=" + table,
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // they depend on the home folder
		folder, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return nil, err
		}
		all = append(all, name+"="+strings.TrimSpace(string(folder)))
	}
	if o.mailbox != nil {
		all = append(all, "MAILER=127.0.0.1:"+ports[8], "SMTP_SERVER="+o.mailbox.Address, "MAIL=oncall@example.com")
	}
	if o.store != nil {
		all = append(all, "STORE="+o.store.Endpoint, "STORE_KEY="+server.AccessKey, "STORE_SECRET="+server.SecretKey)
	}
	if o.tables != nil {
		all = append(all, "TABLES="+o.tables.Endpoint, "TABLES_KEY="+server.AccessKey, "TABLES_SECRET="+server.SecretKey)
	}
	for name, value := range o.cloud.Env() {
		if name != "TRUST_STORES" { // the store is probed
			all = append(all, name+"="+value)
		}
	}
	return all, nil
}

// nothingIsLeft finds what a probe or a lock left in the stores.
func (o *office) nothingIsLeft(t *testing.T) {
	t.Helper()
	listed, err := o.written(t).S3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range listed.Contents {
		if *object.Key != key {
			t.Errorf("left: %s", *object.Key)
		}
	}
	if o.tables == nil {
		return
	}
	rows, err := dynamodb.NewFromConfig(o.tables.Config()).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(table)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows.Items {
		if _, held := row["Info"]; held || row["Digest"] == nil {
			t.Errorf("left: %v", row)
		}
	}
}

// heard looks at what the steps printed, and at what people were notified of.
func (o *office) heard(t *testing.T, said, id string) {
	t.Helper()
	for _, part := range []string{
		"Locks here are real", "Unlock is safe here", // the probe
		`"stuck":1`, `"path":"` + bucket + "/" + key + `"`, // the scan
		`"outcome":"released"`, // the release
		`"examined":0`,         // the prune
	} {
		if !strings.Contains(said, part) {
			t.Errorf("no step says %s", part)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
	mails := o.mails(t)
	if len(mails) != 2 {
		t.Fatalf("%d mails: %+v", len(mails), mails)
	}
	for i, subject := range []string{"[Lockwarden] stuck ", "[Lockwarden] released"} {
		if m := mails[i]; !strings.HasPrefix(m.Subject, subject) || !strings.Contains(m.Text, bucket+"/"+key) || !strings.Contains(m.Text, id) {
			t.Errorf("the mail is %q: %q, and not %q", m.Subject, m.Text, subject)
		}
	}
}

// mails are those that arrived, or that SNS was given to send.
func (o *office) mails(t *testing.T) []onpremises.Mail {
	t.Helper()
	if o.mailbox != nil { // SNS has no topic then, so it could be given nothing
		return o.mailbox.Mails()
	}
	messages, err := o.cloud.Published("arn:aws:sns:" + local.Region + ":123456789012:lockwarden")
	if err != nil {
		t.Fatal(err)
	}
	var all []onpremises.Mail
	for _, m := range messages {
		all = append(all, onpremises.Mail{Subject: m.Subject, Text: m.Texts["email"]})
	}
	return all
}
