package main

import "github.com/lockwarden/lockwarden/infra/engines/server"

// The names of what engines cannot do.
const (
	ignoresConditions = "ignores conditions"
	markerIsObject    = "a delete marker counts as an object"
	noVersions        = "no versions"
	noDoubleSlash     = "no // in keys"
	deletesNothing    = "a delete of nothing succeeds"
	noControl         = "no control characters in listings"
)

// words are the product's own about what an engine cannot do.
type words struct {
	probe string // what `lockwarden probe` says of its buckets
	scan  string // what a scan says, where the probe would do harm to find out
}

// spoken has the words for each exception. There is none without.
var spoken = map[string]words{
	ignoresConditions: {probe: "Locks here are not real"},
	markerIsObject:    {probe: "A path can be locked only once"},
	noVersions:        {probe: "Versioning is off"},
	noDoubleSlash:     {probe: "States with // in their key cannot be kept here under that key"},
	deletesNothing:    {probe: "A release does not show who released"},
	// One such key makes the listings of s3rver unreadable for everybody: nothing to try out.
	noControl: {scan: "a character that its listings cannot carry"},
}

// excepted are what engines cannot do, by engine and row.
var excepted = map[string]map[string]exception{
	server.S3rver.Name: {
		"bucket: a held lock cannot be taken":                                            {ignoresConditions, "a second lock was taken over the first"},
		"bucket: of many that take a lock at once, one gets it":                          {ignoresConditions, "both have the lock"},
		"bucket: a lock that changed is left alone, and its holder is named":             {ignoresConditions, "took the new one"},
		"bucket: a release takes the one lock, once":                                     {deletesNothing, "a second release"},
		"bucket: a state that is gone or changed is not deleted":                         {ignoresConditions, "took the new one"},
		"bucket: a state is written only where there is none":                            {ignoresConditions, "written over another"},
		"bucket: a state is written over only if it is the one that was read":            {ignoresConditions, "was written over"},
		"bucket: a control character in a key is listed as it is":                        {noControl, "the listing is not valid XML"},
		"bucket: a key with // is listed as it is":                                       {noDoubleSlash, "NotFound"},
		"bucket: a deleted state is kept as a version, and written back over its marker": {noVersions, "keeps no versions"},

		"tofu" + diesByFile:                                 {ignoresConditions, "a plan succeeded"},
		"terraform" + diesByFile:                            {ignoresConditions, "a plan succeeded"},
		"tofu" + diesByBoth:                                 {ignoresConditions, "the alert is of another lock"},
		"terraform" + diesByBoth:                            {ignoresConditions, "the alert is of another lock"},
		"a .tflock that changes as it is released survives": {ignoresConditions, "ignores the condition of a delete"},
		"locks on keys with + % space and Unicode are seen and released": {ignoresConditions, "ignores the condition of a delete"},
		"locks on keys with // are seen and released":                    {noDoubleSlash, "NotFound"},
		"the empty state of a branch is pruned, and the next plan works": {noVersions, "unversioned_bucket"},
		"two prunes at once prune each state once, and leave no lock":    {noVersions, "unversioned_bucket"},
		"a pruned state is restored":                                     {noVersions, "unversioned_bucket"},
	},
	server.Versitygw.Name: {
		"bucket: a release takes the one lock, once":                                     {deletesNothing, "a second release"},
		"bucket: a released lock can be taken again":                                     {markerIsObject, "counts a delete marker as an object"},
		"bucket: a state that is gone or changed is not deleted":                         {deletesNothing, "a second delete"},
		"bucket: a deleted state is kept as a version, and written back over its marker": {markerIsObject, "counts a delete marker as an object"},
		"bucket: a control character in a key is listed as it is":                        {noControl, "finds none under the name that it lists"},
		"bucket: a key with // is listed as it is":                                       {noDoubleSlash, "not listed by that name"},

		"tofu" + diesByFile:                           {markerIsObject, "412"},
		"terraform" + diesByFile:                      {markerIsObject, "412"},
		"tofu" + diesByBoth:                           {markerIsObject, "412"},
		"terraform" + diesByBoth:                      {markerIsObject, "412"},
		"locks on keys with // are seen and released": {noDoubleSlash, "does not see the two halves"},
		"the empty state of a branch is pruned, and the next plan works": {markerIsObject, "counts a delete marker as an object"},
		"two prunes at once prune each state once, and leave no lock":    {markerIsObject, "counts a delete marker as an object"},
		"a pruned state is restored":                                     {markerIsObject, "counts a delete marker as an object"},
	},
	server.VersitygwPlain.Name: {
		"bucket: a release takes the one lock, once":                                     {deletesNothing, "a second release"},
		"bucket: a state that is gone or changed is not deleted":                         {deletesNothing, "a second delete"},
		"bucket: a deleted state is kept as a version, and written back over its marker": {noVersions, "keeps no versions"},
		"bucket: a control character in a key is listed as it is":                        {noControl, "finds none under the name that it lists"},
		"bucket: a key with // is listed as it is":                                       {noDoubleSlash, "not listed by that name"},

		"locks on keys with // are seen and released":                    {noDoubleSlash, "does not see the two halves"},
		"the empty state of a branch is pruned, and the next plan works": {noVersions, "unversioned_bucket"},
		"two prunes at once prune each state once, and leave no lock":    {noVersions, "unversioned_bucket"},
		"a pruned state is restored":                                     {noVersions, "unversioned_bucket"},
	},
	server.SeaweedFS.Name: {
		"bucket: a key with // is listed as it is":    {noDoubleSlash, "not listed by that name"},
		"locks on keys with // are seen and released": {noDoubleSlash, "does not see the two halves"},
	},
}
