package alert

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// linked finds what mail programs and chats make a link of: a URL, a name that begins with www. or ftp., the schemes that
// call or write to somebody, open a program or a file, and the name of a share (Outlook links it, and Windows signs in there).
// Bare names such as example.com/x are not among it: hosts and buckets have such names. It also finds the standard texts that
// filters of mail refuse for certain (GTUBE, EICAR): every lock that shares a message with one would be lost with it.
// https://spamassassin.apache.org/gtube/
var linked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`://|\\\\[\pL\pN]|\b(?i:mailto|tel|sms|sips?|skype|callto|facetime|xmpp|im|slack|msteams|zoommtg|tg|file|data|javascript|news|webcal|outlook|onenote|search-ms|ms-[a-z]+):|(?:^|[^\pL\pN._/@-])(?i:www|ftp)\.|(?i:-STANDARD-ANTI)`)
})

// Unlink takes links in a text apart, as https[:]//, so that nobody presses what a stranger wrote in
// a message of ours. What is in own stays as it is.
func Unlink(text string, own ...string) string {
	if !linked().MatchString(text) {
		return text
	}
	for i, part := range own {
		if part == "" {
			continue
		}
		if before, after, found := strings.Cut(text, part); found && !leadsElsewhere(part, after) {
			return Unlink(before, own[i+1:]...) + part + Unlink(after, own[i:]...)
		}
	}
	return linked().ReplaceAllStringFunc(text, func(link string) string {
		if name, dot := strings.CutSuffix(link, "."); dot {
			return name + "[.]"
		}
		if link[0] == '-' {
			return "[-]" + link[1:]
		}
		if link[0] == '\\' {
			return `\ ` + link[1:]
		}
		return strings.Replace(link, ":", "[:]", 1)
	})
}

// leadsElsewhere reports whether a link of ours which goes on like this names another page: it has no end where ours
// has one, or dots that a browser resolves.
func leadsElsewhere(link, rest string) bool {
	rest = strings.ToLower(rest[:strings.IndexFunc(rest+" ", unicode.IsSpace)])
	goesOn := rest != "" && (isWordByte(rest[0]) || strings.IndexByte("-_%&=~+#?/", rest[0]) >= 0)
	return goesOn && !strings.HasSuffix(link, "/") || strings.Contains(rest, "/..") || strings.Contains(rest, "%2e") || strings.Contains(rest, `\`) || strings.HasPrefix(rest, "..")
}

func isWordByte(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 0x80 }

// docsPage begins the pages of ours that texts name.
const docsPage = "https://github.com/lockwarden/lockwarden/blob/main/"

// OwnLinks are what a message may link to: our pages, and those of the runs that a CI system named.
func (e Event) OwnLinks() []string {
	own := []string{docsPage, e.Links.Dashboard, e.Links.Runbook}
	add := func(d *policy.Description) {
		if d != nil && d.Run != nil && strings.HasPrefix(d.Run.URL, "https://") {
			own = append(own, d.Run.URL)
		}
	}
	add(e.Lock)
	add(e.Current)
	for _, i := range e.Locks {
		add(&i.Description)
		add(i.Current)
	}
	return own
}
