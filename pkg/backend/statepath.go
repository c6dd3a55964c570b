package backend

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// ParseStatePath reads a state's path as people paste it: bucket/key, s3://bucket/key, an
// object's ARN, its HTTPS URL or its page in the S3 console. Blanks and quotes around it do
// not count. The error says what to write instead.
func ParseStatePath(text string) (tflock.Path, error) {
	text = strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`<>“”‘’\u200b\ufeff", r)
	})
	path, err := text, error(nil)
	switch scheme, rest, found := strings.Cut(text, "://"); {
	case found && strings.EqualFold(scheme, "s3"):
		path = rest
	case found && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http")):
		path, err = pathOfURL(text)
	case found:
		err = fmt.Errorf("%s:// is not a way to name a state", scheme)
	case strings.HasPrefix(text, "arn:"):
		path, err = pathOfARN(text)
	}
	if err != nil {
		return "", err
	}
	if state := tflock.Path(path); state.Valid() {
		return state, nil
	}
	return "", errors.New("it is not the path of a state, bucket and key")
}

// pathOfARN reads arn:aws:s3:::bucket/key, in any partition.
func pathOfARN(text string) (string, error) {
	a, err := arn.Parse(text)
	if err != nil || a.Service != "s3" || a.Region != "" || a.AccountID != "" {
		return "", errors.New("it is an ARN, but not that of an S3 object: write it like arn:aws:s3:::bucket/key")
	}
	return a.Resource, nil
}

// pathOfURL reads an object's URL, or the address of its page in the console.
func pathOfURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("it is not a valid URL")
	}
	host := strings.ToLower(u.Hostname())
	if isConsole(host) {
		return pathOfPage(u)
	}
	bucket, ok := bucketOfHost(host)
	if !ok {
		return "", errors.New("it is a URL, but not one of S3")
	}
	path := strings.TrimPrefix(u.Path, "/")
	if bucket != "" {
		path = bucket + "/" + path
	}
	return path, nil
}

// bucketOfHost returns the bucket that a host of S3 names: bucket.s3.REGION.amazonaws.com,
// also with dualstack, in the old form s3-REGION and in China. It is empty where the
// bucket is in the URL's path, and false for any other host.
func bucketOfHost(host string) (bucket string, ok bool) {
	name, isGlobal := strings.CutSuffix(host, ".amazonaws.com")
	name, isChina := strings.CutSuffix(name, ".amazonaws.com.cn")
	labels := strings.Split(name, ".")
	const mostBehind = 2 // dualstack and the region
	for i := len(labels) - 1; i >= 0 && i >= len(labels)-1-mostBehind; i-- {
		if labels[i] == "s3" || (strings.HasPrefix(labels[i], "s3-") && i == len(labels)-1) {
			return strings.Join(labels[:i], "."), isGlobal || isChina
		}
	}
	return "", false
}

func isConsole(host string) bool {
	for _, domain := range []string{"console.aws.amazon.com", "console.amazonaws.cn", "console.amazonaws-us-gov.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

// pathOfPage reads /s3/object/BUCKET?prefix=KEY, as the console's address bar has it.
func pathOfPage(u *url.URL) (string, error) {
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	key := u.Query().Get("prefix")
	if len(parts) != 3 || parts[0] != "s3" || (parts[1] != "object" && parts[1] != "buckets") || key == "" {
		return "", errors.New("it is a page of the AWS console, but not that of an S3 object")
	}
	return parts[2] + "/" + key, nil
}
