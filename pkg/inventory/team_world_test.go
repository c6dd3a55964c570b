package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
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
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// checker is what a test and a property have in common.
type checker interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// team are the clients of one state whose locks no scan ever meets, and the inventories between
// their runs.
type team struct {
	checker
	aws     *inprocess.AWS
	s3      *s3.Client
	rows    *dynamodb.Client
	i       *inventory.Inventory
	now     time.Time
	serial  int
	newest  string    // the MD5 of the state
	version string    // its ID
	digest  string    // in the table
	free    time.Time // since then there is no lock object
	last    inventory.Report
}

func newTeam(t checker) *team {
	t.Helper()
	m := &team{checker: t, now: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)}
	m.aws = inprocess.New(func() time.Time { return m.now }, 0)
	cfg := m.aws.Config()
	m.s3, m.rows = s3.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	var tables []string
	for _, name := range []string{"locks", "left"} {
		if _, err := m.rows.CreateTable(context.Background(), &dynamodb.CreateTableInput{TableName: &name, KeySchema: []ddb.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: ddb.KeyTypeHash}}, AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: ddb.ScalarAttributeTypeS}}}); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, "arn:aws:dynamodb:"+local.Region+":123456789012:table/"+name)
	}
	set, err := backend.Open(cfg, tables, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := policy.ParsePaths("**/*.tfstate")
	if err != nil {
		t.Fatal(err)
	}
	m.i = &inventory.Inventory{
		Stores: set, Files: backend.NewFiles(cfg, "states"), Composer: alert.Composer{Account: "123456789012", Region: local.Region},
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), "topic"), Meter: metric.NewPublisher(cfg, "Test"), Paths: paths,
		Now: func() time.Time { return m.now }, Wait: func(context.Context, time.Duration) error { return nil }, Log: slog.New(slog.DiscardHandler),
		History: nothingSeen{},
	}
	return m
}

func (m *team) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *team) after(d time.Duration) { m.now = m.now.Add(d) }

func (m *team) takeObject() {
	_, err := m.s3.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("states"), Key: aws.String(key + ".tflock"), Body: strings.NewReader("{}")})
	m.must(err)
}

func (m *team) removeObject() {
	_, err := m.s3.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String("states"), Key: aws.String(key + ".tflock")})
	m.must(err)
	m.free = m.now
}

// write writes the next serial.
func (m *team) write() {
	m.serial++
	content := stateOf(m.serial, "one")
	out, err := m.s3.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("states"), Key: aws.String(key), Body: strings.NewReader(content)})
	m.must(err)
	m.newest, m.version = sum(content), aws.ToString(out.VersionId)
}

// record writes the digest into the table that the team uses, or deletes it where the value is empty.
func (m *team) record(value string) {
	m.digest = value
	m.digestIn("locks", value)
}

// leave writes one into the table that the team used before.
func (m *team) leave(value string) { m.digestIn("left", value) }

func (m *team) digestIn(table, value string) {
	id := &ddb.AttributeValueMemberS{Value: "states/" + key + "-md5"}
	if value == "" {
		_, err := m.rows.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]ddb.AttributeValue{"LockID": id}})
		m.must(err)
		return
	}
	_, err := m.rows.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]ddb.AttributeValue{"LockID": id, "Digest": &ddb.AttributeValueMemberS{Value: value}}})
	m.must(err)
}

// column is how the report says that the state is locked.
func (m *team) column() string {
	body, err := m.i.Files.Read(context.Background(), inventory.FileStates)
	m.must(err)
	var row struct{ Locking string }
	m.must(json.NewDecoder(body).Decode(&row))
	return row.Locking
}

// readable has somebody repair the digest by hand, without which a client of the table fails.
func (m *team) readable() {
	if m.digest != "" && m.digest != m.newest {
		m.record("")
	}
}

// The steps of a team, by the letter of each.
var steps = map[rune]func(m *team){
	'T': func(m *team) { // an apply by the table alone
		m.readable()
		m.write()
		m.record(m.newest)
	},
	'L': func(m *team) { // an apply by lockfile alone
		m.takeObject()
		m.after(4 * time.Second)
		m.write()
		m.after(time.Second)
		m.removeObject()
	},
	'B': func(m *team) { // an apply by both, that writes the state twice
		m.readable()
		m.takeObject()
		m.after(4 * time.Second)
		m.write()
		m.record(m.newest)
		m.after(20 * time.Second)
		m.write()
		m.record(m.newest)
		m.after(time.Second)
		m.removeObject()
	},
	'X': func(m *team) { // an apply by both, whose digest AWS refuses
		m.readable()
		m.takeObject()
		m.after(4 * time.Second)
		m.write()
		m.after(time.Second)
		m.removeObject()
	},
	'K': func(m *team) { // an apply by both, that dies before it writes the digest, and whose lock somebody releases
		m.readable()
		m.takeObject()
		m.after(4 * time.Second)
		m.write()
		m.after(20 * time.Minute)
		m.removeObject()
	},
	'p': func(m *team) { // a plan, by a client that takes the lock object
		m.takeObject()
		m.after(7 * time.Second)
		m.removeObject()
	},
	'h': func(m *team) { m.write() }, // a state that is copied there by hand
	'a': func(m *team) { // somebody sets the digest by hand
		if m.newest != "" {
			m.record(m.newest)
		}
	},
	'd': func(m *team) { m.record("") }, // somebody deletes the digest
	'i': func(m *team) { // an inventory
		m.after(2 * time.Minute)
		report, err := m.i.Run(context.Background(), inventory.Request{})
		m.must(err)
		m.last = report
	},
}

// do takes these steps, ten minutes apart.
func (m *team) do(sequence string) {
	m.Helper()
	for _, step := range sequence {
		m.after(10 * time.Minute)
		steps[step](m)
	}
}

// found is the type and the severity of each finding.
func (m *team) found() (all []string) {
	for _, f := range m.last.Findings {
		all = append(all, fmt.Sprintf("%s %s", f.Severity, f.Type))
	}
	return all
}
