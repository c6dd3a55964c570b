package tflock

import (
	"path"
	"strings"
)

// CleanPath gives the path (bucket/key) under which Terraform up to 1.5 stores the state
// that it calls `name`. Those releases build S3 requests with version 1 of AWS's SDK, which
// cleans the URL: repeated slashes become one, and "." and ".." are resolved. The rows in
// the lock table keep the name as it was configured, so that `bucket/a//b` and
// `bucket/a//b-md5` belong to the object `bucket/a/b`. Terraform 1.6 and later, and
// OpenTofu, store the object under the name itself. (Source: cleanPath in
// private/protocol/rest of aws-sdk-go 1.44; Terraform 1.5.7 run against a local endpoint.)
func CleanPath(name string) string {
	bucket, key, ok := SplitPath(name)
	if !ok {
		return name
	}
	clean := strings.TrimPrefix(path.Clean("/"+key), "/")
	if clean == "" {
		return name // nothing is left of the key, so that no client can store it
	}
	if strings.HasSuffix(key, "/") {
		clean += "/"
	}
	return bucket + "/" + clean
}

// ObjectPaths gives the paths of the objects that a lock row of this name may be for: the
// name itself, and where it differs the one that Terraform up to 1.5 stores.
func ObjectPaths(name string) []string {
	if clean := CleanPath(name); clean != name {
		return []string{name, clean}
	}
	return []string{name}
}
