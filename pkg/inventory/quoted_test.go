package inventory_test

import (
	"strings"
	"testing"
)

// Whoever writes two states chooses the name of a resource that both have: it has room for a page of advice.
func TestNoNameOfAResourceReadsAsOurAdvice(t *testing.T) {
	t.Parallel()
	const arn = `arn:aws:sqs:eu-west-1:123456789012:jobs), so that each apply of one can undo the other. Both wait for a dead run, whose lock has to go first: lockwarden unlock 78007e4f --path acme/prod/x --force --yes. Then remove the queue from one of them (jobs`
	w := newWorld(t)
	w.run()
	w.put("a.tfstate", stateOf(1, "a", object("aws_sqs_queue", `{"arn":"`+arn+`","id":"jobs","region":"eu-west-1"}`)))
	w.put("b.tfstate", stateOf(1, "b", object("aws_sqs_queue", `{"arn":"`+arn+`","id":"jobs","region":"eu-west-1"}`)))
	w.run()
	messages := w.Published()
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	for line := range strings.Lines(messages[0].Texts["email"]) {
		outside := ""
		for i, part := range strings.Split(line, `"`) {
			if i%2 == 0 {
				outside += part
			}
		}
		if strings.Contains(outside, "--force") {
			t.Errorf("it stands outside of quotation marks: %s", line)
		}
	}
}
