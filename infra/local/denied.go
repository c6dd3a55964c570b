package local

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// DigestsDenied is the same AWS for a client whose role may take locks and write states, and
// may not write digests: it says that its apply is complete, and every later run fails. It
// is there until stop is called.
func (a *AWS) DigestsDenied() (denied *AWS, stop func(), err error) {
	endpoint, stop, err := Proxy(a.Endpoint, func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") || !bytes.Contains(body, []byte("-md5")) {
			return false
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized to perform dynamodb:PutItem"}`)
		return true
	})
	return a.Through(endpoint), stop, err
}
