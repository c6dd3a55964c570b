package scale

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

type answer struct {
	status int
	header map[string]string
	body   []byte
}

// answer tells the services apart as AWS's SDKs call them.
func (w *World) answer(r *http.Request) answer {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return plain(http.StatusBadRequest, err.Error())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		service, call, _ := strings.Cut(target, ".")
		w.count(r, call)
		if service == "GraniteServiceVersion20100801" && call == "PutMetricData" { // CloudWatch as boto3 calls it
			return asJSON(struct{}{})
		}
		return w.dynamo(call, body)
	}
	if r.Method == http.MethodPost && r.URL.Path == "/" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return plain(http.StatusBadRequest, err.Error())
		}
		w.count(r, form.Get("Action"))
		return query(form.Get("Action"))
	}
	return w.s3(r, body)
}

// query answers CloudWatch and SNS, which take what they are given.
func query(action string) answer {
	result := ""
	switch action {
	case "PutMetricData":
	case "Publish":
		result = "<PublishResult><MessageId>00000000-0000-0000-0000-000000000000</MessageId></PublishResult>"
	default:
		return plain(http.StatusBadRequest, "this AWS does not know "+action)
	}
	return answer{status: http.StatusOK, header: map[string]string{"Content-Type": "text/xml"}, body: fmt.Appendf(nil,
		"<%sResponse>%s<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></%sResponse>", action, result, action)}
}

func plain(status int, text string) answer { return answer{status: status, body: []byte(text)} }

func asJSON(v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return plain(http.StatusInternalServerError, err.Error())
	}
	return answer{status: http.StatusOK, header: map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Crc32": strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10),
	}, body: body}
}
