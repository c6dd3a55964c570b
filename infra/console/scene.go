package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	*local.Team
	clients []local.Client
	left    map[string]*local.Workspace // by key of the state
}

func (s *scene) play(ctx context.Context) error {
	if err := s.stale(ctx); err != nil {
		return err
	}
	for i, key := range []string{"network/production/terraform.tfstate", "app/staging/terraform.tfstate", "branches/feature-x/terraform.tfstate"} {
		client, mode := s.clients[i%len(s.clients)], local.Modes[i]
		step("%s apply on %s, locking by %s, dies of kill -9", client.Name, key, mode)
		w, err := s.Leave(ctx, client, key, mode)
		if err != nil {
			return err
		}
		s.left[key] = w
	}
	if err := s.strangers(ctx); err != nil {
		return err
	}
	step("the monitor scans; then all wait until those locks are stuck, and another apply starts and lives")
	if err := s.Scan(ctx); err != nil {
		return err
	}
	if err := s.mismatch(ctx); err != nil { // its second look takes as long as that
		return err
	}
	if _, _, err := s.Hold(ctx, "database/production/terraform.tfstate", local.ByBoth); err != nil {
		return err
	}
	return s.Scan(ctx)
}

// strangers puts a row that no client wrote into the lock table, and a lock whose
// holder is called by a piece of HTML.
func (s *scene) strangers(ctx context.Context) error {
	client, table := dynamodb.NewFromConfig(s.AWS().Config()), s.Outputs["LockTableName"]
	text := func(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }
	hostile := fmt.Sprintf(`{"ID":"<script>alert(1)</script>","Operation":"OperationTypeApply","Info":"","Who":"<img src=x onerror=alert(1)>@host","Version":"1.11.4","Created":%q,"Path":"x"}`,
		time.Now().UTC().Format(time.RFC3339Nano))
	for _, row := range []map[string]types.AttributeValue{
		{"LockID": text("deploy-of-another-tool"), "Owner": text("nobody knows")},
		{"LockID": text(s.Outputs["StateBucketName"] + "/hostile/terraform.tfstate"), "Info": text(hostile)},
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
