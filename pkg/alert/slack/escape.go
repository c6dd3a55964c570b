package slack

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// plain is a stranger's text for a plain_text object, where Slack reads no markup.
// Angle brackets go all the same: whatever a client makes of a text, without them
// there is no mention and no link in it. limit is in characters.
func plain(text string, limit int) string {
	return fit(alert.Clean(text, limit), limit, func(r rune) string {
		switch r {
		case '<':
			return "‹"
		case '>':
			return "›"
		}
		return string(r)
	})
}

// code is a stranger's text for a mrkdwn object, as code: Slack reads no markup in it
// once &, < and > are written as Slack's documentation demands, and it can be copied
// exactly. limit is in characters, as they are sent.
func code(text string, limit int) string {
	return "`" + fit(alert.Clean(text, limit), limit-2, func(r rune) string {
		if r == '`' {
			return "'"
		}
		return escaped(r)
	}) + "`"
}

// command is a line to be pasted into a shell, as a block of code. It is left out, and
// ok is false, where it cannot be shown exactly.
func command(line string, limit int) (text string, ok bool) {
	const fence = "```"
	text = fence + fit(line, 2*limit, escaped) + fence
	return text, length(text) <= limit && !strings.ContainsFunc(line, func(r rune) bool {
		return r == '`' || r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

// escaped writes a character as mrkdwn has it.
func escaped(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// fallback is a stranger's text for the line that notifications show. It is mrkdwn,
// and nobody copies it, so every character of markup is replaced, and what is not in own is no link.
func fallback(text string, limit int, own ...string) string {
	return fit(alert.Unlink(alert.Clean(text, limit), own...), limit, func(r rune) string {
		switch r {
		case '<':
			return "‹"
		case '>':
			return "›"
		case '&':
			return "&amp;"
		case '*':
			return "∗"
		case '_':
			return "ˍ"
		case '~':
			return "∼"
		case '`':
			return "'"
		case '@':
			return "＠"
		}
		return string(r)
	})
}

// fit writes a text character by character, and cuts it where the limit is reached. It
// shows that it did, and never leaves half of an entity.
func fit(text string, limit int, write func(rune) string) string {
	var pieces []string
	size := 0
	for _, r := range text {
		piece := write(r)
		if size+length(piece) > limit {
			for ; size+1 > limit && len(pieces) > 0; pieces = pieces[:len(pieces)-1] {
				size -= length(pieces[len(pieces)-1])
			}
			return strings.Join(pieces, "") + "…"
		}
		pieces, size = append(pieces, piece), size+length(piece)
	}
	return strings.Join(pieces, "")
}

// length is a text's length as Slack may count it at worst: in UTF-16 code units.
func length(text string) int { return len(utf16.Encode([]rune(text))) }

// tail keeps the end of a path, which says more than its beginning.
func tail(path string, limit int) string {
	runes := []rune(alert.Clean(path, 4096))
	if len(runes) <= limit {
		return string(runes)
	}
	return "…" + string(runes[len(runes)-limit+1:])
}

// bucketName is how S3 names buckets; a path that does not begin with one has no page.
var bucketName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) })

// stateURL is the state object's page in the S3 console; empty when there is none.
func stateURL(region, path string) string {
	bucket, key, ok := strings.Cut(path, "/")
	if !ok || !bucketName().MatchString(bucket) || !regionName().MatchString(region) || len(key) > 1024 {
		return ""
	}
	return console(region, "s3") + "/object/" + bucket + "?region=" + region + "&prefix=" + escapeQuery(key)
}

var regionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9-]{1,30}$`) })

// console is the address of a service's console in a region.
func console(region, service string) string {
	domain := "console.aws.amazon.com"
	switch {
	case strings.HasPrefix(region, "cn-"):
		domain = "console.amazonaws.cn"
	case strings.HasPrefix(region, "us-gov-"):
		domain = "console.amazonaws-us-gov.com"
	}
	return "https://" + region + "." + domain + "/" + service
}

func escapeQuery(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// link is a mrkdwn link of ours: the text is a constant, and the URL has nothing in it
// that ends a link.
func link(address, text string) string {
	return "<" + strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(address) + "|" + text + ">"
}
