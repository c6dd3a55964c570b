package scale

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const s3Time = "2006-01-02T15:04:05.000Z"

// s3 answers the calls on buckets, which are named in the path.
func (w *World) s3(r *http.Request, body []byte) answer {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if name == "" && r.Method == http.MethodGet {
		w.count(r, "ListBuckets")
		return w.listBuckets(r.URL.Query())
	}
	call := s3Call(r, key)
	w.count(r, call)
	b, ok := w.Buckets[name]
	if !ok {
		return fault(http.StatusNotFound, "NoSuchBucket")
	}
	if region := cmp.Or(b.Region, Region); !strings.Contains(r.Header.Get("Authorization"), "/"+region+"/s3/") {
		moved := fault(http.StatusMovedPermanently, "PermanentRedirect")
		moved.header["X-Amz-Bucket-Region"] = region
		return moved
	}
	switch call {
	case "HeadBucket":
		return answer{status: http.StatusOK, header: map[string]string{"X-Amz-Bucket-Region": cmp.Or(b.Region, Region)}}
	case "ListObjectsV2":
		return b.listing(r.URL.Query())
	case "ListObjectVersions":
		return b.versions(r.URL.Query())
	case "GetBucketVersioning":
		return ok200(`<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`)
	case "GetObjectTagging":
		if _, ok := b.get(key); !ok {
			return fault(http.StatusNotFound, "NoSuchKey")
		}
		return ok200(`<Tagging><TagSet></TagSet></Tagging>`)
	case "GetObject", "HeadObject":
		o, ok := b.get(key)
		if !ok {
			return fault(http.StatusNotFound, "NoSuchKey")
		}
		return answer{status: http.StatusOK, body: []byte(o.Body), header: map[string]string{
			"ETag": o.etag(), "Last-Modified": o.Modified.UTC().Format(http.TimeFormat), "X-Amz-Version-Id": "v1",
		}}
	case "PutObject":
		return b.put(r, key, body)
	case "DeleteObject":
		return b.remove(r, key)
	default:
		return fault(http.StatusNotImplemented, "NotImplemented")
	}
}

func s3Call(r *http.Request, key string) string {
	query := r.URL.Query()
	switch {
	case key == "" && r.Method == http.MethodHead:
		return "HeadBucket"
	case key == "" && r.Method == http.MethodGet && query.Has("versioning"):
		return "GetBucketVersioning"
	case key == "" && r.Method == http.MethodGet && query.Get("list-type") == "2":
		return "ListObjectsV2"
	case key == "" && r.Method == http.MethodGet && query.Has("versions"):
		return "ListObjectVersions"
	case key != "" && r.Method == http.MethodGet && query.Has("tagging"):
		return "GetObjectTagging"
	case key != "" && r.Method == http.MethodGet:
		return "GetObject"
	case key != "" && r.Method == http.MethodHead:
		return "HeadObject"
	case key != "" && r.Method == http.MethodPut:
		return "PutObject"
	case key != "" && r.Method == http.MethodDelete:
		return "DeleteObject"
	}
	return r.Method + " " + r.URL.String()
}

// versions is the list of the only version that an object has here.
func (b *Bucket) versions(query url.Values) answer {
	key := query.Get("prefix")
	encode, encoding := encodingOf(query)
	var version bytes.Buffer
	version.WriteString(encoding)
	if o, ok := b.get(key); ok {
		version.WriteString("<Version><Key>")
		_ = xml.EscapeText(&version, []byte(encode(key))) // a buffer takes everything
		fmt.Fprintf(&version, "</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest><LastModified>%s</LastModified><ETag>%s</ETag></Version>",
			o.Modified.UTC().Format(s3Time), strings.ReplaceAll(o.etag(), `"`, "&quot;"))
	}
	return ok200(fmt.Sprintf(`<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><IsTruncated>false</IsTruncated>%s</ListVersionsResult>`, b.Name, version.String()))
}

// encodingOf is how a listing gives keys, and what it says of that.
func encodingOf(query url.Values) (encode func(key string) string, element string) {
	if query.Get("encoding-type") != "url" {
		return func(key string) string { return key }, ""
	}
	return func(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }, "<EncodingType>url</EncodingType>"
}

// listing is a page as S3 writes it.
func (b *Bucket) listing(query url.Values) answer {
	limit := 1000
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		limit = min(n, limit)
	}
	behind := query.Get("continuation-token")
	if behind == "" {
		behind = query.Get("start-after")
	}
	keys, more := b.list(query.Get("prefix"), behind, limit)
	encode, encoding := encodingOf(query)
	var page bytes.Buffer
	fmt.Fprintf(&page, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><Prefix></Prefix><KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys>%s<IsTruncated>%t</IsTruncated>`,
		b.Name, len(keys), limit, encoding, more)
	if more {
		fmt.Fprintf(&page, `<NextContinuationToken>%s</NextContinuationToken>`, escape(keys[len(keys)-1]))
	}
	for _, key := range keys {
		o, ok := b.objects[key]
		if !ok { // of the crowd: its listing needs no body
			o = Object{Modified: b.Crowd.Taken}
			if b.Crowd.Content != nil || b.Crowd.State != nil { // but its size
				o, _ = b.get(key)
			}
		}
		etag, size := b.listed(o, ok)
		fmt.Fprintf(&page, `<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>`,
			escape(encode(key)), o.Modified.UTC().Format(s3Time), escape(etag), size)
	}
	page.WriteString("</ListBucketResult>")
	return ok200(page.String())
}

// listed is what a listing says of an object's bytes; known are those of an object that is not of the crowd.
func (b *Bucket) listed(o Object, known bool) (etag string, size int) {
	etag, size = `"d41d8cd98f00b204e9800998ecf8427e"`, len(o.Body)+180
	if known || b.Crowd.State != nil {
		etag = o.etag()
	}
	if b.Crowd.State != nil {
		size = len(o.Body)
	}
	return etag, size
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

func ok200(body string) answer {
	return answer{status: http.StatusOK, header: map[string]string{"Content-Type": "application/xml"}, body: []byte(body)}
}

// The status of faults is S3's; a HEAD has no body for the code.
func fault(status int, code string) answer {
	return answer{status: status, header: map[string]string{"Content-Type": "application/xml", "X-Amz-Bucket-Region": Region}, body: fmt.Appendf(nil,
		`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s at %s</Message></Error>`, code, code, time.Now().UTC().Format(s3Time))}
}
