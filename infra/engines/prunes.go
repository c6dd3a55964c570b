package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// withoutDigest lets states be pruned that no client has a digest of.
var withoutDigest = map[string]string{"PRUNE_WITHOUT_DIGEST": "true"}

// pruned has a real client make a state and destroy everything in it.
func pruned(ctx context.Context, s *stage) error {
	tofu, err := local.Tofu()
	if err != nil {
		return err
	}
	const key = "branches/feature/terraform.tfstate"
	w, err := s.aws.Workspace(ctx, tofu, s.dir, s.Bucket, s.Table, key, local.ByTable)
	if err != nil {
		return err
	}
	for _, command := range []string{"apply", "destroy"} {
		if _, err := w.Run(ctx, command, "-auto-approve"); err != nil {
			return err
		}
	}
	if err := s.put(ctx, "branches/paid/terraform.tfstate", strings.Replace(emptyState, `"resources":[]`, `"resources":[{"mode":"managed","type":"t","name":"n","instances":[{}]}]`, 1)); err != nil {
		return err
	}
	time.Sleep(1100 * time.Millisecond) // S3's clock has whole seconds
	if err := s.prune(ctx, key); err != nil {
		return err
	}
	if out, err := w.Run(ctx, "plan"); err != nil || strings.Contains(out, "Warning") {
		return fmt.Errorf("the plan after it: %w\n%s", err, out)
	}
	return nil
}

const emptyState = `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"6b1f3c1a-0000-4000-8000-000000000000","outputs":{},"resources":[],"check_results":null}`

// prune runs prune, which must prune exactly these states, and leave no lock.
func (s *stage) prune(ctx context.Context, keys ...string) error {
	var report prune.Report
	if err := s.invoke(ctx, "prune", "{}", &report, withoutDigest); err != nil {
		return err
	}
	if got := prunedBy(report); !slices.Equal(got, s.paths(keys)) || len(report.Errors) > 0 {
		return fmt.Errorf("it pruned %q, and not %q; kept %s, errors %q", got, keys, reasons(report), report.Errors)
	}
	left, err := s.keys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if slices.Contains(left, key) {
			return fmt.Errorf("%s is said to be pruned, and is there", key)
		}
	}
	return s.free(ctx)
}

func (s *stage) paths(keys []string) []string {
	var all []string
	for _, key := range keys {
		all = append(all, string(s.Path(key)))
	}
	slices.Sort(all)
	return all
}

func prunedBy(reports ...prune.Report) []string {
	var all []string
	for _, r := range reports {
		for _, state := range r.Pruned {
			all = append(all, string(state.Path))
		}
	}
	slices.Sort(all)
	return all
}

func reasons(r prune.Report) string {
	var all []string
	for _, state := range r.Kept {
		all = append(all, fmt.Sprint(state.Path, " ", state.Reason))
	}
	return strings.Join(all, ", ")
}

func twoPrunes(ctx context.Context, s *stage) error {
	var keys []string
	for i := range 12 {
		keys = append(keys, fmt.Sprintf("branches/%d/terraform.tfstate", i))
		if err := s.put(ctx, keys[i], emptyState); err != nil {
			return err
		}
	}
	time.Sleep(1100 * time.Millisecond)
	var reports [2]prune.Report
	var errs [2]error
	var both sync.WaitGroup
	for i := range reports {
		both.Go(func() { errs[i] = s.invoke(ctx, "prune", "{}", &reports[i], withoutDigest) })
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	// What one of them held at the wrong moment, the next run prunes.
	var last prune.Report
	if err := s.invoke(ctx, "prune", "{}", &last, withoutDigest); err != nil {
		return err
	}
	if got := prunedBy(reports[0], reports[1], last); !slices.Equal(got, s.paths(keys)) {
		return fmt.Errorf("they pruned %q; kept %s; errors %q", got, reasons(last), slices.Concat(reports[0].Errors, reports[1].Errors, last.Errors))
	}
	if left, err := s.keys(ctx); err != nil || len(left) != 0 {
		return fmt.Errorf("these are left: %q, %w", left, err)
	}
	return s.free(ctx)
}

func restored(ctx context.Context, s *stage) error {
	const key = "branches/a+b/terraform.tfstate"
	if err := s.put(ctx, key, emptyState); err != nil {
		return err
	}
	time.Sleep(1100 * time.Millisecond)
	if err := s.prune(ctx, key); err != nil {
		return err
	}
	payload, err := json.Marshal(prune.Request{Restore: s.Path(key)})
	if err != nil {
		return err
	}
	var answer prune.Answer
	if err := s.invoke(ctx, "prune", string(payload), &answer, nil); err != nil {
		return err
	}
	if answer.Outcome != prune.Restored || answer.Serial != 7 {
		return fmt.Errorf("restore answers %s: %s", answer.Outcome, answer.Message)
	}
	if digest, err := s.set.Buckets[0].StateDigest(ctx, s.Path(key)); err != nil || digest == "" {
		return fmt.Errorf("the state is not there: %w", err)
	}
	return s.free(ctx)
}

// fill puts as many digests into the table as the stage has rows.
func (s *stage) fill(ctx context.Context) error {
	const batch, writers = 25, 8
	client := dynamodb.NewFromConfig(s.aws.Config())
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(writers)
	for start := 0; start < s.rows; start += batch {
		all.Go(func() error {
			var writes []types.WriteRequest
			for i := start; i < start+batch; i++ {
				writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
					"LockID": &types.AttributeValueMemberS{Value: string(s.Path(fmt.Sprintf("%d/terraform.tfstate-md5", i)))},
					"Digest": &types.AttributeValueMemberS{Value: "d41d8cd98f00b204e9800998ecf8427e"},
				}}})
			}
			_, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.Table: writes}})
			return err
		})
	}
	return all.Wait()
}

// crowded fills the table with digests, and a few locks among them.
func crowded(ctx context.Context, s *stage) error {
	const locks = 5
	if err := s.fill(ctx); err != nil {
		return err
	}
	for i := range locks {
		if err := local.TakeLock(ctx, s.Path(fmt.Sprintf("%d/terraform.tfstate", i)), fmt.Sprintf("lock-%d", i), s.set.Tables[0]); err != nil {
			return err
		}
	}
	s.within = 10 * time.Minute // how fast an engine is does not matter here
	report, err := s.scan(ctx)
	if err == nil && (report.Held != locks || report.Unreadable != 0) {
		err = fmt.Errorf("the scan sees %d locks and %d unreadable ones among %d rows, and not %d", report.Held, report.Unreadable, s.rows, locks)
	}
	return err
}
