package backend_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Rows whose cleaned name is a state's path belong to that state, digests and locks.
func TestAliases(t *testing.T) {
	store, err := contract.NewTable(t.Context(), server.Config())
	if err != nil {
		t.Fatal(err)
	}
	text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	for _, row := range []map[string]types.AttributeValue{
		{"LockID": text("b/a//k-md5"), "Digest": text("d")},
		{"LockID": text("b/a//k"), "Info": text(string(lockJSON(t, "x")))},
		{"LockID": text("b/./a/k"), "Info": text(string(lockJSON(t, "y")))},
		{"LockID": text("b/a//l-md5"), "Info": text(string(lockJSON(t, "z")))}, // of a state whose key ends so
		{"LockID": text("b/.github/k-md5"), "Digest": text("d")},
		{"LockID": text("b/a/k-md5"), "Digest": text("d")},
		{"LockID": text("b/t/../c/k"), "Info": text(string(lockJSON(t, "v")))}, // clients take such a lock
		{"LockID": text("b/t/../junk"), "Info": text("junk")},
		{"LockID": text("b/t/../foreign")},
		{"LockID": text("b/t/../digest-md5"), "Digest": text("d")},
	} {
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &store.Name, Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Table.Aliases(t.Context())
	want := map[tflock.Path][]tflock.Path{"b/a/k": {"b/./a/k", "b/a//k"}, "b/a/l-md5": {"b/a//l-md5"}, "b/c/k": {"b/t/../c/k"}}
	for path, names := range want {
		if of := slices.Sorted(slices.Values(got.Of(path))); !slices.Equal(of, names) {
			t.Errorf("of %s: got %q, want %q", path, of, names)
		}
	}
	if all := slices.Collect(got.All()); err != nil || len(all) != 4 {
		t.Errorf("got %q, %v; want no others than %q", all, err, want)
	}
	for path, names := range map[tflock.Path][]tflock.Path{"b/a/k": want["b/a/k"], "b/a//k": nil, "b/other": nil} {
		found, err := store.Table.AliasesOf(t.Context(), path)
		of := slices.Sorted(slices.Values(found.Of(path)))
		if err != nil || !slices.Equal(of, names) {
			t.Errorf("of %s: got %q, %v; want %q", path, of, err, names)
		}
	}
}
