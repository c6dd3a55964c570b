package journey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/version"
)

// source is the folder of a function in template.yaml.
var source = regexp.MustCompile(`(?m)^  (\w+):\n(?:    .*\n)+?      CodeUri: functions/(\w+)$`)

// Release puts together, from a copy of the repository that was built, what a release
// attaches, into its folder dist. The programs are those of `sam build`, which are for this
// machine, and there are no bills of materials in it.
func (e *Engine) Release(ctx context.Context, dir string) error {
	template, err := os.ReadFile(filepath.Join(dir, "template.yaml")) //nolint:gosec // a copy of ours
	if err != nil {
		return err
	}
	out := filepath.Join(dir, ".build", "lambda")
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	for _, function := range source.FindAllStringSubmatch(string(template), -1) {
		logicalID, name := function[1], function[2]
		if _, err := e.run(ctx, dir, "python3", "infra/tools/zip.py", filepath.Join(".aws-sam", "build", logicalID, "bootstrap"), filepath.Join(out, name+".zip"), version.Current); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, name+".cdx.json"), []byte("{}\n"), 0o600); err != nil {
			return err
		}
	}
	_, err = e.run(ctx, dir, "python3", "infra/tools/release.py", version.Current, "dist")
	return err
}

// withoutGo is the block of commands in docs/deploy.md.
var withoutGo = regexp.MustCompile(`(?m)^## Without Go and SAM\n(?s:.*?)\n\n((?:    .*\n)+)`)

// DeployRelease deploys a release with the commands of docs/deploy.md, as somebody who has
// nothing but the files of dist and the AWS CLI.
func (e *Engine) DeployRelease(ctx context.Context, dist, stack, bucket string) error {
	page, err := os.ReadFile(filepath.Join(local.Root(), "docs", "deploy.md"))
	if err != nil {
		return err
	}
	block := withoutGo.FindSubmatch(page)
	if block == nil {
		return errors.New("docs/deploy.md has no commands to deploy without Go and SAM")
	}
	commands := strings.NewReplacer("VERSION", version.Current, "MY-BUCKET", bucket, "--stack-name lockwarden ", "--stack-name "+stack+" ").Replace(string(block[1]))
	if _, err := e.AWS(ctx, "s3api", "create-bucket", "--bucket", bucket, "--create-bucket-configuration", "LocationConstraint="+local.Region); err != nil {
		return err
	}
	_, err = e.Paste(ctx, fmt.Sprintf("set -eu\ncd '%s'\n%s", dist, commands))
	return err
}

// Scan invokes the monitor of a stack by hand, and fails unless its scan was complete.
func (e *Engine) Scan(ctx context.Context, function string) error {
	answer := filepath.Join(e.dir, function+".json")
	if _, err := e.AWS(ctx, "lambda", "invoke", "--function-name", function, answer); err != nil {
		return err
	}
	said, err := os.ReadFile(answer) //nolint:gosec // just written
	if err != nil {
		return err
	}
	var report struct {
		Complete bool `json:"complete"`
	}
	if json.Unmarshal(said, &report) != nil || !report.Complete {
		return fmt.Errorf("%s answers %s", function, said)
	}
	return nil
}
