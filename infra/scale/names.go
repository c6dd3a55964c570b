package scale

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// listTables returns the names of the tables in order, at most 100 a page.
func (w *World) listTables(body []byte) answer {
	var r struct{ ExclusiveStartTableName string }
	if err := json.Unmarshal(body, &r); err != nil {
		return refuse("SerializationException", err.Error())
	}
	page := struct {
		TableNames             []string
		LastEvaluatedTableName string `json:",omitempty"`
	}{TableNames: []string{}}
	for _, name := range slices.Sorted(maps.Keys(w.Tables)) {
		if name <= r.ExclusiveStartTableName {
			continue
		}
		if len(page.TableNames) == 100 {
			page.LastEvaluatedTableName = page.TableNames[99]
			break
		}
		page.TableNames = append(page.TableNames, name)
	}
	return asJSON(page)
}

func (t *Table) describe() answer {
	type element = map[string]string
	keys, attributes := []element{{"AttributeName": t.Hash, "KeyType": "HASH"}}, []element{{"AttributeName": t.Hash, "AttributeType": "S"}}
	if t.Range != "" {
		keys, attributes = append(keys, element{"AttributeName": t.Range, "KeyType": "RANGE"}), append(attributes, element{"AttributeName": t.Range, "AttributeType": "S"})
	}
	return asJSON(map[string]any{"Table": map[string]any{
		"TableName": t.Name, "TableArn": TableARN(t.Name), "TableStatus": "ACTIVE", "KeySchema": keys, "AttributeDefinitions": attributes,
	}})
}

// listBuckets returns the names of the buckets in order, with their regions where the
// request is for a page, as S3 does.
func (w *World) listBuckets(query url.Values) answer {
	limit, err := strconv.Atoi(query.Get("max-buckets"))
	if err != nil {
		return fault(http.StatusBadRequest, "InvalidRequest") // this AWS is large
	}
	var page strings.Builder
	page.WriteString(`<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>o</ID></Owner><Buckets>`)
	given, last := 0, ""
	for _, name := range slices.Sorted(maps.Keys(w.Buckets)) {
		if !strings.HasPrefix(name, query.Get("prefix")) || name <= query.Get("continuation-token") {
			continue
		}
		if given++; given > limit {
			break
		}
		last = name
		fmt.Fprintf(&page, "<Bucket><Name>%s</Name><BucketRegion>%s</BucketRegion></Bucket>", name, cmp.Or(w.Buckets[name].Region, Region))
	}
	page.WriteString("</Buckets>")
	if given > limit {
		fmt.Fprintf(&page, "<ContinuationToken>%s</ContinuationToken>", last)
	}
	page.WriteString("</ListAllMyBucketsResult>")
	return ok200(page.String())
}
