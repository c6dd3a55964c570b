package unlock_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// slowTopic is a mail server that takes all the time that there is for what names one prefix.
type slowTopic struct {
	mu    sync.Mutex
	slow  string
	heard []string
}

func (s *slowTopic) Publish(ctx context.Context, e alert.Event) error {
	if strings.Contains(e.Text, s.slow) {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, e.Text)
	return nil
}

// Whoever may have locks released under one prefix, with text that a mail server stalls on, keeps
// nobody from the news of another release that could not be finished.
func TestReleasesOfOnePrefixThatCannotBeFinishedKeepNoOtherBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
		releases := ledger.NewReleases(dynamodb.NewFromConfig(scale.Config(scale.Direct{World: world})), "ledger")
		at := time.Now()
		refused := func(path tflock.Path, id string) {
			record := ledger.Release{At: at, Outcome: string(unlock.Refused), Why: "it is younger than an hour", RequestedBy: "ana", Reason: "stuck", Description: policy.Description{ID: id, Path: string(path)}}
			if err := releases.Write(t.Context(), ledger.Key{Path: path, ID: id}, record); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 50 {
			refused(tflock.Path(fmt.Sprintf("states/team-a/%d/terraform.tfstate", i)), "1")
		}
		refused("states/production/terraform.tfstate", "2")
		topic := &slowTopic{slow: "team-a"}
		finisher := unlock.Finisher{Releases: releases, Composer: alert.Composer{Account: "123456789012", Region: "eu-central-1"}, Topic: topic, Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		finished, err := finisher.Finish(ctx, "", at.Add(time.Minute), func(context.Context, string, ledger.Recorded) (ledger.HalfFate, string, error) {
			return ledger.HalfGone, "", nil
		})
		if err == nil || len(finished) != 1 || len(topic.heard) != 1 || !strings.Contains(topic.heard[0], "states/production/terraform.tfstate") {
			t.Errorf("finished %+v, %v; people heard %q", finished, err, topic.heard)
		}
	})
}
