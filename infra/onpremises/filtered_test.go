package onpremises_test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/onpremises"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// gtube is what filters take for spam for certain, and is there to test them: https://spamassassin.apache.org/gtube/
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

// Whoever takes a lock writes its fields: none of them makes a mail server refuse the message that others share with it.
func TestNoFieldOfALockIsSpam(t *testing.T) {
	t.Parallel()
	productionIsHeardOf(t, gtube, "554 5.7.1 Gtube pattern", false)
}

// A server refuses what a filter dislikes: people hear that production's locks are among those that they cannot read about.
func TestWhatIsRefusedHidesNoLockOfOthers(t *testing.T) {
	t.Parallel()
	productionIsHeardOf(t, "blocked.example", "554 5.7.1 message with a blacklisted address", true)
}

// productionIsHeardOf has eleven locks with a text, which a mail server answers so, become stuck before one of production, or with it.
func productionIsHeardOf(t *testing.T, disliked, answer string, together bool) {
	t.Helper()
	local.Need(t, local.Services)
	cloud := local.StartForTest(t)
	place, err := cloud.MakePlace(t.Context(), "states")
	if err != nil {
		t.Fatal(err)
	}
	lock := func(key, who string) {
		raw, err := tflock.Info{ID: fmt.Sprintf("6a1f0c2e-9b7d-4e35-8a61-%012d", len(key)*1000+int(key[len(key)-1])), Operation: "OperationTypeApply", Who: who, Version: "1.11.4", Created: time.Now().UTC(), Path: "states/" + key}.Marshal()
		object := key + ".tflock"
		if err == nil {
			_, err = cloud.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket, Key: &object, Body: strings.NewReader(string(raw))})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	box, err := onpremises.StartMailbox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Stop)
	box.Judge = func(m onpremises.Mail) string {
		if strings.Contains(m.Subject+m.Text, disliked) {
			return answer
		}
		return ""
	}
	environment := maps.Clone(cloud.Env())
	maps.Copy(environment, map[string]string{
		"ACCOUNT_ID": "123456789012", "BUCKET_ARNS": place.Bucket, "LEDGER_TABLE": place.Ledger, "TOPIC_ARN": place.Topic, "METRIC_NAMESPACE": "Test", "STUCK_AFTER": "1ms",
		"AWS_LAMBDA_FUNCTION_NAME": "monitor", "AWS_ENDPOINT_URL_SNS": "http://" + startMailer(t, box.Address),
	})
	for i := range 11 {
		lock("dev/"+string(rune('a'+i)), disliked)
	}
	if !together {
		time.Sleep(1100 * time.Millisecond) // the store's clock has seconds
		invoke(t, "monitor", environment, "{}")
	}
	lock("prod/x", "ana@laptop")
	time.Sleep(1100 * time.Millisecond)
	invoke(t, "monitor", environment, "{}")
	for ended := time.Now().Add(10 * time.Second); time.Now().Before(ended); time.Sleep(50 * time.Millisecond) {
		for _, m := range box.Mails() {
			if strings.Contains(m.Text, "states/prod") {
				return
			}
		}
	}
	t.Errorf("nobody is notified of the lock of production: %d mails came", len(box.Mails()))
}

// startMailer returns where a mailer listens that sends by that server.
func startMailer(t *testing.T, server string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mailer")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./infra/onpremises/mailer")
	build.Dir = local.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	mailer := exec.CommandContext(t.Context(), program)
	mailer.Env = append(os.Environ(), "LISTEN="+address, "MAIL_FROM=lockwarden@example.com", "MAIL_TO=oncall@example.com", "SMTP_SERVER="+server, "OUTBOX="+t.TempDir())
	if err := mailer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mailer.Process.Kill(); _ = mailer.Wait() })
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if connection, err := net.Dial("tcp", address); err == nil {
			_ = connection.Close()
			return address
		}
	}
	t.Fatal("the mailer does not listen")
	return ""
}
