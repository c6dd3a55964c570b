package backend

import (
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// KindOf returns the kind of what a store holds, by its ARN, and false for any other text: a
// pattern is no store.
func KindOf(arn string) (tflock.Kind, bool) {
	for kind, parser := range map[tflock.Kind]kind{tflock.DynamoDB: tableKind, tflock.S3: bucketKind} {
		if p, err := parser.parse(arn); err == nil && !strings.Contains(p.name, wildcard) {
			return kind, true
		}
	}
	return "", false
}

// MayBeReplicas reports whether two ARNs may be those of replicas of one global table: they name tables
// of one account and one name in two regions.
func MayBeReplicas(a, b string) bool {
	one, errOne := tableKind.parse(a)
	two, errTwo := tableKind.parse(b)
	return errOne == nil && errTwo == nil && one.name == two.name && one.arn.AccountID == two.arn.AccountID && one.arn.Region != two.arn.Region
}
