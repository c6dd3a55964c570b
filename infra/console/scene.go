package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
)

// scene is what the page shows: locks that real clients left, one that a client holds,
// a row of another tool, and a lock that means harm.
type scene struct {
	stack *local.Stack
	dir   string
	alive *local.Run
	left  map[string]*local.Workspace // by key of the state
}

func (s *scene) end() {
	if s.alive != nil {
		_ = s.alive.Kill() // one that came to its end is gone already
	}
}

func (s *scene) play(ctx context.Context) error {
	clients, err := local.Clients()
	if err != nil {
		return err
	}
	if err := s.stale(ctx, clients[0]); err != nil {
		return err
	}
	for i, key := range []string{"network/production/terraform.tfstate", "app/staging/terraform.tfstate", "branches/feature-x/terraform.tfstate"} {
		client, mode := clients[i%len(clients)], local.Modes[i]
		step("%s apply on %s, locking by %s, dies of kill -9", client.Name, key, mode)
		dir, err := s.folder(key)
		if err != nil {
			return err
		}
		if s.left[key], err = s.stack.Leave(ctx, client, dir, key, mode); err != nil {
			return err
		}
	}
	if err := s.strangers(ctx); err != nil {
		return err
	}
	step("the monitor scans; then all wait until those locks are stuck, and another apply starts and lives")
	if err := s.invoke(ctx, "monitor", "MonitorFunction", "{}"); err != nil {
		return err
	}
	if err := s.mismatch(ctx, clients[0]); err != nil { // its second look takes as long as that
		return err
	}
	const healthy = "database/production/terraform.tfstate"
	dir, err := s.folder(healthy)
	if err != nil {
		return err
	}
	if _, s.alive, err = s.stack.Hold(ctx, clients[0], dir, healthy, local.ByBoth, local.TenMinutes); err != nil {
		return err
	}
	return s.invoke(ctx, "monitor", "MonitorFunction", "{}")
}

// folder makes an empty one for a state's configuration.
func (s *scene) folder(key string) (string, error) {
	dir := filepath.Join(s.dir, strings.ReplaceAll(key, "/", "-"))
	return dir, os.Mkdir(dir, 0o700)
}

// strangers puts a row that no client wrote into the lock table, and a lock whose
// holder is called by a piece of HTML.
func (s *scene) strangers(ctx context.Context) error {
	client, table := dynamodb.NewFromConfig(s.stack.AWS().Config()), s.stack.Outputs["LockTableName"]
	text := func(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }
	hostile := fmt.Sprintf(`{"ID":"<script>alert(1)</script>","Operation":"OperationTypeApply","Info":"","Who":"<img src=x onerror=alert(1)>@host","Version":"1.11.4","Created":%q,"Path":"x"}`,
		time.Now().UTC().Format(time.RFC3339Nano))
	for _, row := range []map[string]types.AttributeValue{
		{"LockID": text("deploy-of-another-tool"), "Owner": text("nobody knows")},
		{"LockID": text(s.stack.Outputs["StateBucketName"] + "/hostile/terraform.tfstate"), "Info": text(hostile)},
	} {
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(table), Item: row}); err != nil {
			return err
		}
	}
	return nil
}

// plan has the client of every lock that was left plan again. At least one works: a
// browser has pressed its button.
func (s *scene) plan(ctx context.Context) error {
	step("the clients plan again")
	free := 0
	for _, key := range slices.Sorted(maps.Keys(s.left)) {
		_, err := s.left[key].Run(ctx, "plan")
		switch {
		case err == nil:
			free++
			fmt.Printf("  %s: plan succeeded, the lock is gone\n", key)
		case strings.Contains(err.Error(), "Error acquiring the state lock"):
			fmt.Printf("  %s: still locked\n", key)
		default:
			return err
		}
	}
	if free == 0 {
		return errors.New("no lock was released")
	}
	return nil
}
