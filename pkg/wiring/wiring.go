package wiring

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/caarlos0/env/v11"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/version"
)

// LockSettings is the environment of a function that looks at locks and judges them.
// Durations are Go's, above zero; lists are comma-separated; a name in an ARN may contain *.
type LockSettings struct {
	Watched
	Ledger       string        `env:"LEDGER_TABLE,notEmpty"`
	StuckAfter   time.Duration `env:"STUCK_AFTER" envDefault:"30m"`
	Overrides    string        `env:"STUCK_AFTER_OVERRIDES"`
	ReleaseGuard time.Duration `env:"RELEASE_GUARD" envDefault:"10m"`
}

// Settings are the environment of a function that also notifies and measures.
type Settings struct {
	LockSettings
	Topic     string `env:"TOPIC_ARN,notEmpty"`
	Namespace string `env:"METRIC_NAMESPACE,notEmpty"`
}

// Parts are what functions are made of. The meter and the topic are those of a
// function with Settings only.
type Parts struct {
	Stores backend.Set
	Ledger Ledger
	Meter  *metric.Publisher
	Rules  policy.Rules
	Region string

	aws   aws.Config
	sns   aws.Config
	topic string
}

// Ledger is the ledger's table, as its parts.
type Ledger struct {
	Notifications *ledger.Notifications
	Releases      *ledger.Releases
	History       *ledger.History
	Prunes        *ledger.Prunes
	Repairs       *ledger.Repairs
	Reports       *ledger.Reports
	AutoReleases  *ledger.AutoReleases
	Witnesses     *ledger.Witnesses
}

// OpenLedger opens the ledger's table of that name.
func OpenLedger(client *dynamodb.Client, name string) Ledger {
	return Ledger{
		Notifications: ledger.NewNotifications(client, name),
		Releases:      ledger.NewReleases(client, name),
		History:       ledger.NewHistory(client, name),
		Prunes:        ledger.NewPrunes(client, name),
		Repairs:       ledger.NewRepairs(client, name),
		Reports:       ledger.NewReports(client, name),
		AutoReleases:  ledger.NewAutoReleases(client, name),
		Witnesses:     ledger.NewWitnesses(client, name),
	}
}

// trust is what the environment says of stores outside of AWS; the template says nothing of it.
type trust struct {
	Stores bool `env:"TRUST_STORES"` // they are not probed
}

// Load reads a function's settings, a struct with LockSettings or Settings in it, from the
// environment.
func Load[S any]() (S, error) { return env.ParseAs[S]() }

// Open makes the parts. Its error names everything that is wrong with the settings.
func (s LockSettings) Open() (Parts, error) {
	overrides, err := policy.ParseOverrides(s.Overrides)
	errs := []error{err, Positive("STUCK_AFTER", s.StuckAfter), Positive("RELEASE_GUARD", s.ReleaseGuard)}
	cfg, err := AWS()
	errs = append(errs, err)
	inTables, err := For(cfg, dynamodb.ServiceID)
	errs = append(errs, err)
	inBuckets, err := For(cfg, s3.ServiceID)
	errs = append(errs, err)
	tables, buckets := s.ARNs(cfg.Region)
	set, err := backend.OpenEach(inTables, inBuckets, tables, buckets)
	if err := errors.Join(append(errs, err)...); err != nil {
		return Parts{}, err
	}
	set.Account = s.Account
	if trust, err := env.ParseAs[trust](); err != nil || !trust.Stores {
		set.Distrust()
	}
	return Parts{
		Stores: set, Region: cfg.Region,
		Ledger: OpenLedger(dynamodb.NewFromConfig(inTables), s.Ledger),
		Rules:  policy.Rules{Thresholds: policy.Thresholds{Default: s.StuckAfter, Overrides: overrides}, ReleaseGuard: s.ReleaseGuard},
		aws:    cfg,
	}, nil
}

// Open makes the parts, as those of LockSettings do.
func (s Settings) Open() (Parts, error) {
	p, err := s.LockSettings.Open()
	if err != nil {
		return Parts{}, err
	}
	measures, err := For(p.aws, cloudwatch.ServiceID)
	topics, problem := For(p.aws, sns.ServiceID)
	p.Meter, p.sns, p.topic = metric.NewPublisher(measures, s.Namespace), topics, s.Topic
	return p, errors.Join(err, problem)
}

// Topic publishes in the words of the composer.
func (p Parts) Topic() *alert.Topic {
	return alert.NewTopic(sns.NewFromConfig(p.sns), p.topic)
}

// AWS is how the function reaches AWS, for clients that are made only when they are needed.
func (p Parts) AWS() aws.Config { return p.aws }

// Positive says what is wrong with a duration that must be above zero.
func Positive(name string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s is %s: it must be above zero, for example 30m", name, d)
	}
	return nil
}

// Run wires a function and serves its events. A function that cannot be wired says
// why in its log and ends.
func Run(wire func() (handler any, err error)) {
	slog.SetDefault(slog.New(legibleLog{lambdacontext.NewLogHandler()}))
	slog.Info("the function starts", "version", version.Current)
	fit(lambdacontext.MemoryLimitInMB)
	handler, err := wire()
	if err != nil {
		slog.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(Guard(handler))
}

// fit tells Go's collector what Lambda gives a function of that memory, which it cannot
// see by itself; 0 is no Lambda. That there is a share of one CPU only, it hears before
// it starts: GOMAXPROCS in template.yaml.
func fit(megabytes int) {
	if megabytes == 0 {
		return
	}
	// Lambda kills what passes its memory. The last quarter is for the program itself, and
	// for what is allocated faster than it is collected.
	debug.SetMemoryLimit(int64(megabytes) << 20 / 4 * 3)
	// Go's own 100 lets 4 MB fill before the first collection. A sixteenth of the memory
	// may: collections were a tenth of a long scan's CPU, and a sixth of a prune's.
	debug.SetGCPercent(100 * megabytes / 64)
}
