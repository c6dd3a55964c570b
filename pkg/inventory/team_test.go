package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
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

// What versions show of clients whose locks no scan met: who moved to lockfiles is not warned of
// the digests that are left over, and who moved in part is.
func TestWhatVersionsShowOfHowATeamLocks(t *testing.T) {
	t.Parallel()
	const warning, info, mixed = "warning digest_mismatch", "info digest_mismatch", "critical mixed_locking"
	for name, tc := range map[string]struct {
		steps string
		want  []string
	}{
		"all by table":                       {"TiTTiTiTTTi", nil},
		"all by lockfile, and never a table": {"LiLLiLi", nil},
		"all by both":                        {"BiBBiBi", nil},
		"the first apply after a move from table to lockfile": {"TiTiLi", []string{info}},
		"the same, found by the first inventory":              {"TTLi", []string{info}},
		"and applies after that":                              {"TiTiLiLiLi", []string{info}},
		"a move in two steps":                                 {"TiTiBiBiLi", []string{info}},
		"and applies after those":                             {"TiTiBiBiLiLLi", []string{info}},
		"a move, and the digest is deleted":                   {"TiTiBiBiLidLi", nil},
		"some by table, others by both already":               {"TiBiTiBiTiBi", nil},
		"some by both, others by lockfile already":            {"BiLidBiLidBiLidi", nil},
		"back from lockfile to table: one change":             {"LiLidTiTi", nil},
		"a digest that was not written":                       {"TiTihi", []string{warning}},
		"of a client that locks in both and died":             {"BiBiKi", []string{warning}},
		"of a client that locks in both, and AWS refused it":  {"BiBiXi", []string{info}},
		"lockfile, table, lockfile":                           {"TiLiTiLi", []string{mixed, info}},
		"and the table again":                                 {"TiLiTiLiTi", []string{mixed}},
		"with plans in between":                               {"TipLpiTiLppi", []string{mixed, info}},
		"of which an inventory sees only some":                {"TipTTLiTTLLTLi", []string{mixed, info}},
		"and all move to lockfiles":                           {"TiLiTiLidLiLiLi", []string{mixed}},
		"and all take both":                                   {"TiLiTiLidBiBi", []string{mixed}},
		"with many by both in between":                        {"TiLiTiBiTiBiTiBiTiBiTiLi", []string{mixed, info}},
		"a state that was copied between applies by lockfile": {"LiLihiLiLi", nil},
		"the same, and the digest set by hand":                {"BiLiaLiaLiai", nil},
		"some by table, others by both, whose digest somebody deletes before the inventory": {"TiBdiTiBdiTi", nil},
		"a copy by hand whose digest is set by hand later":                                  {"BiLidhiaiLi", []string{info}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t)
			m.do(tc.steps)
			if got := m.found(); !slices.Equal(got, tc.want) {
				t.Errorf("%s: %q, want %q: %+v", tc.steps, got, tc.want, m.last.Findings)
			}
		})
	}
}

// The report says how the latest version was written, also where no scan met a lock.
func TestTheColumnOfATeamThatNoScanMeets(t *testing.T) {
	t.Parallel()
	for steps, want := range map[string]string{"T": "", "Li": "", "LiLi": "", "BiLi": "lockfile", "BiBi": "both", "BiBiLi": "lockfile", "LiLidTi": "table", "BiLihi": "lockfile", "TiBdi": ""} {
		m := newTeam(t)
		m.do(steps + "i")
		if got := m.column(); got != want {
			t.Errorf("%s: %q, want %q", steps, got, want)
		}
	}
}

// Forty days after the last lock in the table the finding is gone.
func TestMixedLockingEnds(t *testing.T) {
	t.Parallel()
	m := newTeam(t)
	m.do("TiLiTiLid")
	for range 41 {
		m.after(24 * time.Hour)
		m.do("Li")
	}
	if len(m.last.Findings) != 0 {
		t.Errorf("%+v", m.last.Findings)
	}
}

// Who is called mixed is so, whatever the team does in between and whatever an inventory misses;
// and where an inventory follows each apply, everyone who is so is found.
func TestAMixedTeamIsFoundAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newTeam(t)
		always := rapid.Bool().Draw(t, "an inventory after each step")
		m.do("Ti")
		if rapid.Bool().Draw(t, "a digest is left in an earlier table") {
			m.leave(m.newest)
		}
		var did, shown []rune // the versions after that, by their writers: all, and those that leave proofs
		objects := false      // there was a lock object before
		for range rapid.IntRange(2, 14).Draw(t, "steps") {
			step := rapid.SampledFrom([]rune("TTTLLLBBpphd")).Draw(t, "step")
			m.after(time.Duration(rapid.SampledFrom([]int{0, 1, 3, 60, 3600}).Draw(t, "seconds")) * time.Second)
			if always {
				m.after(10 * time.Second)
			}
			steps[step](m)
			switch step {
			case 'T':
				did = append(did, 'T')
				if objects {
					shown = append(shown, 'T')
				}
			case 'L':
				objects = true
				did = append(did, 'L')
				if m.digest != "" { // without any, nobody knows whether one was deleted
					shown = append(shown, 'L')
				}
			case 'B', 'p':
				objects = true
			case 'h': // without a lock, in the second in which another client has one
				if m.now.Sub(m.free) < time.Second {
					did = append(did, 'L')
				}
			}
			if always || rapid.IntRange(0, 2).Draw(t, "inventory") == 0 {
				steps['i'](m)
				is := slices.Contains(m.found(), "critical mixed_locking")
				if is && changes(did) < 2 || always && !is && changes(shown) >= 2 {
					t.Fatalf("mixed %v of the writers %q, of whom %q leave proofs: %+v", is, string(did), string(shown), m.last.Findings)
				}
			}
		}
	})
}

func changes(kinds []rune) int { return len(slices.Compact(slices.Clone(kinds))) - 1 }

// nothingSeen is a monitor whose scans met no lock.
type nothingSeen struct{}

func (nothingSeen) Locking(context.Context, func(tflock.Path) bool) (map[tflock.Path][]ledger.Use, error) {
	return map[tflock.Path][]ledger.Use{}, nil
}
