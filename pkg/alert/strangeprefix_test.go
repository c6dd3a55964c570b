package alert_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// Whoever fills a folder, or has a lock object in it that S3 does not give, chooses its name: people who look for what is under it are asked to
// put no such name into a command.
func TestAStrangePrefixBelongsIntoNoCommand(t *testing.T) {
	const arn = "arn:aws:s3:::states"
	for name, withheld := range map[string]bool{"crowded": false, "withheld": true} {
		store := alert.Store{ARN: arn, Problem: arn + `: under "states/dev/$(touch executed)/" are more locks than one scan can read`, Since: now, Crowded: true, Withheld: withheld}
		e := composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{store}, now)
		for channel, text := range map[string]string{"mail": alert.Mail(e), "chat": inAmazonQ(e), "Slack": inSlack(t, e)} {
			if !strings.Contains(text, "Never put a prefix") {
				t.Errorf("%s, %s: %s", name, channel, text)
			}
		}
	}
}
