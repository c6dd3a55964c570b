package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The states that repairs are for.
const (
	mismatched = "live/mismatched.tfstate"  // its digest is of the version before
	rolledBack = "live/rolled-back.tfstate" // a bad apply emptied it
	orphaned   = "live/orphaned.tfstate"    // there is only its digest
)

// putBroken puts the states that repairs are for.
func (w *world) putBroken(ctx context.Context) error {
	applied, err := sample("applied")
	destroyed, readErr := sample("destroyed")
	return errors.Join(
		err, readErr,
		w.putState(ctx, mismatched, string(applied), true), w.putState(ctx, mismatched, string(destroyed), false),
		w.putState(ctx, rolledBack, string(applied), true), w.putState(ctx, rolledBack, string(destroyed), true),
		w.putRowBy(ctx, w.aws.Config(), orphaned+"-md5", "Digest", local.MD5(applied)),
	)
}

func repairer(w *world, cfg aws.Config) (*repair.Repairer, error) {
	set, err := w.open(cfg)
	topic, _ := w.channels(cfg)
	client := dynamodb.NewFromConfig(cfg)
	return &repair.Repairer{
		Stores: set, Records: ledger.NewRepairs(client, w.Ledger), History: ledger.NewHistory(client, w.Ledger), Composer: composer(), Topic: topic, Now: w.now, Log: quiet,
	}, err
}

func repairs(ctx context.Context, w *world, cfg aws.Config, path tflock.Path, action policy.RepairAction, version, requestID string) (string, error) {
	r, err := repairer(w, cfg)
	if err != nil {
		return "", err
	}
	request, err := repair.ParseRequest([]byte(fmt.Sprintf(`{"path":%q,"action":%q,"version_id":%q,"reason":"chaos","requested_by":"me"}`, path, action, version)))
	if err != nil {
		return "", err
	}
	a, err := r.Run(ctx, request, requestID)
	return string(a.Outcome), err
}

func runAccept(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	return repairs(ctx, w, cfg, w.Path(mismatched), policy.AcceptState, "", requestID)
}

// runRollBack makes the first version the newest.
func runRollBack(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	versions, _, err := w.versions(context.Background(), w.aws.Config(), rolledBack)
	if err != nil {
		return "", err
	}
	return repairs(ctx, w, cfg, w.Path(rolledBack), policy.RestoreVersion, versions[len(versions)-1], requestID)
}

func runDeleteDigest(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	return repairs(ctx, w, cfg, w.Path(orphaned), policy.DeleteDigest, "", requestID)
}

func digestDeletedAtEnd(w *world, c contents) violations {
	return when(c.digests[w.Table+" "+orphaned] != "", "the digest without a state is still there")
}

func acceptedAtEnd(w *world, c contents) violations {
	return when(c.digests[w.Table+" "+mismatched] != local.MD5(c.newest[mismatched]), "the digest is still not that of the state").
		and(c.newest[mismatched] != w.first.newest[mismatched], "a repair of the digest has touched the state")
}

func rolledBackAtEnd(w *world, c contents) violations {
	applied, err := sample("applied")
	return when(err != nil || c.newest[rolledBack] != string(applied), "the version was not restored").
		and(c.digests[w.Table+" "+rolledBack] != local.MD5(string(applied)), "the restored version has no digest, or another's")
}

// mayBe reports whether a state may have these bytes: those that it had at first, or of a state
// that is rolled back those of the version that is restored.
func (w *world) mayBe(key, body string) bool {
	if body == w.first.newest[key] {
		return true
	}
	applied, err := sample("applied")
	return key == rolledBack && err == nil && body == string(applied)
}
