package scale

import (
	"encoding/json"
	"net/http"
	"strings"
)

// request is what the calls say that this AWS knows.
type request struct {
	TableName                    string
	Key, Item, ExclusiveStartKey Item
	FilterExpression             string
	ProjectionExpression         string
	ConditionExpression          string
	KeyConditionExpression       string
	UpdateExpression             string
	ExpressionAttributeNames     map[string]string
	ExpressionAttributeValues    Item
	ReturnValues                 string
	ScanIndexForward             *bool
	Limit                        int // of a Query
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
		return refuse("SerializationException", err.Error())
	}
	switch call {
	case "BatchWriteItem":
		return w.batchWrite(body)
	case "BatchGetItem":
		return w.batchGet(body)
	case "ListTables":
		return w.listTables(body)
	}
	t, ok := w.table(r.TableName)
	if !ok {
		return refuse("ResourceNotFoundException", "there is no table "+r.TableName)
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
	case "DescribeTable":
		return t.describe()
	default:
		return refuse("UnknownOperationException", "this AWS does not know "+call)
	}
}

// table finds a table by its name or its ARN.
func (w *World) table(name string) (*Table, bool) {
	t, ok := w.Tables[name[strings.LastIndex(name, "/")+1:]]
	return t, ok
}

func refuse(code, message string) answer {
	a := asJSON(map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": message})
	a.status = http.StatusBadRequest
	return a
}

// write puts, deletes or updates one row on its condition.
func (t *Table) write(call string, r request) answer {
	if call == "PutItem" {
		r.Key = t.keyItem(r.Item)
	}
	before := t.get(r.Key)
	met, err := r.holds(r.ConditionExpression, before)
	if err != nil {
		return refuse("ValidationException", err.Error())
	}
	if !met {
		return refuse("ConditionalCheckFailedException", "The conditional request failed")
	}
	switch call {
	case "DeleteItem":
		t.delete(t.keyOf(r.Key))
	case "PutItem":
		t.Put(r.Item)
	case "UpdateItem":
		after, err := update(r, before)
		if err != nil {
			return refuse("ValidationException", err.Error())
		}
		t.Put(after)
		if r.ReturnValues == "ALL_NEW" {
			return asJSON(map[string]Item{"Attributes": after})
		}
	}
	return asJSON(struct{}{})
}

// batchGet returns what it does not read at once, as DynamoDB does when it is busy.
func (w *World) batchGet(body []byte) answer {
	var r struct {
		RequestItems map[string]struct{ Keys []Item }
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return refuse("SerializationException", err.Error())
	}
	found, rest := map[string][]Item{}, map[string]map[string][]Item{}
	for name, read := range r.RequestItems {
		t, ok := w.table(name)
		if !ok {
			return refuse("ResourceNotFoundException", "there is no table "+name)
		}
		if len(read.Keys) > 100 {
			return refuse("ValidationException", "more than 100 keys in a batch")
		}
		taken := len(read.Keys)
		if w.ReadAtOnce > 0 {
			taken = min(taken, w.ReadAtOnce)
		}
		for _, key := range read.Keys[:taken] {
			if item := t.get(key); item != nil {
				found[name] = append(found[name], item)
			}
		}
		if taken < len(read.Keys) {
			rest[name] = map[string][]Item{"Keys": read.Keys[taken:]}
		}
	}
	return asJSON(map[string]any{"Responses": found, "UnprocessedKeys": rest})
}

func (w *World) batchWrite(body []byte) answer {
	var r struct {
		RequestItems map[string][]struct {
			PutRequest    *struct{ Item Item }
			DeleteRequest *struct{ Key Item }
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return refuse("SerializationException", err.Error())
	}
	for name, writes := range r.RequestItems {
		t, ok := w.Tables[name]
		if !ok {
			return refuse("ResourceNotFoundException", "there is no table "+name)
		}
		if len(writes) > 25 {
			return refuse("ValidationException", "more than 25 writes in a batch")
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
