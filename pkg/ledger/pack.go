package ledger

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A row of DynamoDB takes 400 KB. The memory of a few hundred stores is text in its row,
// for people who look; that of more, which patterns can match, is compressed.
const (
	maxPlain  = 64 << 10
	maxStores = 64 << 20 // bounds what is read from a row that somebody else wrote
)

// packStores returns the attribute that the memory of the stores is recorded as.
func packStores(stores map[string]Store) (types.AttributeValue, error) {
	body, err := json.Marshal(stores)
	if err != nil {
		return nil, fmt.Errorf("record the stores: %w", err)
	}
	if len(body) <= maxPlain {
		return text(string(body)), nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(body); err != nil {
		return nil, fmt.Errorf("record the stores: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("record the stores: %w", err)
	}
	return &types.AttributeValueMemberB{Value: packed.Bytes()}, nil
}

// unpackStores reads what packStores gives. Without an attribute there are none.
func unpackStores(value types.AttributeValue) (map[string]Store, error) {
	stores := map[string]Store{}
	var body []byte
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		body = []byte(v.Value)
	case *types.AttributeValueMemberB:
		r, err := gzip.NewReader(bytes.NewReader(v.Value))
		if err != nil {
			return stores, err
		}
		if body, err = io.ReadAll(io.LimitReader(r, maxStores)); err != nil {
			return stores, err
		}
	default:
		return stores, nil
	}
	if err := json.Unmarshal(body, &stores); err != nil || stores == nil {
		return map[string]Store{}, err
	}
	return stores, nil
}
