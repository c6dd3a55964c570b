package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// swapped has another client take the lock in the moment between unlock's judgement and its
// delete: the store must refuse the delete, and unlock must say so.
func swapped(in func(s *stage) backend.Store) func(ctx context.Context, s *stage) error {
	return func(ctx context.Context, s *stage) error {
		const key = "network/terraform.tfstate"
		store := in(s)
		if err := local.TakeLock(ctx, s.Path(key), "old", store); err != nil {
			return err
		}
		if _, err := s.scan(ctx); err != nil {
			return err
		}
		service, deletes := deletesOf(store, s.Path(key))
		p, err := before(cmp.Or(s.env["AWS_ENDPOINT_URL_"+service], s.env["AWS_ENDPOINT_URL"]), deletes, func() error { return s.overwrite(ctx, store, key, "new") })
		if err != nil {
			return err
		}
		defer p.stop()
		_, err = s.release(ctx, unlock.Request{LockID: "old", Path: string(s.Path(key))}, unlock.Changed, map[string]string{"AWS_ENDPOINT_URL_" + service: p.url})
		if swapErr := p.done(); swapErr != nil {
			return fmt.Errorf("%w (%w)", swapErr, err)
		}
		if err != nil {
			return err
		}
		return s.holds(ctx, store, key, "new")
	}
}

// deletesOf returns a store's service as variables name it, and tells the deletes of a lock
// from its other requests.
func deletesOf(store backend.Store, path tflock.Path) (service string, deletes func(r *http.Request, body []byte) bool) {
	if _, isTable := store.(*backend.Table); isTable {
		return "DYNAMODB", func(r *http.Request, body []byte) bool {
			return strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteItem") && bytes.Contains(body, []byte(path))
		}
	}
	return "S3", func(r *http.Request, _ []byte) bool {
		return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, tflock.Suffix)
	}
}

// overwrite puts another lock in the place of one.
func (s *stage) overwrite(ctx context.Context, store backend.Store, key, id string) error {
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Created: time.Now().UTC(), Path: string(s.Path(key))}.Marshal()
	if err != nil {
		return err
	}
	if _, isTable := store.(*backend.Table); !isTable {
		return s.put(ctx, key+tflock.Suffix, string(raw))
	}
	_, err = dynamodb.NewFromConfig(s.aws.Config()).PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table, Item: map[string]types.AttributeValue{
		"LockID": &types.AttributeValueMemberS{Value: string(s.Path(key))}, "Info": &types.AttributeValueMemberS{Value: string(raw)},
	}})
	return err
}

// proxy stands before an engine and does something before the first of some calls.
type proxy struct {
	url  string
	stop func()

	once sync.Once
	mu   sync.Mutex
	did  bool
	err  error
}

// before starts one.
func before(target string, calls func(r *http.Request, body []byte) bool, do func() error) (*proxy, error) {
	p := &proxy{}
	var err error
	p.url, p.stop, err = local.Proxy(target, func(_ http.ResponseWriter, r *http.Request, body []byte) bool {
		if calls(r, body) {
			p.once.Do(func() {
				err := do()
				p.mu.Lock()
				defer p.mu.Unlock()
				p.did, p.err = true, err
			})
		}
		return false
	})
	return p, err
}

// done says what is wrong if the call did not come, or what was done before it failed.
func (p *proxy) done() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.did {
		return errors.New("unlock did not try to delete the lock")
	}
	return p.err
}
