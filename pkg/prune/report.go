package prune

import "github.com/lockwarden/lockwarden/pkg/policy"

// Report is prune's answer.
type Report struct {
	DryRun       bool           `json:"dry_run"`       // nothing was meant to be deleted
	Examined     int            `json:"examined"`      // stale states that match
	Pruned       []policy.Stale `json:"pruned"`        // or would be, in a dry run; at most 1,000
	Kept         []policy.Stale `json:"kept"`          // abandoned ones first; at most 1,000
	Abandoned    int            `json:"abandoned"`     // of Kept, cut or not: they still manage infrastructure
	Omitted      int            `json:"omitted"`       // states that the lists leave out
	StoppedEarly bool           `json:"stopped_early"` // time ran out, and the next run goes on
	Errors       []string       `json:"errors"`
}
