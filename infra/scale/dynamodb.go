package scale

import (
	"encoding/json"
	"net/http"
	"strings"
)

// request is what the calls say that this AWS knows.
type request struct {
	TableName                           string
	Key, Item, ExclusiveStartKey        Item
	FilterExpression                    string
	ProjectionExpression                string
	ConditionExpression                 string
	KeyConditionExpression              string
	UpdateExpression                    string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           Item
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ScanIndexForward                    *bool
	RequestItems                        map[string][]struct {
		PutRequest    *struct{ Item Item }
		DeleteRequest *struct{ Key Item }
	}
}

// page is the answer to Scan and Query.
type page struct {
	Items            []Item
	Count            int
	ScannedCount     int
	LastEvaluatedKey Item `json:",omitempty"`
}

func (w *World) dynamo(call string, body []byte) answer {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return refuse("SerializationException", err.Error(), nil)
	}
	if call == "BatchWriteItem" {
		return w.batchWrite(r)
	}
	// A table is named by its name or its ARN.
	t, ok := w.Tables[r.TableName[strings.LastIndex(r.TableName, "/")+1:]]
	if !ok {
		return refuse("ResourceNotFoundException", "there is no table "+r.TableName, nil)
	}
	switch call {
	case "Scan":
		return t.scan(r)
	case "Query":
		return t.query(r)
	case "GetItem":
		return asJSON(struct {
			Item Item `json:",omitempty"`
		}{t.get(r.Key)})
	case "PutItem", "DeleteItem", "UpdateItem":
		return t.write(call, r)
	default:
		return refuse("UnknownOperationException", "this AWS does not know "+call, nil)
	}
}

func refuse(code, message string, item Item) answer {
	a := asJSON(map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": message, "Item": item})
	a.status = http.StatusBadRequest
	return a
}

// write puts, deletes or updates one row on its condition.
func (t *Table) write(call string, r request) answer {
	if call == "PutItem" {
		r.Key = t.keyItem(r.Item)
	}
	before := t.get(r.Key)
	met, err := holds(r.ConditionExpression, r.ExpressionAttributeNames, r.ExpressionAttributeValues, before)
	if err != nil {
		return refuse("ValidationException", err.Error(), nil)
	}
	if !met {
		if r.ReturnValuesOnConditionCheckFailure != "ALL_OLD" {
			before = nil
		}
		return refuse("ConditionalCheckFailedException", "The conditional request failed", before)
	}
	switch call {
	case "DeleteItem":
		t.delete(t.keyOf(r.Key))
	case "PutItem":
		t.Put(r.Item)
	case "UpdateItem":
		after, err := update(r, before)
		if err != nil {
			return refuse("ValidationException", err.Error(), nil)
		}
		t.Put(after)
		if r.ReturnValues == "ALL_NEW" {
			return asJSON(map[string]Item{"Attributes": after})
		}
	}
	return asJSON(struct{}{})
}

func (w *World) batchWrite(r request) answer {
	for name, writes := range r.RequestItems {
		t, ok := w.Tables[name]
		if !ok {
			return refuse("ResourceNotFoundException", "there is no table "+name, nil)
		}
		if len(writes) > 25 {
			return refuse("ValidationException", "more than 25 writes in a batch", nil)
		}
		for _, write := range writes {
			if write.PutRequest != nil {
				t.Put(write.PutRequest.Item)
			} else {
				t.delete(t.keyOf(write.DeleteRequest.Key))
			}
		}
	}
	return asJSON(map[string]any{"UnprocessedItems": struct{}{}})
}
