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

// excepted are what engines cannot do, by engine and row.
var excepted = map[string]map[string]exception{
	server.S3rver.Name: {
		"bucket: a held lock cannot be taken":                                            {ignoresConditions, "a second lock was taken over the first"},
		"bucket: of many that take a lock at once, one gets it":                          {ignoresConditions, "both have the lock"},
		"bucket: a lock that changed is left alone, and its holder is named":             {ignoresConditions, "took the new one"},
		"bucket: a release takes the one lock, once":                                     {deletesNothing, "a second release"},
		"bucket: a state that is gone or changed is not deleted":                         {ignoresConditions, "took the new one"},
		"bucket: a state is written only where there is none":                            {ignoresConditions, "written over another"},
		"bucket: a control character in a key is listed as it is":                        {noControl, "illegal character"},
		"bucket: a key with // is listed as it is":                                       {noDoubleSlash, "NotFound"},
		"bucket: a deleted state is kept as a version, and written back over its marker": {noVersions, "keeps no versions"},
	},
	server.Versitygw.Name: {
		"bucket: a release takes the one lock, once":                                     {deletesNothing, "a second release"},
		"bucket: a released lock can be taken again":                                     {markerIsObject, "counts a delete marker as an object"},
		"bucket: a state that is gone or changed is not deleted":                         {deletesNothing, "a second delete"},
		"bucket: a deleted state is kept as a version, and written back over its marker": {markerIsObject, "counts a delete marker as an object"},
		"bucket: a control character in a key is listed as it is":                        {noControl, "not listed by that name"},
		"bucket: a key with // is listed as it is":                                       {noDoubleSlash, "not listed by that name"},
	},
	server.VersitygwPlain.Name: {
		"bucket: a release takes the one lock, once":                                     {deletesNothing, "a second release"},
		"bucket: a state that is gone or changed is not deleted":                         {deletesNothing, "a second delete"},
		"bucket: a deleted state is kept as a version, and written back over its marker": {noVersions, "keeps no versions"},
		"bucket: a control character in a key is listed as it is":                        {noControl, "not listed by that name"},
		"bucket: a key with // is listed as it is":                                       {noDoubleSlash, "not listed by that name"},
	},
}
