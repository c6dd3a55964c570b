package unlock_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// conditions are those of an automatic release, each with what alone violates it and with
// the reason that people then read.
var conditions = map[string]struct {
	violate func(p *pipeline)
	reason  string
}{
	"its run is in progress":                     {func(p *pipeline) { p.lives("1") }, "its run is in progress"},
	"its run is not known":                       {func(p *pipeline) { p.github.Refuse(http.StatusNotFound) }, "whether its run is over is not known"},
	"its run ended before it was taken":          {func(p *pipeline) { p.ends("1", -time.Hour) }, "before this lock was taken"},
	"nothing names a run":                        {func(p *pipeline) { p.tag("env/x", map[string]string{"owner": "ada"}) }, "no CI run is known to be behind it"},
	"a tag names another run that lives":         {func(p *pipeline) { p.lives("2"); p.tag("env/x", map[string]string{"run": "gh-1-2"}) }, "its run is in progress"},
	"its run ended within the guard":             {func(p *pipeline) { p.ends("1", 16*minute) }, "the lock is released 10m after that at the earliest"},
	"its state was written since":                {func(p *pipeline) { p.outlive() }, "after its run had ended"},
	"another lock is on its state":               {func(p *pipeline) { p.unlockRow("env/x"); p.Lock("env/x", "another", p.Set.Tables[0]) }, "another lock is on the same state"},
	"a table cannot be read":                     {func(p *pipeline) { p.watchNothing() }, "not everything could be read"},
	"its object has the tag":                     {func(p *pipeline) { p.tag("env/x", map[string]string{"run": "gh-1-1", policy.KeepTag: ""}) }, "its object has the tag " + policy.KeepTag},
	"its tags cannot be read":                    {func(p *pipeline) { p.hideTags() }, "the tags of its object are not known"},
	"its state is locked by another name":        {func(p *pipeline) { p.Lock("env//x", "another", p.Set.Tables[0]) }, "the same state is locked by another name"},
	"the session that took it could not be read": {func(p *pipeline) { p.loseSessions() }, "the session that took the lock could not be read"},
	"somebody pressed Keep":                      {func(p *pipeline) { p.keep("env/x") }, "ada asked to keep the lock"},
}

// outlive has the run end a minute before the state was written, and after the lock was taken.
func (p *pipeline) outlive() {
	p.Helper()
	if err := server.Age(p.Bucket, "env/x", 2*minute); err != nil {
		p.Fatal(err)
	}
	p.state("env/x")
	p.ends("1", -minute)
}

// watchNothing has a table be watched that does not exist.
func (p *pipeline) watchNothing() {
	p.Helper()
	gone := strings.Replace(p.TableARN, p.Table, p.Table+"-gone", 1)
	set, err := backend.Open(server.Config(), []string{p.TableARN, gone}, []string{p.BucketARN})
	if err != nil {
		p.Fatal(err)
	}
	p.Set = set
}

// hideTags has S3 refuse to say what tags objects have.
func (p *pipeline) hideTags() {
	p.Helper()
	cfg := server.Config()
	cfg.HTTPClient = noTags{cfg.HTTPClient}
	set, err := backend.Open(cfg, []string{p.TableARN}, []string{p.BucketARN})
	if err != nil {
		p.Fatal(err)
	}
	p.Set = set
}

// nameOften has the table get rows of the state under more names than anybody gives it.
func (p *pipeline) nameOften() {
	p.Helper()
	for i := range 40 {
		row := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: string(p.Path("env"+strings.Repeat("/", i+2)+"x")) + "-md5"}}
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(p.Context(), &dynamodb.PutItemInput{TableName: &p.TableARN, Item: row}); err != nil {
			p.Fatal(err)
		}
	}
}

// loseSessions has the records of who took locks be kept, and the ledger fail to give them.
func (p *pipeline) loseSessions() {
	p.witnesses = ledger.NewWitnesses(dynamodb.NewFromConfig(server.ConfigOver(&local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".BatchGetItem") }})), p.Ledger)
}

// noTags is a way to S3 on which questions about tags are refused.
type noTags struct{ aws.HTTPClient }

func (n noTags) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Has("tagging") {
		return &http.Response{
			StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/xml"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)),
		}, nil
	}
	return n.HTTPClient.Do(r)
}

// page is what the dashboard shows so long after the beginning.
func (p *pipeline) page(after time.Duration) string {
	p.Helper()
	c := console.Console{
		Scanner: scan.New(p.Set, p.unlocker(after).Rules, func() time.Time { return p.began.Add(after) }),
		Ledger:  p.memory(), AutoReleases: p.autoReleases(), Unlock: "arn:aws:lambda:eu-central-1:123456789012:function:unlock",
	}
	page, err := local.ParsePage(c.Answer(p.Context(), []byte(`{"widgetContext":{}}`), "arn:aws:lambda:eu-central-1:123456789012:function:console"))
	if err != nil {
		p.Fatal(err)
	}
	return page.Text(nil)
}

// A store that ignores the conditions of deletes is no place for a plan: the unlock function
// refuses there, and people would be promised a release again and again.
func TestALockInAStoreThatIgnoresConditionsIsNotPlanned(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		store *local.Careless
		says  string
	}{
		"it ignores them":                 {&local.Careless{Ignores: "If-Match"}, "ignores the condition of a delete"},
		"whether it does cannot be known": {&local.Careless{Denies: http.MethodPut}, "honours conditional requests is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustNotBePlanned(t, tc.store, tc.says)
		})
	}
}

func mustNotBePlanned(t *testing.T, store *local.Careless, says string) {
	t.Helper()
	p := newPipeline(t, policy.AutoRelease)
	cfg := server.Config()
	cfg.HTTPClient = store
	set, err := backend.Open(cfg, []string{p.TableARN}, []string{p.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	set.Distrust()
	p.Set = set
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12*minute, 17*minute, 22*minute)
	if got := p.published(); slices.Contains(got, "lock.release_planned") || slices.Contains(got, "lock.refused") || p.invoked > 0 || len(p.held()) != 1 {
		t.Errorf("published %q, invoked %d times", got, p.invoked)
	}
	if said := p.said.String(); !strings.Contains(said, `msg="not released automatically"`) || !strings.Contains(said, says) {
		t.Errorf("the log does not say why: %s", said)
	}
}

// Each condition that is violated alone keeps the lock at the plan: nobody is promised
// anything, and the log and the dashboard say why.
func TestEachConditionAloneStopsThePlan(t *testing.T) {
	t.Parallel()
	for name, c := range conditions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.take("env/x", "1")
			p.ends("1", minute)
			whole := p.Set
			c.violate(p)
			for _, at := range []time.Duration{17 * minute, 22 * minute} {
				_ = p.scanAt(at) // it fails where a table cannot be read
			}
			page := p.page(22*minute + time.Second)
			p.Set = whole // what is held is asked of stores that answer
			if got := p.published(); slices.Contains(got, "lock.release_planned") || slices.Contains(got, "lock.released") || p.invoked > 0 || len(p.held()) == 0 {
				t.Errorf("published %q, invoked %d times, held %q", got, p.invoked, p.held())
			}
			if said := p.said.String(); !strings.Contains(said, `msg="not released automatically"`) || !strings.Contains(said, c.reason) {
				t.Errorf("the log does not say %q", c.reason)
			}
			if !strings.Contains(page, "Not released automatically: ") || !strings.Contains(page, c.reason) {
				t.Errorf("the dashboard does not say %q: %s", c.reason, page)
			}
		})
	}
}

// The same in the moment between the monitor's claim and the release: the unlock function
// refuses, with the reason.
func TestEachConditionAloneStopsTheRelease(t *testing.T) {
	t.Parallel()
	for name, c := range conditions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.take("env/x", "1")
			p.ends("1", minute)
			p.scans(17 * minute)
			whole := p.Set
			p.before = func() { c.violate(p) }
			if err := p.scanAt(22 * minute); err != nil || p.invoked != 1 || len(p.outcomes) != 1 {
				t.Fatalf("%v, invoked %d times: %q", err, p.invoked, p.outcomes)
			}
			p.Set = whole
			if said := p.outcomes[0]; !strings.HasPrefix(said, "refused Not released: not released automatically: ") || !strings.Contains(said, c.reason) {
				t.Errorf("the unlock function says %q, and not %q", said, c.reason)
			}
			if got := p.published(); !slices.Contains(got, "lock.refused") || slices.Contains(got, "lock.released") || len(p.held()) == 0 {
				t.Errorf("published %q, held %q", got, p.held())
			}
		})
	}
}

// A state with more names in the table than can be asked for is released by nobody automatically: it
// may be locked by one of them. A person decides by age and state alone, as ever.
func TestAStateWithManyNamesIsNotReleasedAutomatically(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(17 * minute)
	p.before = p.nameOften
	p.scans(22 * minute)
	if len(p.outcomes) != 1 || !strings.HasPrefix(p.outcomes[0], "refused ") || !strings.Contains(p.outcomes[0], "whether another lock is on the same state is not known") || len(p.held()) != 1 {
		t.Errorf("%q, held %q", p.outcomes, p.held())
	}
	a, err := p.unlocker(22*minute).Run(t.Context(), request(p.world, idOf("env/x"), `,"path":"`+string(p.Path("env/x"))+`"`), "by hand")
	if err != nil || a.Outcome != unlock.Released {
		t.Errorf("by hand: %+v, %v", a, err)
	}
}
