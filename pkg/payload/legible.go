package payload

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Legible escapes what the strings of JSON may have in them and a terminal takes for a command, or does not show: control
// and direction characters, which whoever takes a lock writes into its fields. The JSON means the same. Of what it escapes, SNS and
// SQS do not take U+FFFE and U+FFFF, since XML 1.0 has neither, and an object's key can.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func Legible(answer []byte) []byte {
	if bytes.IndexFunc(answer, illegible) < 0 {
		return answer
	}
	var b bytes.Buffer
	for len(answer) > 0 {
		r, size := utf8.DecodeRune(answer)
		switch {
		case !illegible(r):
			b.Write(answer[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		answer = answer[size:]
	}
	return b.Bytes()
}

// illegible leaves out the line ends between the tokens of JSON: it has no other control characters that it does not escape itself.
// A byte outside of UTF-8 counts too: some terminals take it for a command.
func illegible(r rune) bool {
	return r > '~' && (r == utf8.RuneError || r == '\uFFFE' || r == '\uFFFF' || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
}
