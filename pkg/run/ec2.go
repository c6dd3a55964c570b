package run

import (
	"context"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Instance is what EC2 says of one.
type Instance struct {
	ID     string `xml:"instanceId"`
	State  string `xml:"instanceState>name"`
	Reason string `xml:"reason"` // StateTransitionReason
}

// EC2 describes instances; those that it does not know are left out.
type EC2 interface {
	DescribeInstances(ctx context.Context, ids []string) ([]Instance, error)
}

// maxInstances is how many values a filter of DescribeInstances takes.
const maxInstances = 200

// hosts asks EC2 about instances. An instance that is there says nothing of a run on it,
// whatever its state: a host is not a run. One that is terminated took its runs along.
func hosts(ctx context.Context, client EC2, refs []Reference) map[Reference]status {
	found := make(map[Reference]status, len(refs))
	for len(refs) > 0 {
		part := refs[:min(len(refs), maxInstances)]
		refs = refs[len(part):]
		for r, s := range someHosts(ctx, client, part) {
			found[r] = s
		}
	}
	return found
}

// someHosts filters by IDs instead of naming them: one name that EC2 does not know would
// fail the call for all.
func someHosts(ctx context.Context, client EC2, refs []Reference) map[Reference]status {
	found := all(refs, "EC2 has no such instance in this account and region any more")
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	instances, err := client.DescribeInstances(ctx, ids)
	if err != nil {
		return all(refs, awsProblem("EC2", err))
	}
	for _, i := range instances {
		r := Reference{Source: policy.EC2, ID: i.ID}
		if _, asked := found[r]; asked {
			found[r] = i.status()
		}
	}
	return found
}

func (i Instance) status() status {
	switch i.State {
	case "":
		return unknown("EC2 does not say its state")
	case "terminated":
		return status{State: policy.RunEnded, Ended: transition(i.Reason), Detail: "instance terminated"}
	}
	return unknown("the instance is " + word(i.State) + ", which says nothing of a run on it")
}

// transition is the time in a StateTransitionReason, such as "User initiated (2026-01-02
// 03:04:05 GMT)"; zero where there is none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
func transition(reason string) time.Time {
	_, rest, _ := strings.Cut(reason, "(")
	text, _, _ := strings.Cut(rest, ")")
	text = strings.TrimSuffix(strings.TrimSuffix(text, " GMT"), " UTC")
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
