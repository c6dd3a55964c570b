package ledger

// DecodeEntry reads a lock's memory from the text of its row.
func DecodeEntry(body []byte, withFinding bool) (Entry, error) { return decodeEntry(body, withFinding) }
