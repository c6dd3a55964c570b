//go:build !race

package backend_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever may write the rows of one prefix gives 50,000 of its states other names, of 2,000 bytes
// each. A prune begins with all names: it knows those of other prefixes, and that it does not
// know all of this one.
func TestOtherNamesOfOnePrefixTakeLittleMemoryAndHideNoOthers(t *testing.T) {
	const pages, perPage = 100, 500
	page := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		page++
		var b strings.Builder
		b.WriteString(`{"Items":[`)
		for i := range perPage {
			fmt.Fprintf(&b, `{"LockID":{"S":"bucket/flood//%06d%s-md5"}},`, page*perPage+i, strings.Repeat("x", 1980))
		}
		fmt.Fprintf(&b, `{"LockID":{"S":"bucket/other//%d-md5"}}],"Count":%d`, page, perPage+1)
		if page < pages {
			fmt.Fprintf(&b, `,"LastEvaluatedKey":{"LockID":{"S":"%d"}}`, page)
		}
		b.WriteString("}")
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		fmt.Fprint(w, b.String())
	}))
	defer s.Close()
	cfg := server.Config()
	cfg.BaseEndpoint = aws.String(s.URL)
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := statelock.Aliases(t.Context(), set.Tables)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for name := range all.All() {
		kept += len(name)
	}
	if kept > 2<<20 {
		t.Errorf("it keeps %d bytes of names: the rows of one prefix fill its memory", kept)
	}
	for i := range pages {
		path := tflock.Path(fmt.Sprintf("bucket/other/%d", i+1))
		if folder, full := all.Full(path); full || !slices.Equal(all.Of(path), []tflock.Path{tflock.Path(fmt.Sprintf("bucket/other//%d", i+1))}) {
			t.Errorf("%s: names %q, full %q", path, all.Of(path), folder)
		}
	}
	if folder, _ := all.Full("bucket/flood/state"); folder != "bucket/flood/" {
		t.Errorf("the folder of which it does not know all names is %q", folder)
	}
}
