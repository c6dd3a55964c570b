package main

// automaticMutations switch off each condition of an automatic release.
var automaticMutations = map[string]mutation{
	"a run in progress has ended": {
		"pkg/run/github.go", "case answer.Status == \"completed\":", "case answer.Status != \"\":",
		"TestAutomatic",
		nil,
		"while the run that took it lives",
	},
	"a run of which nothing is known has ended": {
		"pkg/run/answer.go", "\tdefault:\n\t\trun.Status = policy.RunUnknown\n", "\tdefault:\n\t\trun.Status, run.Ended = policy.RunEnded, &l.Taken\n",
		"TestAutomatic",
		nil,
		"while the run that took it lives",
	},
	"a run that ended before the lock was taken is its run": {
		"pkg/run/answer.go", "case ended.Before(taken):", "case false:",
		"TestAutomatic",
		nil,
		"while the run that took it lives",
	},
	"one of two runs has ended": {
		"pkg/run/asker.go", "case len(n.runs) == 0 || n.runs[0] != r:", "case len(n.runs) == 0:",
		"TestAutomatic",
		nil,
		"while the run that took it lives",
	},
	"a run that ended a moment ago ended long ago": {
		"pkg/policy/auto.go", "since <= c.Guard {", "since <= 0 {",
		"TestAutomatic",
		nil,
		"after its run ended",
	},
	"a state that was written since was not": {
		"pkg/policy/auto.go", "case c.State.Written.After(ended):", "case false:",
		"TestAutomatic",
		nil,
		"although its state was written since its run ended",
	},
	"nothing else is on the state": {
		"pkg/policy/auto.go", "\tswitch {\n\tcase len(c.Rivals) > 0:", "\tswitch {\n\tcase true:\n\tcase len(c.Rivals) > 0:",
		"TestAutomatic",
		nil,
		"although another lock is on its state",
	},
	"no tag keeps a lock": {
		"pkg/policy/auto.go", "case a.Tags.keeps():", "case false:",
		"TestAutomatic",
		nil,
		"although somebody wants it to stay",
	},
	"nobody asked that it stays": {
		"pkg/policy/auto.go", "if a.KeptBy != \"\" {", "if false {",
		"TestAutomatic",
		nil,
		"although somebody wants it to stay",
	},
	"tags that cannot be read are none": {
		"pkg/policy/auto.go", "case a.Tags == nil || a.Tags.Problem != \"\":", "case a.Tags == nil:",
		"TestAutomatic",
		nil,
		"although nobody could read its tags",
	},
	"people need not know of a release": {
		"pkg/monitor/autorelease.go", "if err := p.notifier.publish(ctx, event); err != nil {", "if err := error(nil); err != nil {",
		"TestAutomatic",
		nil,
		"and no earlier scan had announced it",
	},
	"what was announced during a scan came before it": {
		"pkg/monitor/auto.go", "case !p.known.earlier.HasPlan(key, *plan):", "case false:",
		"TestAutomatic",
		nil,
		"and no earlier scan had announced it",
	},
	"the announced time is no promise": {
		"pkg/monitor/autorelease.go", "NotBefore: one.NotBefore})", "NotBefore: p.found.Started})",
		"TestAutomatic",
		nil,
		"its lock is there: false",
	},
	"a plan outlives what held its lock back": {
		"pkg/monitor/auto.go", "(auto.Plan.Mode == policy.AutoRelease || passed) && !p.stands[key]", "false && passed",
		"TestAutomatic",
		nil,
		"although something changed since it was announced",
	},
	"nothing changes after the announcement": {
		"pkg/policy/auto.go", "func (b Basis) Same(o Basis) bool {\n", "func (b Basis) Same(o Basis) bool {\n\tif true {\n\t\treturn true\n\t}\n",
		"TestAutomatic",
		nil,
		"although something changed since it was announced",
	},
	"a half that goes is no change": {
		"pkg/policy/auto.go", " || len(b.Holdings) != len(o.Holdings) {\n", " {\n\t\treturn false\n\t}\n\tif len(b.Holdings) != len(o.Holdings) {\n\t\treturn true\n\t}\n\tif false {\n",
		"TestAutomatic",
		nil,
		"although something changed since it was announced",
	},
	"a refusal leaves the plan as it is": {
		"pkg/unlock/refuse.go", "if r.automatic() && u.AutoReleases != nil {", "if false {",
		"TestAutomatic",
		nil,
		"and it was refused since it was announced",
	},
	"two monitors may both claim a release": {
		"pkg/ledger/autoreleases.go", "\tif read == \"\" {\n\t\tinput.ConditionExpression", "\tinput.ConditionExpression = nil\n\tif false {\n\t\tinput.ConditionExpression",
		"TestAutomaticDuels",
		nil,
		"the unlock function was invoked twice for one lock",
	},
	"nothing brakes": {
		"pkg/policy/brake.go", "case len(recent) >= brakeReleases:", "case false:",
		"TestAutomatic",
		nil,
		"a fourth automatic release within an hour",
	},
	"report mode releases": {
		"pkg/monitor/auto.go", "case plan != nil && plan.Mode == p.known.auto.Mode && p.known.auto.Mode == policy.AutoReport:", "case false:",
		"TestAutomatic",
		nil,
		"the unlock function was invoked in report mode",
	},
	"AutoRelease selects everything": {
		"pkg/monitor/auto.go", "if check.Selected {\n\t\tcheck.HeldBack = p", "if true {\n\t\tcheck.HeldBack = p",
		"TestAutomatic",
		nil,
		"that AutoRelease does not select",
	},
	"the unlock function trusts the monitor": {
		"pkg/unlock/auto.go", "if reasons := u.heldBack(ctx, r, f, c, known); len(reasons) > 0 {", "if reasons := u.heldBack(ctx, r, f, c, known); false {",
		"TestAutomaticDuels",
		nil,
		"released automatically although",
	},
}
