package backend

import (
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A row of 400 KB may hold a list of 399,000 empty texts, each of which DynamoDB counts as one byte: 4 MB of JSON, and some
// 40 MB once it is decoded. One answer has up to 16 MB of rows, more than any function holds. Clients write texts, and nobody here looks into
// anything else. So lists, maps and sets lose what is in them before the SDK decodes an answer.

// flat empties what is nested in the rows of an answer.
func flat(stack *middleware.Stack) error {
	// Outside of the check of the answer's checksum, which is that of all of it.
	return stack.Deserialize.Insert(middleware.DeserializeMiddlewareFunc("Flat", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
			response.Body = struct {
				io.Reader
				io.Closer
			}{&flattener{answer: response.Body}, response.Body}
		}
		return out, metadata, err
	}), "OperationDeserializer", middleware.After)
}

// flattener reads an answer without what is nested in its rows.
type flattener struct {
	answer io.Reader

	depth         int  // of the lists and objects that are open
	text, escaped bool // in a string; behind a backslash in it
	member        []byte
	deepest       int // what is open deeper is left out; 0: nothing is
}

// attributes is how deep the value of an attribute is in an answer, by the answer's member that has the row. Other members have none.
var attributes = map[string]int{"Item": 3, "Attributes": 3, "LastEvaluatedKey": 3, "Items": 4, "Responses": 5}

func (f *flattener) Read(p []byte) (int, error) {
	for {
		n, err := f.answer.Read(p)
		if n = f.flatten(p[:n]); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// flatten moves what stays to the front, and says how much that is.
func (f *flattener) flatten(p []byte) (kept int) {
	for _, c := range p {
		stays := f.deepest == 0 || f.depth <= f.deepest
		switch {
		case f.text:
			f.within(c)
		case c == '"':
			f.text, f.member = true, f.member[:0]
		case c == '{' || c == '[':
			f.depth++
		case c == '}' || c == ']':
			f.depth--
			stays = f.deepest == 0 || f.depth <= f.deepest
		}
		if stays {
			p[kept] = c
			kept++
		}
	}
	return kept
}

// within takes a character of a string. The names of the answer's own members are short.
func (f *flattener) within(c byte) {
	const longest = 32
	switch {
	case f.escaped:
		f.escaped = false
	case c == '\\':
		f.escaped = true
	case c == '"':
		if f.text = false; f.depth == 1 {
			f.deepest = attributes[string(f.member)]
		}
		return
	}
	if f.depth == 1 && len(f.member) < longest {
		f.member = append(f.member, c)
	}
}
