package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// sampleEvents checks that the sample events do what their names say, where there is no state.
func (s *site) sampleEvents(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", "inventory-*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d sample events, %v", len(files), err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		result := s.invoke("inventory", "InventoryFunction", string(payload))
		want := map[string]string{
			"inventory-schedule.json": `"states":0`, "inventory-one-path.json": "in no watched bucket", "inventory-invalid-misspelt.json": "there is no field",
		}[filepath.Base(file)]
		if failed := want != `"states":0`; result.Failed != failed || !strings.Contains(result.Payload, want) || want == "" {
			t.Errorf("%s: failed %v: %s", filepath.Base(file), result.Failed, result.Payload)
		}
	}
}

// Whatever real clients of both families wrote is in the report, in the columns of the
// contract, with the permissions that the stack gives the function.
func TestTheReportOfRealStates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	t.Run("sample events", s.sampleEvents)
	samples := samples(t)
	for _, sample := range samples {
		state, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		s.put("samples/"+filepath.Base(sample), string(state))
		s.digest("samples/"+filepath.Base(sample), string(state))
	}
	report := s.inventory()
	if report.States != len(samples) || report.Read != len(samples) || len(report.Findings) != 0 || len(report.Errors) != 0 {
		t.Fatalf("%+v", report)
	}
	out, err := s.stack.AWS().S3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(s.stack.Outputs["ReportBucketName"]), Key: aws.String("inventory/states.ndjson")})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]map[string]any{}
	for lines := json.NewDecoder(out.Body); lines.More(); {
		var row map[string]any
		if err := lines.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows[filepath.Base(row["path"].(string))] = row
	}
	if row := rows["applied.tfstate"]; row["format"] != "4" || row["managed"] == 0.0 || row["serial"] == nil || row["digest"] != "ok" || row["version_id"] == "" {
		t.Errorf("%v", row)
	}
	if row := rows["tofu-encrypted.tfstate"]; row["format"] != "encrypted" || row["managed"] != nil || row["types"] != nil || row["serial"] == nil || row["digest"] != "ok" {
		t.Errorf("%v", row)
	}
	if row := rows["terraform-0.11.tfstate"]; row["format"] != "3" || row["managed"] == nil || row["managed"] == 0.0 || !strings.HasPrefix(row["terraform_version"].(string), "0.11.") {
		t.Errorf("%v", row)
	}
	if again := s.inventory(); again.Read != 0 || again.States != len(samples) {
		t.Errorf("nothing changed, and it read %d of %d", again.Read, again.States)
	}
}
