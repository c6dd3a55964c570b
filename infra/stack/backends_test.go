package stack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Each backend block of infra/backends is initialised as it is, by Terraform and by
// OpenTofu, and puts its state where it says.
func TestBackendBlocksWorkAsTheyAre(t *testing.T) {
	if _, err := server.MakeBucket(t.Context(), "example-states"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.MakeTable(t.Context(), "example-locks", "LockID"); err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, c := range []struct {
		folder string
		init   []string // arguments of init
		branch string   // for the variable of OpenTofu
		client string   // the only one, where it is for one
		key    string
	}{
		{"environments", []string{"-backend-config=production.s3.tfbackend"}, "", "", "environments/production/terraform.tfstate"},
		{"environments", []string{"-backend-config=staging.s3.tfbackend"}, "", "", "environments/staging/terraform.tfstate"},
		{"environments", []string{"-backend-config=development.s3.tfbackend"}, "", "", "environments/development/terraform.tfstate"},
		{"shared-services", nil, "", "", "shared-services/network/terraform.tfstate"},
		{"branches", []string{"-backend-config=key=branches/feature-x/terraform.tfstate"}, "", "terraform", "branches/feature-x/terraform.tfstate"},
		{"branches", nil, "feature-y", "tofu", "branches/feature-y/terraform.tfstate"},
	} {
		clients, err := local.Clients()
		if err != nil {
			t.Fatal(err)
		}
		for _, client := range clients {
			if c.client != "" && c.client != client.Name {
				continue
			}
			tried[c.folder] = true
			t.Run(client.Name+" "+c.key, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(filepath.Join(local.Root(), "infra", "backends", c.folder))); err != nil {
					t.Fatal(err)
				}
				write(t, dir, "main.tf", `resource "terraform_data" "app" { input = "app" }`)
				runIn(t, client, dir, c.branch, append([]string{
					"init", "-reconfigure", "-backend-config=use_path_style=true",
					"-backend-config=skip_credentials_validation=true", "-backend-config=skip_requesting_account_id=true",
				}, c.init...)...)
				runIn(t, client, dir, c.branch, "apply", "-auto-approve")
				_, err := server.S3().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("example-states"), Key: &c.key})
				if err != nil {
					t.Errorf("no state there: %v", err)
				}
				runIn(t, client, dir, c.branch, "destroy", "-auto-approve")
			})
		}
	}
	folders, err := os.ReadDir(filepath.Join(local.Root(), "infra", "backends"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if folder.IsDir() && !tried[folder.Name()] {
			t.Errorf("infra/backends/%s is not tried", folder.Name())
		}
	}
}

// What the README calls wrong is what the clients call wrong.
func TestWhatTutorialsGetWrong(t *testing.T) {
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		for block, want := range map[string]map[string]string{
			`versioning = true`: {"terraform": "Unsupported argument", "tofu": "Unsupported argument"},
			`key = "branches/${var.branch}/terraform.tfstate"`: {"terraform": "Variables not allowed"},
		} {
			if want[client.Name] == "" {
				continue
			}
			dir := t.TempDir()
			write(t, dir, "main.tf", "variable \"branch\" { default = \"x\" }\nterraform {\n  backend \"s3\" {\n    "+block+"\n  }\n}\n")
			out, err := clientIn(t, client, dir, "", "init")
			if err == nil || !strings.Contains(out, want[client.Name]) {
				t.Errorf("%s, %s: %s", client.Name, block, out)
			}
		}
	}
}

func runIn(t *testing.T, client local.Client, dir, branch string, args ...string) {
	t.Helper()
	if out, err := clientIn(t, client, dir, branch, args...); err != nil {
		t.Fatalf("%s %v: %v\n%s", client.Name, args, err, out)
	}
}

func clientIn(t *testing.T, client local.Client, dir, branch string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), client.Path, append(args, "-no-color", "-input=false")...) //nolint:gosec // a client that make set up
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "CHECKPOINT_DISABLE=1"}
	if branch != "" {
		cmd.Env = append(cmd.Env, "TF_VAR_branch="+branch)
	}
	for name, value := range server.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
