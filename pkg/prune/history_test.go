package prune_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// The answer to the state's delete is lost, and the version that was to be deleted is not in
// the history any more, since a lifecycle rule or a person removed it. Whoever deleted the
// state: the history does not say that this run pruned it, and nothing can be restored. So the
// run says that it is not known, and offers no restore.
func TestPrunedIsWhatTheHistorySays(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"the answer is lost": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset by the test") },
		"a repeat of the delete, by the SDK, meets nothing": func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
				Body: io.NopCloser(strings.NewReader("<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")),
			}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			version, _, err := w.Set.Buckets[0].LastVersion(t.Context(), w.Path(key))
			if err != nil {
				t.Fatal(err)
			}
			client := ownAnswers{&local.Wire{}, func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodDelete || !strings.HasSuffix(r.URL.Path, ".tfstate") {
					return nil, nil
				}
				_, err := server.S3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: new(key)})
				if err == nil {
					_, err = server.S3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: new(key), VersionId: &version})
				}
				if err != nil {
					return nil, err
				}
				return answer(r)
			}}
			report, err := w.prunerOver(client).Run(t.Context(), prune.Request{}, "r")
			if err != nil || len(report.Pruned) != 0 || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "whether it was pruned is not known") {
				t.Errorf("the run says %+v, %v", report, err)
			}
			w.later(time.Minute)
			report = w.prune()
			if len(report.Pruned) != 0 || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "is not known") || len(w.prunedLately()) != 0 || len(w.held()) != 0 {
				t.Errorf("the next run says %+v; to restore: %+v; held: %v", report, w.prunedLately(), w.held())
			}
		})
	}
}

// A state that was written very often since has its version deeper in the history than is read. Whether
// that version was pruned is then not known: it is said once, and nothing is offered for restore.
func TestAPruneBeyondTheHistoryThatIsReadIsNotKnown(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	lists := 0
	client := ownAnswers{&local.Wire{}, func(r *http.Request) (*http.Response, error) {
		switch {
		case r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ".tfstate"):
			return nil, errors.New("connection reset by the test")
		case r.URL.Query().Has("versions") && r.URL.Query().Get("prefix") == key:
			lists++
			var b strings.Builder
			for i := range 1000 {
				fmt.Fprintf(&b, `<Version><Key>%s</Key><VersionId>newer-%d-%d</VersionId><IsLatest>%t</IsLatest><LastModified>2026-11-28T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>2</Size></Version>`, key, lists, i, false)
			}
			return &http.Response{
				StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
				Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`<ListVersionsResult><Name>%s</Name><IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>%d</NextVersionIdMarker>%s</ListVersionsResult>`, w.Bucket, key, lists, b.String()))),
			}, nil
		}
		return nil, nil
	}}
	report, err := w.prunerOver(client).Run(t.Context(), prune.Request{}, "r")
	if err != nil || len(report.Pruned) != 0 || len(report.Errors) != 1 || lists > 25 {
		t.Errorf("the run says %+v, %v after %d lists", report, err, lists)
	}
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: new(key), Body: bytes.NewReader(local.State(t, "destroyed"))}); err != nil {
		t.Fatal(err)
	}
	for n, want := range []int{1, 0} {
		w.later(time.Hour)
		lists = 0
		report, err = w.prunerOver(client).Run(t.Context(), prune.Request{}, fmt.Sprint("r", n))
		said := strings.Count(strings.Join(report.Errors, "\n"), "is not known")
		if err != nil || len(report.Pruned) != 0 || said != want || len(w.prunedLately()) != 0 || lists > 12 {
			t.Errorf("a later run says %+v, %v after %d lists; to restore: %+v", report, err, lists, w.prunedLately())
		}
	}
}

// ownAnswers gives answers of its own: nil, nil lets the call through.
type ownAnswers struct {
	*local.Wire
	own func(r *http.Request) (*http.Response, error)
}

func (c ownAnswers) Do(r *http.Request) (*http.Response, error) {
	if response, err := c.own(r); response != nil || err != nil {
		return response, err
	}
	return c.Wire.Do(r)
}
