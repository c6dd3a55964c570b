package policy

import (
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Description is a lock with what was decided about it: the `Lock` of every answer and
// event. Texts that a lock's holder wrote are clipped, so that no holder can make
// an answer or an alert too large to be sent.
type Description struct {
	ID                 string        `json:"id"`
	Path               string        `json:"path"` // bucket/key of the state
	Operation          string        `json:"operation"`
	Who                string        `json:"who"`
	Version            string        `json:"version"`
	Created            *time.Time    `json:"created"`               // the client's claim; null when it made no usable one
	HeldSince          time.Time     `json:"held_since"`            // no earlier than this
	HeldSeconds        int64         `json:"held_seconds"`          // at most
	HeldAtLeastSeconds int64         `json:"held_at_least_seconds"` // what S3's clock and the scans prove
	Holdings           []tflock.Kind `json:"holdings"`
	Stores             []string      `json:"stores"` // ARN of each table and bucket that holds it
	Verdict            Verdict       `json:"verdict"`
	Evidence           Evidence      `json:"evidence"`
	ThresholdSeconds   int64         `json:"threshold_seconds"`
	Witness            *Witness      `json:"witness,omitempty"` // who took it, where S3's event of that is known
	Run                *Run          `json:"run,omitempty"`     // the CI run behind it, where one is known
}

// maxField bounds what a holder wrote, in bytes. A path is never cut: a DynamoDB key has
// at most 2048 bytes. An ID that is too long to be written anywhere has a short name.
const maxField = 256

// Describe describes the case, with its evidence.
func (c Case) Describe() Description {
	f := Description{
		ID: tflock.BoundedID(c.ID), Path: string(c.Path),
		Operation: clip(c.Info.Operation), Who: clip(c.Info.Who), Version: clip(c.Info.Version),
		HeldSince: c.Since.UTC(), HeldSeconds: int64(c.Held / time.Second), HeldAtLeastSeconds: int64(c.HeldAtLeast / time.Second),
		Holdings: c.Kinds(), Stores: stores(c.Lock),
		Verdict: c.Verdict, Evidence: c.Evidence(), ThresholdSeconds: int64(c.Threshold / time.Second), Witness: c.Witness, Run: c.Run,
	}
	if c.Info.CreatedUsable() {
		created := c.Info.Created
		f.Created = &created
	}
	return f
}

func stores(l tflock.Lock) []string {
	list := make([]string, 0, len(l.Holdings))
	for _, h := range l.Holdings {
		list = append(list, h.Store)
	}
	return list
}

// Held is how long the lock was held at most when it was judged, to the second.
func (d Description) Held() time.Duration { return time.Duration(d.HeldSeconds) * time.Second }

// clip cuts a text to maxField bytes at the border of a character, and shows that it did.
func clip(text string) string {
	if len(text) <= maxField {
		return text
	}
	const mark = "…"
	return strings.ToValidUTF8(text[:maxField-len(mark)], "") + mark
}
