package ledger

import "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

// DecodeEntry reads a lock's memory from the text of its row.
func DecodeEntry(body []byte, withDescription bool) (Entry, error) {
	return decodeEntry(body, withDescription)
}

// PackStores returns what the memory of stores is recorded as.
func PackStores(stores map[string]Store) (types.AttributeValue, error) { return packStores(stores) }

// UnpackStores reads it.
func UnpackStores(value types.AttributeValue) (map[string]Store, error) { return unpackStores(value) }
