package plain

import (
	"strings"
	"unicode"
)

// usual is what paths and the names of people and machines consist of.
const usual = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@+,~\\$"

// Quoted puts a text that somebody else wrote between quotation marks where it could be words of the sentence that it
// stands in: the key of a state has room for a page, which would go on as our own advice.
func Quoted[T ~string](text T) string {
	if strings.Trim(string(text), usual) == "" {
		return string(text)
	}
	return `"` + withoutMarks(string(text)) + `"`
}

// ForShells reports whether every shell takes a name as one word that cannot be an option, also where nobody puts quotes around it. $IFS
// stands for blanks: with its help a name goes on with options, although it has none of the signs that Quoted looks for.
func ForShells[T ~string](name T) bool {
	return Quoted(name) == string(name) && !strings.ContainsAny(string(name), `$\`) && !strings.HasPrefix(string(name), "-")
}

// ShellWarning goes with advice to write or delete something by a name that others chose: the marks around it are not those of a shell. It is
// empty for a name that no shell takes apart.
func ShellWarning[T ~string](name T) string {
	if ForShells(name) {
		return ""
	}
	return " Never paste that name into a shell command, which may run part of it or read part of it as an option: pass it in a file (AWS CLI: --cli-input-json file://FILE)."
}

const (
	apostrophes = "'´`′‵ʹʼʻʽʾʿˈˊˋ՚׳ߴߵꞌꞋ" // some fonts draw two in a row as one mark
	likeMarks   = "″‶‴‷⁗ʺˮ˝˵˶״〃❝❞᳓"      // and are none to Unicode
)

// withoutMarks keeps a text from ending its quotation: marks become apostrophes, and of several in a row, which would look like a mark, one stays.
func withoutMarks(text string) string {
	var b strings.Builder
	after := false // an apostrophe
	for _, r := range text {
		apostrophe := strings.ContainsRune(apostrophes, r)
		if !apostrophe && (unicode.Is(unicode.Quotation_Mark, r) || strings.ContainsRune(likeMarks, r)) {
			r, apostrophe = '\'', true
		}
		if !apostrophe || !after {
			b.WriteRune(r)
		}
		after = apostrophe
	}
	return b.String()
}
