package deploycheck

import (
	"strconv"
	"strings"
)

// The parts of the AllowedPatterns of template.yaml, in syntax that Java (CloudFormation)
// and Go read alike. They accept a subset of what the functions do: nothing that a
// function would refuse, and no escapes or blanks in a glob, for which ? stands.
const (
	// A component above zero, then up to three more: Go's durations, none of which overflows.
	component = `([0-9]{1,5}(\.[0-9]{1,3})?h|[0-9]{1,7}(\.[0-9]{1,3})?(m|s|ms|us)|[0-9]{1,7}ns)`
	positive  = `([1-9][0-9]{0,4}(\.[0-9]{1,3})?h|[1-9][0-9]{0,6}(\.[0-9]{1,3})?(m|s|ms|us)|[1-9][0-9]{0,6}ns|0\.[0-9]{0,2}[1-9](h|m|s|ms|us))`
	duration  = positive + component + `{0,3}`

	braces = `\{[^{};\s\\\[\]]*\}`
	class  = `\[[!^]?([A-Za-z0-9._](-[A-Za-z0-9._])?)+\]`
)

// some is one or more of plain characters, braces and classes, and many any number.
// A run of plain characters is one loop of the engine: Java's recurses for each round of
// a loop over alternatives, and would overflow its stack on a long glob.
func some(plain string) string {
	return `(` + plain + `|` + braces + `|` + class + `)` + many(plain)
}

func many(plain string) string {
	return plain + `*((` + braces + `|` + class + `)` + plain + `*)*`
}

// override is one of StuckAfterOverrides. A glob on bucket/key contains a slash or **: any
// other can never match. No bucket has a colon in its name, which s3: and arn: would have.
func override() string {
	const bucket, anything = `[^,;\s\\{}\[\]/:]`, `[^,;\s\\{}\[\]]`
	return `(operation:` + some(anything) + `|` + some(bucket) + `/` + many(anything) + `|` + many(bucket) + `\*\*` + many(bucket) + `)=` + duration
}

// selected is one pattern of AutoRelease, as override's glob is. It is inside of JSON, so no
// part of it has a quotation mark or a control character.
func selected() string {
	const bucket, anything = `[^,;"\x00-\x20\\{}\[\]/:]`, `[^,;"\x00-\x20\\{}\[\]]`
	return strings.ReplaceAll(`(operation:`+some(anything)+`|`+some(bucket)+`/`+many(anything)+`|`+many(bucket)+`\*\*`+many(bucket)+`)`, braces, quoteless)
}

const quoteless = `\{[^{};"\x00-\x20\\\[\]]*\}`

// SelectionPattern is the AllowedPattern of AutoRelease.
func SelectionPattern() string {
	return `^(` + selected() + `(, *` + selected() + `)*(, *)?)?$`
}

// SitePattern is the AllowedPattern of the URL of a CI system: a host, a port and a path
// without dots that lead elsewhere.
func SitePattern() string {
	return `^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$`
}

// keyGlob is a glob on a key: segments between slashes, or one segment with a dot or a
// sign of a glob. A colon in its first segment is only that of env:, since s3: and arn:
// are no keys.
func keyGlob() string {
	const first, segment = `[^,;\s\\{}\[\]/:!]`, `[^,;\s\\{}\[\]/]`
	return `((env:|` + some(first) + `)(/` + some(segment) + `)+|` + many(first) + `([.*?]|` + braces + `|` + class + `)` + many(first) + `)`
}

// DurationPattern is the AllowedPattern of every duration.
func DurationPattern() string { return `^` + duration + `$` }

// OverridesPattern is the AllowedPattern of StuckAfterOverrides.
func OverridesPattern() string {
	return `^(` + override() + `(, *` + override() + `)*(, *)?)?$`
}

// PrunePathsPattern is the AllowedPattern of PrunePaths: exclusions, a glob that
// includes, then any.
func PrunePathsPattern() string {
	return `^((!` + keyGlob() + `, *)*` + keyGlob() + `(, *!?` + keyGlob() + `)*(, *)?)?$`
}

// twelve is \d{12}, which Go does not take within a repetition of many rounds.
const twelve = `\d\d\d\d\d\d\d\d\d\d\d\d`

// NamesLimit is how many characters the names in a list of tables, or of buckets, may
// have together, each rounded up to a multiple of five: twenty names of forty.
const NamesLimit = 800

// TablePattern and the like are those of lists of ARNs.
func TablePattern() string {
	return named(`arn:[a-z0-9-]+:dynamodb:[a-z0-9-]+:` + twelve + `:table/`)
}

// BucketPattern also takes the upper case and underscores of old buckets in us-east-1.
func BucketPattern() string { return named(`arn:[a-z0-9-]+:s3:::`) }

// named is a list of ARNs that bounds its names together: MaxLength counts the prefixes
// too, and those do not reach a function's environment. Each round of the loop is five
// characters of a name, or what is left of one and the beginning of the next.
func named(prefix string) string {
	const char = `[A-Za-z0-9_.*-]`
	begin := prefix + char
	return `^(` + begin + `(` + char + `{5}|` + char + `{0,4},` + begin + `){0,` + strconv.Itoa(NamesLimit/5-1) + `}` + char + `{0,4})?$`
}

// KeyPattern takes * for every key of an account and region.
func KeyPattern() string {
	const key = `arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key/([A-Za-z0-9-]+|\*)`
	return `^(` + key + `(,` + key + `)*)?$`
}
