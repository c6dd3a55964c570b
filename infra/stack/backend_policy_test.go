package stack_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/local"
)

// A role with nothing but the stack's TerraformBackendPolicy does a team's whole work in
// the stack's backend, with each client and each way of locking, and none elsewhere.
func TestTerraformBackendPolicyIsEnough(t *testing.T) {
	backend := deploy(t, "backend", nil)
	team := roleWith(t, "team", backend.Resources["TerraformBackendPolicy"])
	own := place{backend.Outputs["StateBucketName"], backend.Outputs["LockTableName"], "app", "env:"}
	otherBucket, otherTable := own, own
	otherBucket.bucket, otherTable.table = "not-ours", "not-ours"
	makePlace(t, "not-ours")
	eachClientAndMode(t, func(t *testing.T, client local.Client, mode local.Mode) {
		workIn(t, team, client, mode, own)
		if err := refusedIn(t, team, client, mode, otherBucket); err != "" {
			t.Error(err)
		}
		if mode != local.ByFile { // else there is no table
			if err := refusedIn(t, team, client, mode, otherTable); err != "" {
				t.Error(err)
			}
		}
	})
}

// The policy of infra/iam/team-policy.yaml is enough for a team's prefix, and refuses
// the prefix of another team in the same bucket and table.
func TestATeamKeepsToItsPrefix(t *testing.T) {
	makePlace(t, "shared")
	policy, err := server.DeployTemplate(t.Context(), filepath.Join(local.Root(), "infra", "iam", "team-policy.yaml"), "team-a-policy",
		map[string]string{"StateBucket": "shared", "LockTable": "shared", "Prefix": "team-a"})
	if err != nil {
		t.Fatal(err)
	}
	team := roleWith(t, "team-a", policy.Outputs["TeamBackendPolicyArn"])
	own := place{"shared", "shared", "team-a/app", "team-a/env:"}
	other := place{"shared", "shared", "team-b/app", "team-b/env:"}
	eachClientAndMode(t, func(t *testing.T, client local.Client, mode local.Mode) {
		workIn(t, team, client, mode, own)
		if err := refusedIn(t, team, client, mode, other); err != "" {
			t.Error(err)
		}
	})

	// The bucket would have refused already: the table does too.
	row := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: "shared/team-b/app/terraform.tfstate"}}
	table := dynamodb.NewFromConfig(team.Config())
	_, put := table.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("shared"), Item: row})
	_, get := table.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("shared"), Key: row})
	_, remove := table.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("shared"), Key: row})
	for name, err := range map[string]error{"take": put, "read": get, "release": remove} {
		if !denied(err) {
			t.Errorf("the team may %s another team's lock: %v", name, err)
		}
	}
	// Who wrote a lock object, and its tags, say which run is behind it: nobody else may change either.
	theirs := aws.String("team-b/app/terraform.tfstate.tflock")
	_, err = server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shared"), Key: theirs, Body: strings.NewReader("{}")})
	check(t, err)
	_, replace := team.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shared"), Key: theirs, Body: strings.NewReader("{}")})
	_, tag := team.S3().PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: aws.String("shared"), Key: theirs, Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("run"), Value: aws.String("gh-1-2")}}},
	})
	for name, err := range map[string]error{"replace": replace, "tag": tag} {
		if !denied(err) {
			t.Errorf("the team may %s another team's lock object: %v", name, err)
		}
	}
	_, err = team.S3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("shared"), Key: aws.String("team-a/app/tofu-both/terraform.tfstate")})
	if !denied(err) {
		t.Errorf("the team may delete the state of the default workspace: %v", err)
	}
}

// place is where states and their locks go: those of workspaces other than the default
// are under their own prefix.
type place struct{ bucket, table, folder, workspaces string }

func (p place) open(t *testing.T, as *local.AWS, client local.Client, mode local.Mode) (*local.Workspace, error) {
	t.Helper()
	// A state has one way of locking: another leaves its digest behind.
	key := fmt.Sprintf("%s/%s-%s/terraform.tfstate", p.folder, client.Name, mode)
	w, err := as.Workspace(t.Context(), client, t.TempDir(), p.bucket, p.table, key, mode)
	if err != nil {
		return nil, err
	}
	_, err = w.Run(t.Context(), "init", "-reconfigure", "-backend-config=workspace_key_prefix="+p.workspaces)
	return w, err
}

// heldLock is how a client says which lock it met, coloured or not.
var heldLock = regexp.MustCompile(`ID: +([0-9a-f-]{36})`)

// workIn does what a team does with a state: all of it must succeed.
func workIn(t *testing.T, as *local.AWS, client local.Client, mode local.Mode, p place) {
	t.Helper()
	w, err := p.open(t, as, client, mode)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"apply", "-auto-approve"},
		{"plan"},
		{"workspace", "new", "feature"},
		{"apply", "-auto-approve"},
		{"destroy", "-auto-approve"},
		{"workspace", "select", "default"},
		{"workspace", "delete", "feature"},
		{"destroy", "-auto-approve"},
	} {
		out, err := w.Run(t.Context(), args...)
		if id := heldLock.FindStringSubmatch(out); err != nil && id != nil {
			// Nobody else is here: the client met its own lock, when an answer of the local
			// AWS was lost and it asked again. The team's way out is in the policy too.
			t.Logf("%v met its own lock %s", args, id[1])
			locked := w
			if strings.Contains(out, p.workspaces+"/feature/") { // the path that it locked, whatever is selected
				locked = w.In("feature")
			}
			if _, err := locked.Run(t.Context(), "force-unlock", id[1]); err != nil {
				t.Fatal(err)
			}
			out, err = w.Run(t.Context(), args...)
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "releasing the state lock") {
			t.Errorf("%v left its lock behind:\n%s", args, out)
		}
	}
}

// refusedIn says what is wrong when a place does not refuse an apply for lack of
// permission.
func refusedIn(t *testing.T, as *local.AWS, client local.Client, mode local.Mode, p place) string {
	t.Helper()
	w, err := p.open(t, as, client, mode)
	if err == nil {
		_, err = w.Run(t.Context(), "apply", "-auto-approve")
	}
	if err == nil {
		return fmt.Sprintf("%+v does not refuse", p)
	}
	if !strings.Contains(err.Error(), "AccessDenied") && !strings.Contains(err.Error(), "Forbidden") {
		return fmt.Sprintf("%+v refuses for another reason: %v", p, err)
	}
	return ""
}

func eachClientAndMode(t *testing.T, try func(t *testing.T, client local.Client, mode local.Mode)) {
	t.Helper()
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		for _, mode := range local.Modes {
			t.Run(fmt.Sprintf("%s locks by %s", client.Name, mode), func(t *testing.T) { try(t, client, mode) })
		}
	}
}

func deploy(t *testing.T, name string, parameters map[string]string) *local.Stack {
	t.Helper()
	s, err := server.Deploy(t.Context(), name, parameters)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// roleWith is the AWS in a session of a new role with that policy.
func roleWith(t *testing.T, name, policyARN string) *local.AWS {
	t.Helper()
	role, err := server.MakeRole(t.Context(), name, policyARN)
	if err != nil {
		t.Fatal(err)
	}
	session, err := server.As(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// makePlace makes a bucket and a lock table of that name.
func makePlace(t *testing.T, name string) {
	t.Helper()
	if _, err := server.MakeBucket(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := server.MakeTable(t.Context(), name, "LockID"); err != nil {
		t.Fatal(err)
	}
}
