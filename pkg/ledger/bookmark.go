package ledger

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindMark   = "prune" // its rows: where the last prune stopped, and which states that pass found to stay
	bookmark   = "bookmark"
	stayPrefix = "stay-"
	// perStay is how many states are in one row of those that stay: in Base64 it has 267 KB, and DynamoDB takes 400.
	perStay = 25_000
	// keepStay is how long such a row stays after it was written: longer than the next prune is away.
	keepStay = 90 * 24 * time.Hour
)

// Mark is what one prune leaves to the next. The zero value is nothing.
type Mark struct {
	Pass Pass `json:"pass,omitzero"`

	// Left is where that prune could not release a lock of ours, for a cause that may be of that place alone: a state, or a folder with its slash.
	Left tflock.Path `json:"left,omitempty"`
}

// Pass is one over all stale states, for which one prune had no time. The zero value is a new one.
type Pass struct {
	Name   string `json:"name"`             // of this pass, which nobody can guess; empty: another begins
	Runs   int    `json:"runs"`             // that it has taken
	Place  Place  `json:"place,omitzero"`   // where the listing goes on; zero: at the beginning
	Undone bool   `json:"undone,omitempty"` // before that place are states for which there was no time

	Stay []uint64 `json:"-"` // what identifies the states that stay until they are written; they have rows of their own
}

// Place is one in the listing of a bucket.
type Place struct {
	Bucket string `json:"bucket"` // ARN
	Prefix string `json:"prefix"`
	Key    string `json:"key"` // the last one that was listed
}

// StayingStates are some of the states that a pass found to stay until they are written, in a row of their own.
type StayingStates struct {
	Of     string `json:"of"`     // the pass's name
	States []byte `json:"states"` // eight bytes each
}

// IsZero reports whether nothing is left to the next prune.
func (m Mark) IsZero() bool { return m.Pass.Name == "" && m.Pass.Place == Place{} && m.Left == "" }

// Mark returns what the last prune left. A row that cannot be read counts as none.
func (p *Prunes) Mark(ctx context.Context) (Mark, error) {
	var m Mark
	var stay []StayingStates
	for row, err := range p.table.query(ctx, ofKind(kindMark)) {
		if err != nil {
			return Mark{}, fmt.Errorf("where the last prune stopped: %w", err)
		}
		body := []byte(textOf(row, attrBody))
		if id := textOf(row, attrID); strings.HasPrefix(id, stayPrefix) {
			var part StayingStates
			err = json.Unmarshal(body, &part)
			stay = append(stay, part)
		} else {
			err = json.Unmarshal(body, &m)
		}
		if err != nil {
			slog.WarnContext(ctx, "ledger row cannot be read, so the prune examines its states again", attrKind, kindMark, "error", err)
		}
	}
	for _, part := range stay {
		if part.Of == m.Pass.Name { // not of an earlier one
			m.Pass.Stay = append(m.Pass.Stay, part.numbers()...)
		}
	}
	return m, nil
}

func (s StayingStates) numbers() (all []uint64) {
	for b := s.States; len(b) >= 8; b = b[8:] {
		all = append(all, binary.BigEndian.Uint64(b))
	}
	return all
}

// SetMark notes what this prune leaves to the next: first which states stay, so that the mark says nothing that is not there.
func (p *Prunes) SetMark(ctx context.Context, m Mark) error {
	if err := p.table.write(ctx, stayRows(m.Pass, time.Now().Add(keepStay))); err != nil {
		return fmt.Errorf("record which states stay: %w", err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("record where the prune stopped: %w", err)
	}
	row := rowKey(kindMark, bookmark)
	row[attrBody] = text(string(body))
	if _, err := p.table.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &p.table.name, Item: row}); err != nil {
		return fmt.Errorf("record where the prune stopped, in the ledger %s: %w", p.table.name, err)
	}
	return nil
}

func stayRows(pass Pass, expires time.Time) iter.Seq2[types.WriteRequest, error] {
	return func(yield func(types.WriteRequest, error) bool) {
		n := 0
		for states := range slices.Chunk(pass.Stay, perStay) {
			part := StayingStates{Of: pass.Name}
			for _, state := range states {
				part.States = binary.BigEndian.AppendUint64(part.States, state)
			}
			body, err := json.Marshal(part)
			row := rowKey(kindMark, fmt.Sprint(stayPrefix, n))
			row[attrBody], row[attrExpires] = text(string(body)), number(expires.Unix())
			if !yield(types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, err) {
				return
			}
			n++
		}
	}
}
