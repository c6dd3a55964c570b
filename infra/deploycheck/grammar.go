package deploycheck

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

	// A glob on bucket/key contains a slash or **: any other can never match. No bucket has
	// a colon in its name, which s3: and arn: would have there.
	bucket   = `([^,;\s\\{}\[\]/:]|` + braces + `|` + class + `)`
	anything = `([^,;\s\\{}\[\]]|` + braces + `|` + class + `)`
	override = `(operation:` + anything + `+|` + bucket + `+/` + anything + `*|` + bucket + `*\*\*` + bucket + `*)=` + duration

	// A glob on a key: segments between slashes, or one segment with a dot or a sign of a
	// glob. A colon in its first segment is only that of env:, since s3: and arn: are no keys.
	first   = `([^,;\s\\{}\[\]/:!]|` + braces + `|` + class + `)`
	segment = `([^,;\s\\{}\[\]/]|` + braces + `|` + class + `)+`
	single  = first + `*([.*?]|` + braces + `|` + class + `)` + first + `*`
	keyGlob = `((env:|` + first + `+)(/` + segment + `)+|` + single + `)`
)

// DurationPattern is the AllowedPattern of every duration.
func DurationPattern() string { return `^` + duration + `$` }

// OverridesPattern is the AllowedPattern of StuckAfterOverrides.
func OverridesPattern() string { return `^(` + override + `(, *` + override + `)*(, *)?)?$` }

// PrunePathsPattern is the AllowedPattern of PrunePaths: exclusions, a glob that
// includes, then any.
func PrunePathsPattern() string {
	return `^((!` + keyGlob + `, *)*` + keyGlob + `(, *!?` + keyGlob + `)*(, *)?)?$`
}

// TablePattern and the like are those of lists of ARNs.
func TablePattern() string {
	return `^(` + arns(`arn:[a-z0-9-]+:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.*-]+`) + `)?$`
}

// BucketPattern also takes the upper case and underscores of old buckets in us-east-1.
func BucketPattern() string {
	return `^(` + arns(`arn:[a-z0-9-]+:s3:::[A-Za-z0-9_.*-]+`) + `)?$`
}

// KeyPattern takes * for every key of an account and region.
func KeyPattern() string {
	return `^(` + arns(`arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key/([A-Za-z0-9-]+|\*)`) + `)?$`
}

func arns(item string) string { return item + `(,` + item + `)*` }
