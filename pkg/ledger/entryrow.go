package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// lockRowKey hashes path and ID: a DynamoDB sort key has 1024 bytes, a path alone up
// to 2048.
func lockRowKey(key Key) map[string]types.AttributeValue {
	name := string(key.Path) + "\x00" + key.ID
	if strings.Count(name, "\x00") > 1 {
		// A client may write zero bytes into both. Two locks of one row would keep a call, and with it a scan, from recording any: DynamoDB
		// refuses a batch that writes a row twice.
		name = strconv.Quote(string(key.Path)) + "\x00\x00" + key.ID
	}
	sum := sha256.Sum256([]byte(name))
	return rowKey(kindLock, hex.EncodeToString(sum[:]))
}

func lockRow(key Key, entry Entry) (map[string]types.AttributeValue, error) {
	body, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("lock on %s cannot be recorded: %w", key.Path, err)
	}
	row := lockRowKey(key)
	row[attrPath], row[attrLockID], row[attrBody] = text(string(key.Path)), text(key.ID), text(string(body))
	row[attrExpires] = number(entry.Expires.Unix())
	return row, nil
}

// decodeEntry reads a lock's memory, without its description where that is not wanted: it is
// most of what an entry takes.
func decodeEntry(body []byte, withDescription bool) (Entry, error) {
	var e Entry
	if withDescription {
		err := json.Unmarshal(body, &e)
		if e.Description != nil {
			e.HeldSince, e.Stuck = e.Description.HeldSince, e.Description.Verdict == policy.Stuck
		}
		return e, err
	}
	var lean struct {
		Entry
		Description struct { // in place of the entry's own
			HeldSince time.Time      `json:"held_since"`
			Verdict   policy.Verdict `json:"verdict"`
		} `json:"description"`
	}
	err := json.Unmarshal(body, &lean)
	e = lean.Entry
	e.HeldSince, e.Stuck = lean.Description.HeldSince, lean.Description.Verdict == policy.Stuck
	return e, err
}

// texts keeps one copy of each list of texts: nearly every lock is in the same store.
type texts map[string][]string

func (t texts) of(list []string) []string {
	key := strings.Join(list, "\x00")
	if t[key] == nil {
		t[key] = list
	}
	return t[key]
}
