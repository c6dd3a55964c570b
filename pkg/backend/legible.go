package backend

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
)

// A key may have characters that XML cannot have. S3 encodes them where a listing is asked to, but not in its
// errors, which name the key, and some stores encode them nowhere. The SDK understands nothing of such an answer: neither that
// an object is not there, nor what is listed of other keys.

// illegible stands for such a character.
const illegible = utf8.RuneError

// legible makes errors of S3, and lists of versions, XML that can be read. Other listings stay as they are: a lock
// whose name is garbled must not pass for another.
func legible(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Legible", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok || err != nil || response.StatusCode < http.StatusMultipleChoices && awsmiddleware.GetOperationName(ctx) != "ListObjectVersions" {
			return out, metadata, err
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return out, metadata, err
		}
		response.Body = struct {
			io.Reader
			io.Closer
		}{bytes.NewReader([]byte(legibleText(string(text)))), response.Body}
		return out, metadata, nil
	}), middleware.After)
}

var references = regexp.MustCompile(`&#(?:x[0-9a-fA-F]+|[0-9]+);`)

// legibleText puts the sign for an illegible character in the place of each one that XML cannot have.
func legibleText(text string) string {
	text = strings.Map(func(r rune) rune {
		if inXML(r) {
			return r
		}
		return illegible
	}, text)
	if !strings.Contains(text, "&#") {
		return text
	}
	return references.ReplaceAllStringFunc(text, func(reference string) string {
		digits, base := reference[2:len(reference)-1], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 31); err == nil && inXML(rune(n)) {
			return reference
		}
		return string(illegible)
	})
}

// garbled reports whether a page that does not encode its keys cannot name this one.
func garbled(key string) bool {
	return !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return r == illegible || !inXML(r) })
}

// inXML reports whether XML 1.0 can have a character.
func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || ' ' <= r && r <= '\uD7FF' || '\uE000' <= r && r <= '\uFFFD' || '\U00010000' <= r && r <= utf8.MaxRune
}
