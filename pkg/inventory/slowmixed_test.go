//go:build !race

package inventory_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// crowdOfTeams are clients of many states.
type crowdOfTeams struct {
	*testing.T
	s3     *s3.Client
	rows   *dynamodb.Client
	i      *inventory.Inventory
	serial int
}

func newCrowdOfTeams(t *testing.T) *crowdOfTeams {
	t.Helper()
	at := inprocess.New(time.Now, 0)
	inside := at.Config().HTTPClient.(inprocess.Calls)
	cfg := at.Config()
	distant := inprocess.ConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		takes := 400 * time.Millisecond // some forty times as long as a call takes, so that a fortieth of the states is enough
		if get, ok := input.(*s3.GetObjectInput); ok && strings.Contains(*get.Key, "huge/") {
			takes = 11 * time.Minute
		}
		if err := inventory.Sleep(ctx, takes); err != nil {
			<-ctx.Done()
			return nil, err
		}
		return inside(ctx, operation, input)
	})
	m := &crowdOfTeams{T: t, s3: s3.NewFromConfig(cfg), rows: dynamodb.NewFromConfig(cfg)}
	for name, keys := range map[string][]string{"locks": {"LockID"}, "ledger": {"kind", "id"}} {
		in := &dynamodb.CreateTableInput{TableName: &name}
		for i, k := range keys {
			in.KeySchema = append(in.KeySchema, ddb.KeySchemaElement{AttributeName: aws.String(k), KeyType: []ddb.KeyType{ddb.KeyTypeHash, ddb.KeyTypeRange}[i]})
			in.AttributeDefinitions = append(in.AttributeDefinitions, ddb.AttributeDefinition{AttributeName: aws.String(k), AttributeType: ddb.ScalarAttributeTypeS})
		}
		if _, err := m.rows.CreateTable(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	set, err := backend.Open(distant, []string{"arn:aws:dynamodb:" + local.Region + ":123456789012:table/locks"}, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := policy.ParsePaths("**/*.tfstate")
	if err != nil {
		t.Fatal(err)
	}
	asked := dynamodb.NewFromConfig(distant)
	m.i = &inventory.Inventory{
		Stores: set, Files: backend.NewFiles(cfg, "states"), Composer: alert.Composer{Account: "123456789012", Region: local.Region},
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), "topic"), Meter: metric.NewPublisher(cfg, "Test"), Paths: paths,
		Now: time.Now, Wait: inventory.Sleep, Log: slog.New(slog.DiscardHandler),
		History: nothingSeen{}, Own: ledger.NewRepairs(asked, "ledger"), Writers: ledger.NewWitnesses(asked, "ledger"),
	}
	return m
}

func (m *crowdOfTeams) put(key, body string) {
	m.Helper()
	if _, err := m.s3.PutObject(m.Context(), &s3.PutObjectInput{Bucket: aws.String("states"), Key: &key, Body: strings.NewReader(body)}); err != nil {
		m.Fatal(err)
	}
}

// apply writes all of these states, by the table or by lockfile.
func (m *crowdOfTeams) apply(byTable bool, keys ...string) {
	m.Helper()
	time.Sleep(10 * time.Minute)
	m.serial++
	if !byTable {
		for _, key := range keys {
			m.put(key+".tflock", "{}")
		}
		time.Sleep(4 * time.Second)
	}
	for _, key := range keys {
		content := stateOf(m.serial, key)
		m.put(key, content)
		if !byTable {
			continue
		}
		if _, err := m.rows.PutItem(m.Context(), &dynamodb.PutItemInput{TableName: aws.String("locks"), Item: map[string]ddb.AttributeValue{
			"LockID": &ddb.AttributeValueMemberS{Value: "states/" + key + "-md5"}, "Digest": &ddb.AttributeValueMemberS{Value: sum(content)},
		}}); err != nil {
			m.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	for _, key := range keys {
		if byTable {
			break
		}
		if _, err := m.s3.DeleteObject(m.Context(), &s3.DeleteObjectInput{Bucket: aws.String("states"), Key: aws.String(key + ".tflock")}); err != nil {
			m.Fatal(err)
		}
	}
}

func (m *crowdOfTeams) inventory() inventory.Report {
	m.Helper()
	time.Sleep(2 * time.Minute)
	ctx, cancel := context.WithTimeout(m.Context(), 15*time.Minute)
	defer cancel()
	report, _ := m.i.Run(ctx, inventory.Request{}) // not everything could be looked at in time
	return report
}

// Whoever writes very many states in ways that exclude each other, again and again, keeps nobody from learning of the same of others.
func TestManyMixedStatesTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newCrowdOfTeams(t)
		var all []string
		for i := range 75 {
			all = append(all, fmt.Sprintf("team-a/%05d.tfstate", i))
		}
		const other = "team-b/x.tfstate"
		m.put("team-a/huge/x.tfstate", stateOf(1, "huge"))
		found := false
		for i := range 8 {
			if m.apply(i%2 == 0, all...); i > 2 {
				m.apply(i%2 == 0, other)
			}
			found = slices.ContainsFunc(m.inventory().Findings, func(f policy.StateFinding) bool {
				return f.Path == "states/"+other && f.Type == policy.FindingMixedLocking
			})
		}
		if !found {
			t.Error("nobody learns that team-b's clients do not exclude each other")
		}
	})
}
