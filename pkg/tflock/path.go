package tflock

import (
	"path"
	"strings"
)

// Path names a state: `bucket/key`. It is the LockID of the state's row in a lock table, and
// with Suffix at its end the place of the state's lock object. Rows and payloads are written
// by others, so a path may have no slash at all, or nothing on one side of it: see Valid.
type Path string

// NewPath is the path of the state with that key in a bucket.
func NewPath(bucket, key string) Path { return Path(bucket + "/" + key) }

// Bucket is what is before the first slash, which no bucket's name has; all of a path
// without one.
func (p Path) Bucket() string {
	bucket, _, _ := strings.Cut(string(p), "/")
	return bucket
}

// Key is what follows the first slash; nothing of a path without one.
func (p Path) Key() string {
	_, key, _ := strings.Cut(string(p), "/")
	return key
}

// Valid reports whether the path has both a bucket and a key.
func (p Path) Valid() bool { return p.Bucket() != "" && p.Key() != "" }

// Prefix is the top-level prefix of the path: the bucket and the first part of the key. Keys
// without a slash share one, the bucket itself: each of them would be a prefix otherwise, and
// whoever bounds by prefix would bound nothing.
func (p Path) Prefix() string {
	bucket, key, _ := strings.Cut(string(p), "/")
	first, _, nested := strings.Cut(key, "/")
	if !nested {
		return bucket
	}
	return bucket + "/" + first
}

// Clean returns the path under which Terraform up to 1.5 stores the state that it calls p.
// Those releases build S3 requests with version 1 of AWS's SDK, which cleans the URL:
// repeated slashes become one, and "." and ".." are resolved. The rows in the lock table
// keep the name as it was configured, so that `bucket/a//b` and `bucket/a//b-md5` belong to
// the object `bucket/a/b`. Terraform 1.6 and later, and OpenTofu, store the object under
// the name itself. (Source: cleanPath in private/protocol/rest of aws-sdk-go 1.44;
// Terraform 1.5.7 run against a local endpoint.)
func (p Path) Clean() Path {
	if !p.Valid() {
		return p
	}
	clean := strings.TrimPrefix(path.Clean("/"+p.Key()), "/")
	if clean == "" {
		return p // nothing is left of the key, so that no client can store it
	}
	if strings.HasSuffix(string(p), "/") {
		clean += "/"
	}
	return NewPath(p.Bucket(), clean)
}

// accessPoint is a state's path whose bucket is the ARN of an access point. AWS's SDKs take colons in it too.
var accessPoint = lazily(`^arn:[^/]*:(?:outpost[/:][^/:]+[/:])?accesspoint[/:][^/:]+/((?s:.*))$`)

// AccessPointKey returns the key of a state whose client names the bucket by an access point, by its ARN or its alias, and false for
// any other path. The row of such a lock begins with that name, while the objects are in the bucket behind it.
func (p Path) AccessPointKey() (key string, ok bool) {
	if !strings.HasPrefix(string(p), "arn:") {
		return p.Key(), strings.HasSuffix(p.Bucket(), "-s3alias")
	}
	found := accessPoint.FindStringSubmatch(string(p))
	if found == nil {
		return "", false
	}
	return found[1], true
}

// LocksOnly reports whether nothing but a lock counts under this name of a state, and only others lock it there: one that climbs, or one
// that begins with an access point, of which nobody knows whether the state's bucket is behind it.
func (p Path) LocksOnly() bool {
	_, through := p.AccessPointKey()
	return through || p.Climbs()
}

// Objects returns the paths of the objects that a lock row of this name may be for: the
// name itself, and where it differs the one that Terraform up to 1.5 stores.
func (p Path) Objects() []Path {
	if clean := p.Clean(); clean != p {
		return []Path{p, clean}
	}
	return []Path{p}
}

// Climbs reports whether the key has a ".." in it. A row of such a name, in the table of a team that
// may write its own prefix alone, would be one of another team's state, and no team configures
// such a key: it may be locked, but what such a row says of a state counts for nothing.
func (p Path) Climbs() bool {
	for part := range strings.SplitSeq(p.Key(), "/") {
		if part == ".." {
			return true
		}
	}
	return false
}
