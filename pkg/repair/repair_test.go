package repair_test

import (
	"errors"
	"fmt"
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
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// How each action ends, and that its dry run says the same and touches nothing.
func TestRepair(t *testing.T) {
	old, now := serial(t, 4), serial(t, 5)
	stale := local.MD5([]byte("another"))
	for name, tc := range map[string]struct {
		prepare func(w *world) (version string)
		action  policy.RepairAction
		want    repair.Outcome
		says    string
		content string    // of the state afterwards
		digests [2]string // afterwards
	}{
		"a digest that was not written is accepted in each table that has one": {
			func(w *world) string { w.Put(key, now); w.digest(w.Table, stale); return "" },
			policy.AcceptState, repair.Repaired, "", string(now),
			[2]string{local.MD5(now), ""},
		},
		"every table with a wrong digest gets the right one": {
			func(w *world) string {
				w.Put(key, now)
				w.digest(w.Table, stale)
				w.digest(w.Table+"-other", local.MD5(old))
				return ""
			},
			policy.AcceptState, repair.Repaired, "", string(now),
			[2]string{local.MD5(now), local.MD5(now)},
		},
		"no digest is made where there was none": {
			func(w *world) string { w.Put(key, now); return "" },
			policy.AcceptState, repair.NothingToDo, "no watched table has a digest", string(now),
			[2]string{},
		},
		"a right digest stays": {
			func(w *world) string { w.Put(key, now); w.digest(w.Table, local.MD5(now)); return "" },
			policy.AcceptState, repair.NothingToDo, "is that of the state", string(now),
			[2]string{local.MD5(now), ""},
		},
		"what is not a state is not accepted": {
			func(w *world) string { w.Put(key, []byte("{}")); w.digest(w.Table, stale); return "" },
			policy.AcceptState, repair.Refused, "not a Terraform or OpenTofu state", "{}",
			[2]string{stale, ""},
		},
		"a state that is gone cannot be accepted": {
			func(w *world) string { w.digest(w.Table, stale); return "" },
			policy.AcceptState, repair.Refused, "delete_digest", "",
			[2]string{stale, ""},
		},
		"an encrypted state is a state": {
			func(w *world) string {
				w.Put(key, local.State(w, "tofu-encrypted"))
				w.digest(w.Table, stale)
				return ""
			},
			policy.AcceptState, repair.Repaired, "", string(local.State(t, "tofu-encrypted")),
			[2]string{local.MD5(local.State(t, "tofu-encrypted")), ""},
		},
		"a digest without a state is deleted": {
			func(w *world) string { w.digest(w.Table, stale); return "" },
			policy.DeleteDigest, repair.Repaired, "", "",
			[2]string{},
		},
		"a digest beside a state stays": {
			func(w *world) string { w.Put(key, now); w.digest(w.Table, stale); return "" },
			policy.DeleteDigest, repair.Refused, "accept_state", string(now),
			[2]string{stale, ""},
		},
		"a digest beside a state that locks by lockfile alone is deleted": {
			func(w *world) string { w.Put(key, now); w.digest(w.Table, stale); w.locking = "lockfile"; return "" },
			policy.DeleteDigest, repair.Repaired, "", string(now),
			[2]string{},
		},
		"a state that locks by both keeps its digest": {
			func(w *world) string { w.Put(key, now); w.digest(w.Table, stale); w.locking = "both"; return "" },
			policy.DeleteDigest, repair.Refused, "accept_state", string(now),
			[2]string{stale, ""},
		},
		"an older version becomes the newest, and the digest follows": {
			func(w *world) string {
				version := w.Put(key, old)
				w.Put(key, now)
				w.digest(w.Table, local.MD5(now))
				return version
			},
			policy.RestoreVersion, repair.Repaired, "", string(old),
			[2]string{local.MD5(old), ""},
		},
		"the version that the digest belongs to is restored without touching the digest": {
			func(w *world) string {
				version := w.Put(key, old)
				w.Put(key, now)
				w.digest(w.Table, local.MD5(old))
				return version
			},
			policy.RestoreVersion, repair.Repaired, "", string(old),
			[2]string{local.MD5(old), ""},
		},
		"a deleted state is restored": {
			func(w *world) string { version := w.Put(key, old); w.Remove(key); return version },
			policy.RestoreVersion, repair.Repaired, "", string(old),
			[2]string{},
		},
		"a version that is there already": {
			func(w *world) string { version := w.Put(key, old); w.digest(w.Table, local.MD5(old)); return version },
			policy.RestoreVersion, repair.NothingToDo, "already", string(old),
			[2]string{local.MD5(old), ""},
		},
		"a version of another key is refused": {
			func(w *world) string {
				version := w.Put("other/terraform.tfstate", old)
				w.Put(key, now)
				return version
			},
			policy.RestoreVersion, repair.Refused, "version", string(now),
			[2]string{},
		},
		"a version that is not a state is refused": {
			func(w *world) string { version := w.Put(key, []byte("notes")); w.Put(key, now); return version },
			policy.RestoreVersion, repair.Refused, "not a Terraform or OpenTofu state", string(now),
			[2]string{},
		},
		"a version that never was is refused": {
			func(w *world) string { w.Put(key, now); return "Zm9yZ2VkLXZlcnNpb24taWQ" },
			policy.RestoreVersion, repair.Refused, "version", string(now),
			[2]string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			request := w.request(tc.action, tc.prepare(w))
			before, digests := w.content(), w.Digests(key)
			dry := request
			dry.DryRun, dry.Reason = true, ""
			planned, err := w.run(&local.Wire{}, dry)
			want := map[repair.Outcome]repair.Outcome{repair.Repaired: repair.WouldRepair}[tc.want]
			if want == "" {
				want = tc.want
			}
			if err != nil || planned.Outcome != want || w.content() != before || w.Digests(key) != digests || len(w.held()) > 0 || len(w.Published()) > 0 {
				t.Fatalf("the dry run: %+v, %v, digests %q", planned, err, w.Digests(key))
			}
			answer, err := w.run(&local.Wire{}, request)
			if err != nil || answer.Outcome != tc.want || !strings.Contains(answer.Message, tc.says) {
				t.Fatalf("%+v, %v", answer, err)
			}
			if w.content() != tc.content || w.Digests(key) != tc.digests {
				t.Errorf("left %.60q with digests %q", w.content(), w.Digests(key))
			}
			if len(w.held()) > 0 {
				t.Errorf("left locks of %q", w.held())
			}
			messages := w.Published()
			if (tc.want == repair.Repaired) != (len(messages) == 1) {
				t.Fatalf("%d messages", len(messages))
			}
			if tc.want != repair.Repaired {
				return
			}
			if m := messages[0]; m.Attributes["type"] != "state.repaired" || !strings.Contains(m.Texts["email"], "ana") || !strings.Contains(m.Texts["email"], string(w.Path(key))) {
				t.Errorf("published %+v", m)
			}
			if answer.After.StateMD5 != planned.After.StateMD5 || len(answer.After.Digests) != len(planned.After.Digests) {
				t.Errorf("after is %+v, and the dry run said %+v", answer.After, planned.After)
			}
		})
	}
}

func TestALockStaysWhereItIs(t *testing.T) {
	for name, take := range map[string]func(w *world){
		"of a client in the bucket":         func(w *world) { w.Lock(key, "id", w.Set.Buckets[0]) },
		"of a client in a table":            func(w *world) { w.Lock(key, "id", w.Set.Tables[1]) },
		"that cannot be read":               func(w *world) { w.Put(key+".tflock", []byte("me, until noon")) },
		"of a prune at work, in the bucket": func(w *world) { w.pruneAtWork(w.Set.Buckets[0]) },
		"of a prune at work, in a table":    func(w *world) { w.pruneAtWork(w.Set.Tables[1]) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Put(key, serial(t, 5))
			w.digest(w.Table, local.MD5([]byte("another")))
			take(w)
			before, held := w.Digests(key), w.held()
			for _, dry := range []bool{true, false} {
				request := w.request(policy.AcceptState, "")
				request.DryRun = dry
				answer, err := w.run(&local.Wire{}, request)
				if err != nil || answer.Outcome != repair.Locked || w.Digests(key) != before || !slices.Equal(w.held(), held) || len(w.Published()) > 0 {
					t.Errorf("dry run %v: %+v, %v, digests %q, held %q", dry, answer, err, w.Digests(key), w.held())
				}
			}
		})
	}
}

// Terraform up to 1.5 keeps a path with // in its rows, and stores the state under the
// cleaned key: such a digest is not one without a state.
func TestTheDigestOfAStateUnderACleanedKeyStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.Path("network//production/terraform.tfstate")
	w.Put("network/production/terraform.tfstate", serial(t, 5))
	if err := server.SetDigest(t.Context(), w.Table, string(path), local.MD5([]byte("another"))); err != nil {
		t.Fatal(err)
	}
	answer, err := w.run(&local.Wire{}, repair.Request{Path: path, Action: policy.DeleteDigest, Reason: "test", RequestedBy: "ana"})
	if err != nil || answer.Outcome != repair.Refused {
		t.Errorf("%+v, %v", answer, err)
	}
	if digest, err := w.Set.Tables[0].Digest(t.Context(), path); err != nil || digest == "" {
		t.Errorf("the digest is %q, %v", digest, err)
	}
}

// noStates is an AWS that refuses to write states.
type noStates struct{ http.RoundTripper }

// Do sends a request, unless it writes a state.
func (n noStates) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, key) {
		body := io.NopCloser(strings.NewReader("<Error><Code>AccessDenied</Code><Message>no</Message></Error>"))
		return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/xml"}}, Body: body, Request: r}, nil
	}
	return n.RoundTrip(r)
}

// Whoever may write the rows of one prefix can name any state by "..": such a row neither keeps
// the state from being repaired nor is written itself.
func TestARowThatClimbsOutOfItsPrefixKeepsNobodyFromARepair(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(key, serial(t, 1))
	w.digest(w.Table, "wrong")
	climbing, value := w.Bucket+"/a-team/../"+key, strings.Repeat("x", 200_000)
	if err := server.SetDigest(t.Context(), w.Table, climbing, value); err != nil {
		t.Fatal(err)
	}
	for i := range 25 { // junk, which no client takes as a lock
		name := fmt.Sprintf("%s/a-team/%d/../../%s", w.Bucket, i, key)
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &w.Table, Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: name}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := w.run(&local.Wire{}, w.request(policy.AcceptState, ""))
	lockLeft := slices.ContainsFunc(w.held(), func(info string) bool { return info != "" })
	if err != nil || answer.Outcome != repair.Repaired || lockLeft || len(w.Published()) != 1 {
		t.Errorf("%s %.300s %v, held %q", answer.Outcome, answer.Message, err, w.held())
	}
	if got, err := w.Set.Tables[0].Digest(t.Context(), tflock.Path(climbing)); err != nil || got != value {
		t.Errorf("the other row is %.40q now, %v", got, err)
	}
	w.Readable(key)
}

// pruneAtWork takes the lock of a prune of ours that may be alive.
func (w *world) pruneAtWork(store backend.Store) {
	w.Helper()
	note := fmt.Sprintf(`{"request_id":"another","deadline":%q}`, time.Now().Add(10*time.Minute).UTC().Format(time.RFC3339))
	raw, err := tflock.Info{ID: "x", Operation: "lockwarden-prune", Info: note, Who: "lockwarden-prune@lambda", Created: time.Now().UTC(), Path: string(w.Path(key))}.Marshal()
	if err == nil {
		_, err = store.Acquire(w.Context(), w.Path(key), raw)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// Whether anybody has a lock cannot be read: a dry run does not say that it would repair.
func TestADryRunThatCannotReadTheLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	w.digest(w.Table, local.MD5([]byte("another")))
	cfg := server.Config()
	cfg.HTTPClient = withoutLocks{&local.Wire{}}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	request := w.request(policy.AcceptState, "")
	request.DryRun = true
	answer, err := w.repairer(cfg).Run(t.Context(), request, "request")
	if err != nil || answer.Outcome != repair.Refused || !strings.Contains(answer.Message, "whether it is locked is not known") {
		t.Errorf("%+v, %v", answer, err)
	}
}

// withoutLocks is the wire to an S3 that fails at every lock object.
type withoutLocks struct{ *local.Wire }

func (c withoutLocks) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, ".tflock") {
		return nil, errors.New("the connection is cut")
	}
	return c.Wire.Do(r)
}
