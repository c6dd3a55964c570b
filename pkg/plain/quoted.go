package plain

import "strings"

// usual is what paths and the names of people and machines consist of.
const usual = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@+,~\\$"

// Quoted puts a text that somebody else wrote between quotation marks where it could be words of the sentence that it
// stands in: the key of a state has room for a page, which would go on as our own advice.
func Quoted[T ~string](text T) string {
	if strings.Trim(string(text), usual) == "" {
		return string(text)
	}
	return `"` + notQuotes.Replace(string(text)) + `"`
}

// notQuotes keeps a text from ending its quotation.
var notQuotes = strings.NewReplacer(`"`, "'", "“", "'", "”", "'", "„", "'", "‟", "'", "«", "'", "»", "'", "＂", "'")
