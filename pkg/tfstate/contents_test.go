package tfstate_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// surveyed is a line for each fact, so that what is not known is seen to be missing.
func surveyed(t *testing.T, state []byte) (facts string, objects []string) {
	t.Helper()
	c, err := tfstate.Survey(bytes.NewReader(state), func(o tfstate.Object) {
		objects = append(objects, fmt.Sprintf("%s arn=%s id=%s region=%s", o.Type, o.ARN, o.ID, o.Region))
	})
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{"format=" + c.Format}
	if c.Serial != nil {
		parts = append(parts, fmt.Sprint("serial=", *c.Serial))
	}
	for _, text := range []struct{ name, value string }{{"lineage", c.Lineage}, {"version", c.TerraformVersion}} {
		if text.value != "" {
			parts = append(parts, text.name+"="+text.value)
		}
	}
	for _, count := range []struct {
		name  string
		value *int
	}{{"managed", c.Managed}, {"data", c.Data}, {"tainted", c.Tainted}, {"deposed", c.Deposed}, {"outputs", c.Outputs}, {"sensitive", c.SensitiveOutputs}} {
		if count.value != nil {
			parts = append(parts, fmt.Sprint(count.name, "=", *count.value))
		}
	}
	for _, n := range c.Types {
		parts = append(parts, fmt.Sprint(n.Type, "=", n.Count))
	}
	return strings.Join(append(parts, c.Providers...), " "), objects
}

// checks is what the samples with results of checks are.
func checks(version, lineage string, serial int) string {
	return fmt.Sprintf("format=4 serial=%d lineage=%s version=%s managed=8 data=0 tainted=1 deposed=0 outputs=2 sensitive=1 terraform_data=8 terraform.io/builtin/terraform", serial, lineage, version)
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state   string // a file of testdata, or JSON
		want    string
		objects []string
	}{
		"Terraform 0.11": {
			"survey/terraform-0.11.tfstate",
			"format=3 serial=12 lineage=5b6f4f0c-5c6d-9f7a-2f0e-3a4d6c1b8e21 version=0.11.15 managed=3 data=1 tainted=1 deposed=1 outputs=2 sensitive=1 aws_instance=2 random_id=1 registry.terraform.io/-/aws registry.terraform.io/-/random",
			[]string{"aws_instance arn=arn:aws:ec2:eu-west-1:123456789012:instance/i-0aaa id=i-0aaa region=", "aws_instance arn= id=i-0bbb region=", "random_id arn= id=abc region="},
		},
		"identities of Terraform 1.12, and a provider on the instance as OpenTofu writes it": {
			"survey/identity.tfstate",
			"format=4 serial=9 lineage=1f3a7c52-1d7b-63b5-40a1-1a1f6e2c7d10 version=1.12.2 managed=2 data=1 tainted=0 deposed=0 outputs=2 sensitive=1 aws_route=1 aws_secretsmanager_secret_version=1 " +
				"registry.opentofu.org/acme/aws registry.opentofu.org/hashicorp/aws registry.terraform.io/hashicorp/aws",
			[]string{
				"aws_route arn= id=r-rtb-0123 region=eu-west-1",
				"aws_secretsmanager_secret_version arn=arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf id=arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf|terraform-2026 region=eu-west-1",
			},
		},
		"Terraform 0.12: instances with an index, flat attributes, and providers by their name": {
			"survey/terraform-0.12.tfstate",
			"format=4 serial=7 lineage=8a2c6f4e-6c0e-4d0b-9f6c-0d6b7d8f2a11 version=0.12.31 managed=3 data=1 tainted=1 deposed=0 outputs=1 sensitive=1 aws_sqs_queue=2 aws_subnet=1 registry.terraform.io/-/aws",
			[]string{
				"aws_sqs_queue arn=arn:aws:sqs:us-west-2:123456789012:jobs-0 id=https://sqs.us-west-2.amazonaws.com/123456789012/jobs-0 region=",
				"aws_sqs_queue arn=arn:aws:sqs:us-west-2:123456789012:jobs-1 id=https://sqs.us-west-2.amazonaws.com/123456789012/jobs-1 region=",
				"aws_subnet arn=arn:aws:ec2:us-west-2:123456789012:subnet/subnet-0a1b2c3d4e5f60718 id=subnet-0a1b2c3d4e5f60718 region=",
			},
		},
		"Terraform 0.13 and later: providers by their address, in modules with keys": {
			"survey/terraform-0.15.tfstate",
			"format=4 serial=3 lineage=b1a9a1de-0f53-4d1b-8f0e-51e8d9f0c7a2 version=0.15.5 managed=3 data=0 tainted=0 deposed=1 outputs=1 sensitive=0 aws_db_instance=2 random_password=1 " +
				"registry.terraform.io/hashicorp/aws registry.terraform.io/hashicorp/random",
			[]string{"aws_db_instance arn=arn:aws:rds:us-west-2:123456789012:db:main id=main region=", "aws_db_instance arn=arn:aws:rds:us-west-2:123456789012:db:old id=old region=", "random_password arn= id=none region="},
		},
		"results of checks": {"survey/terraform-1.5-checks.tfstate", checks("1.5.7", "eeb779cc-dbdb-4c89-5606-4312164929d4", 10), nil},
		"those of 1.11":     {"survey/terraform-1.11-checks.tfstate", checks("1.11.4", "7c85508c-ce0f-127c-4844-902d9be21bf0", 10), nil},
		"those of 1.14, with identities of objects": {
			"survey/terraform-1.14-checks.tfstate",
			"format=4 serial=11 lineage=bd239e83-2e07-ef6b-9553-227ab6e00097 version=1.14.9 managed=9 data=0 tainted=1 deposed=0 outputs=2 sensitive=1 terraform_data=8 simple_resource=1 example.com/acme/simple terraform.io/builtin/terraform",
			nil,
		},
		"those of 1.15": {
			"survey/terraform-1.15-checks.tfstate",
			"format=4 serial=11 lineage=9c7fc74f-bb1c-c3a1-1fdd-bcfb2c0064c6 version=1.15.9 managed=9 data=0 tainted=1 deposed=0 outputs=2 sensitive=1 terraform_data=8 simple_resource=1 example.com/acme/simple terraform.io/builtin/terraform",
			nil,
		},
		"those of OpenTofu 1.13": {
			"survey/tofu-1.13-checks.tfstate",
			"format=4 serial=2 lineage=85c4823a-f584-410e-5818-1a254f5672e1 version=1.13.0 managed=9 data=0 tainted=1 deposed=0 outputs=2 sensitive=1 terraform_data=8 simple_resource=1 example.com/acme/simple terraform.io/builtin/terraform",
			nil,
		},
		"those of OpenTofu": {"survey/tofu-1.12-checks.tfstate", checks("1.12.6", "70e86f4d-4bc9-4ab6-5f5c-61d5b47f06ff", 2), nil},
		"tainted and deposed": {
			"deposed.tfstate",
			"format=4 serial=3 lineage=ea2af2fb-9bb1-1326-1a72-12bbd085d9f6 version=1.11.4 managed=2 data=0 tainted=1 deposed=1 outputs=0 sensitive=0 terraform_data=2 terraform.io/builtin/terraform",
			[]string{"terraform_data arn= id=590b3cb5-ef8c-8406-c60f-12bc824a667b region=", "terraform_data arn= id=2ddc1ba9-bcfe-a4ee-a2a5-9dbe7cef42ad region="},
		},
		"of an encrypted state the counts are not known": {"tofu-encrypted.tfstate", "format=encrypted serial=1 lineage=e64f7839-daa3-c0e9-29e2-cf3afdecba0d", nil},
		"a state that was destroyed has zeros":           {`{"version":4,"terraform_version":"1.9.0","serial":2,"lineage":"l","outputs":{},"resources":[]}`, "format=4 serial=2 lineage=l version=1.9.0 managed=0 data=0 tainted=0 deposed=0 outputs=0 sensitive=0", nil},
		"Terraform 0.12 wrote legacy names of providers": {
			`{"version":4,"serial":0,"resources":[{"mode":"managed","type":"aws_eip","provider":"provider.aws","instances":[{"attributes_flat":{"id":"eipalloc-1"}}]}]}`,
			"format=4 serial=0 managed=1 data=0 tainted=0 deposed=0 outputs=0 sensitive=0 aws_eip=1 registry.terraform.io/-/aws",
			[]string{"aws_eip arn= id=eipalloc-1 region="},
		},
		"version 1 has outputs that are texts, and no lineage": {
			`{"version":1,"serial":4,"modules":[{"path":["root"],"outputs":{"a":"b"},"resources":{"aws_vpc.v":{"type":"aws_vpc","primary":{"id":"vpc-1","attributes":{"id":"vpc-1"}}}}}]}`,
			"format=1 serial=4 managed=1 data=0 tainted=0 deposed=0 outputs=1 sensitive=0 aws_vpc=1",
			[]string{"aws_vpc arn= id=vpc-1 region="},
		},
		"bytes that are not a state": {`{"version":4,"resources":[`, "format=unreadable", nil},
		"an empty object":            {`{"serial":3}`, "format=unreadable", nil},
		"what looks like an address is not repeated where it is not one": {
			`{"version":4,"serial":1,"resources":[{"mode":"managed","type":"x","provider":"provider[\"<script>\"]","instances":[]}]}`,
			"format=4 serial=1 managed=0 data=0 tainted=0 deposed=0 outputs=0 sensitive=0", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := []byte(c.state)
			if strings.HasSuffix(c.state, ".tfstate") {
				var err error
				if state, err = os.ReadFile(filepath.Join("testdata", c.state)); err != nil {
					t.Fatal(err)
				}
			}
			got, objects := surveyed(t, state)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.objects, objects); diff != "" && !strings.Contains(c.state, "checks") { // whose IDs are random
				t.Error(diff)
			}
			if strings.Contains(got+strings.Join(objects, ""), "planted") {
				t.Errorf("a secret leaves the state: %s %s", got, objects)
			}
		})
	}
}

// An inventory counts what a prune judges by.
func FuzzSurvey(f *testing.F) {
	files, err := filepath.Glob("testdata/survey/*.tfstate")
	if err != nil || len(files) == 0 {
		f.Fatalf("no sample states: %v", err)
	}
	for _, file := range files {
		state, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state)
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		read, err := tfstate.Read(bytes.NewReader(state))
		if err != nil {
			t.Fatal(err)
		}
		objects := 0
		c, err := tfstate.Survey(bytes.NewReader(state), func(o tfstate.Object) {
			if objects++; len(o.ARN) > 2048 || len(o.ID) > 2048 || len(o.Type) == 0 {
				t.Fatalf("an object of type %q with %d and %d bytes", o.Type, len(o.ARN), len(o.ID))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if (c.Format == tfstate.FormatUnreadable) == read.State {
			t.Fatalf("format %s, and Read says that it is a state: %v", c.Format, read.State)
		}
		if c.Managed == nil {
			return
		}
		if *c.Managed < objects && read.Condition != tfstate.Unreadable {
			t.Fatalf("%d objects of %d", objects, *c.Managed)
		}
		if read.Version == 4 && (*c.Managed != read.Managed || *c.Outputs != read.Outputs) && read.Condition != tfstate.Unreadable {
			t.Fatalf("%d managed and %d outputs, and Read counts %d and %d", *c.Managed, *c.Outputs, read.Managed, read.Outputs)
		}
	})
}

// A state of a hundred megabytes is surveyed in the memory of a small one.
func TestSurveyInConstantMemory(t *testing.T) {
	const instances = 200_000
	item := func(i int) string {
		return fmt.Sprintf(`%s{"mode":"managed","type":"aws_instance","name":"a","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[%s]}`, map[bool]string{true: ","}[i > 0], instance)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	objects := 0
	body := &series{n: instances + 2, item: func(i int) string {
		switch i {
		case 0:
			return head
		case instances + 1:
			return tail
		}
		return item(i - 1)
	}}
	c, err := tfstate.Survey(body, func(tfstate.Object) { objects++ })
	runtime.ReadMemStats(&after)
	if err != nil || c.Managed == nil || *c.Managed != instances || objects != instances {
		t.Fatalf("%+v, %d objects, %v", c, objects, err)
	}
	// item makes about a kilobyte a resource itself.
	if live := int64(after.HeapAlloc) - int64(before.HeapAlloc); live > 8<<20 { //nolint:gosec // far below the bound
		t.Errorf("%d bytes are held", live)
	}
}
