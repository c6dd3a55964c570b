package journey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
)

// change is one that MiniStack needs in the copy of template.yaml.
type change struct {
	why  string
	make func(template, endpoint string) string
}

// changes are all of them. Nothing else differs from what a user deploys.
var changes = []change{
	{"the machine's own processor in place of arm64: it runs the binaries directly", func(template, _ string) string {
		own := map[string]string{"amd64": "[x86_64]", "arm64": "[arm64] # its own"}[runtime.GOARCH]
		return strings.ReplaceAll(template, "Architectures: [arm64]", "Architectures: "+own)
	}},
	{"AWS_ENDPOINT_URL in each function's environment: it gives Go functions no endpoint", func(template, endpoint string) string {
		return globals.ReplaceAllString(template, fmt.Sprintf("$1    Environment: { Variables: { GOMAXPROCS: \"1\", AWS_ENDPOINT_URL: %q } }\n", endpoint))
	}},
	{"one metric in place of an alarm's metric math, which it refuses", func(template, _ string) string {
		return metricMath.ReplaceAllString(template, `      Namespace: AWS/Lambda
      MetricName: Throttles
      Dimensions: [{ Name: FunctionName, Value: !Ref MonitorFunction }]
      Statistic: Sum
      Period: 300
`)
	}},
	{"a parameter in SSM that holds what the nested stack for Amazon Q gets, in its place: it has neither nested stacks nor AWS::Chatbot", func(template, _ string) string {
		return nested.ReplaceAllStringFunc(template, func(resource string) string {
			var values strings.Builder
			for _, given := range nestedParameter.FindAllStringSubmatch(nested.FindStringSubmatch(resource)[1], -1) {
				fmt.Fprintf(&values, "            - %s\n", given[1])
			}
			return "  AmazonQ:\n    Type: AWS::SSM::Parameter\n    Condition: UsesAmazonQ\n    Properties:\n      Name: !Sub /${AWS::StackName}/amazon-q\n      Type: String\n" +
				"      Value: !Join\n        - \" \"\n        -\n" + values.String()
		})
	}},
}

// nested is the resource AmazonQ, with the parameters of its stack, and nestedParameter one of them.
var (
	nested          = regexp.MustCompile(`(?m)^  AmazonQ:\n    Type: AWS::CloudFormation::Stack\n    Condition: UsesAmazonQ\n    Properties:\n      TemplateURL: .*\n      Parameters:\n((?:        .*\n)+)`)
	nestedParameter = regexp.MustCompile(`(?m)^        \w+: (.*)$`)
)

// globals are what every function has, up to the environment, which older templates lack.
var globals = regexp.MustCompile(`(?m)(^Globals:\n  Function:\n(?:    (?:[A-DF-Z].*|#.*)\n)*)(    Environment: .*\n)?`)

// metricMath is the property Metrics of an alarm, to the next one.
var metricMath = regexp.MustCompile(`(?m)^      Metrics:\n(?:        .*\n)+`)

// Copy puts the repository, as git knows it and with what is not committed yet, into dir,
// with an older template in place of its template.yaml (empty for its own), changed for this
// engine. An older template may lack what is changed, ours may not: a change that does
// nothing any more must be found.
func (e *Engine) Copy(ctx context.Context, dir, older string) error {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = local.Root()
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the repository's files: %w", err)
	}
	for name := range bytes.SplitSeq(bytes.TrimRight(names, "\x00"), []byte{0}) {
		if err := copyFile(filepath.Join(local.Root(), string(name)), filepath.Join(dir, string(name))); err != nil {
			return err
		}
	}
	template := filepath.Join(local.Root(), "template.yaml")
	if older != "" {
		template = older
	}
	text, err := os.ReadFile(template) //nolint:gosec // a template of this repository
	if err != nil {
		return err
	}
	changed := string(text)
	for _, c := range changes {
		before := changed
		if changed = c.make(changed, e.Endpoint); changed == before && older == "" {
			return fmt.Errorf("this change finds nothing to change in %s: %s", template, c.why)
		}
	}
	return os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(changed), 0o600)
}

// copyFile leaves out what is not there any more although git lists it.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from) //nolint:gosec // files of this repository
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
