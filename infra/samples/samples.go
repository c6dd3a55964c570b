// Package samples are the locks, findings and repairs that tests render in several channels.
package samples

import (
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Now is when they are seen.
var Now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Lock is one with both halves, stuck, of a run that is likely dead.
func Lock() policy.Description {
	written := Now.Add(-50 * time.Minute)
	return policy.Description{
		ID: "78007e4f-7284-5b8c-b34c-620445a03e9c", Path: "states/network/production/terraform.tfstate", Operation: "OperationTypeApply",
		Who: "ana@laptop", Version: "1.11.4", HeldSince: Now.Add(-45 * time.Minute), HeldSeconds: 45 * 60, HeldAtLeastSeconds: 45 * 60,
		Holdings: []tflock.Kind{tflock.DynamoDB, tflock.S3}, Stores: []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks", "arn:aws:s3:::states"},
		Verdict: policy.Stuck, ThresholdSeconds: 1800,
		Evidence: policy.Evidence{Liveness: policy.LikelyOrphan, Written: &written, Reasons: []string{
			"held for 45m, longer than its threshold of 30m", "the state was last written 50m ago, before the lock was taken",
			"the same lock in every scan since 2026-11-23 11:15 UTC (45m)",
		}},
	}
}

// Held is the same one, held for that long.
func Held(d time.Duration) policy.Description {
	f := Lock()
	f.HeldSince, f.HeldSeconds, f.HeldAtLeastSeconds = Now.Add(-d), int64(d/time.Second), int64(d/time.Second)
	f.Evidence.Reasons[0] = fmt.Sprintf("held for %s, longer than its threshold of 30m", policy.Words(d))
	return f
}

// Findings are one of each problem.
func Findings() []policy.StateFinding {
	now, at := Now, Now.Add(-10*time.Minute)
	older, newer := uint64(41), uint64(42)
	before := policy.StateVersion{VersionID: "3HL4kqtJlcpXroDTDmJ", Serial: &newer, Lineage: "8f0f0d8e-1d6a-3b5f-9c1e-5b6f6c1d2e3f", LastModified: at, WrittenBy: "gh-84213377-9912345678-1"}
	after := before
	after.VersionID, after.Serial, after.WrittenBy, after.LastModified = "L4kqtJlcpXroDTDmpUMLUo", &older, "ana@example.com", Now
	changed := policy.StateChange{Path: "states/network/production/terraform.tfstate", Before: before, After: after}
	decreased, _ := changed.Judge()
	changed.After.Serial = &newer
	reused, _ := changed.Judge()
	changed.After.Lineage = "11111111-2222-3333-4444-555555555555"
	lineage, _ := changed.Judge()
	mixed, _ := policy.Mixed("states/services/checkout/terraform.tfstate", []policy.LockingSeen{
		{Locking: policy.ByTable, First: at, Last: at, Locks: 4}, {Locking: policy.ByLockfile, First: at, Last: at, Locks: 1}, {Locking: policy.ByTable, First: Now, Last: Now, Locks: 2},
	})
	path, arn := "states/network/production/terraform.tfstate", "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	all := []policy.StateFinding{
		mixed,
		{
			Type: policy.FindingDigestMismatch, Path: tflock.Path(path), Severity: policy.SeverityWarning,
			Text: "The digest of state " + path + " in table " + arn + " is not that of its content: the digest is of the version of 2026-11-23 11:50 UTC (3HL4kqtJlcpXroDTDmJ); the newest, of 2026-11-23 12:00 UTC (L4kqtJlcpXroDTDmpUMLUo, by ana@example.com), was not recorded.",
			Evidence: policy.StateEvidence{
				Table: arn, Digest: "9e107d9d372bb6826bd81d3542a419d6", StateMD5: "e4d909c290d0fb1ca068ffaddf22cbd0", VersionID: "3HL4kqtJlcpXroDTDmJ", VersionTime: &at,
				CurrentID: "L4kqtJlcpXroDTDmpUMLUo", CurrentTime: &now, CurrentBy: "ana@example.com",
			},
			Fix: &policy.StateFix{Path: tflock.Path(path), Action: policy.AcceptState},
		},
		{
			Type: policy.FindingDigestOrphan, Path: "states/old/terraform.tfstate", Severity: policy.SeverityWarning, Evidence: policy.StateEvidence{Table: arn, Digest: "9e107d9d372bb6826bd81d3542a419d6"},
			Text: "A digest without a state: table " + arn + " has a digest of states/old/terraform.tfstate, and there is no such state.", Fix: &policy.StateFix{Path: "states/old/terraform.tfstate", Action: policy.DeleteDigest},
		},
		{
			Type: policy.FindingDuplicateResource, Path: tflock.Path(path), Severity: policy.SeverityWarning, Text: "States " + path + " and states/network/copy/terraform.tfstate both manage the same 2 resources.",
			Evidence: policy.StateEvidence{Paths: []tflock.Path{tflock.Path(path), "states/network/copy/terraform.tfstate"}, Count: 2, Resources: []policy.Resource{
				{Type: "aws_vpc", ARN: "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-0a1b2c3d"}, {Type: "aws_route", ID: "r-rtb-0a1b2c3d1080289494", Region: "eu-central-1"},
			}},
		},
		lineage, decreased, reused,
	}
	for n := range all {
		all[n].Since = at
	}
	return all
}

// Repair is one of a digest.
func Repair() alert.Repair {
	serial := uint64(7)
	state := policy.StateAndDigests{
		Digests:  map[string]string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks": "0123456789abcdef0123456789abcdef"},
		StateMD5: "9e107d9d372bb6826bd81d3542a419d6", VersionID: "v7", Serial: &serial,
	}
	after := state
	after.Digests = map[string]string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks": state.StateMD5}
	return alert.Repair{Path: "states/network/production/terraform.tfstate", Action: policy.AcceptState, RequestedBy: "ana", Reason: "its digest was not written", Before: state, After: after}
}
