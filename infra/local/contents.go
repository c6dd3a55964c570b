package local

import (
	"encoding/json"
	"fmt"
)

// Contents are what an AWS holds at one moment.
type Contents struct {
	// Rows are those of each table by its name: attribute by attribute, all of them strings
	// or numbers.
	Rows map[string][]map[string]string `json:"rows"`
	// Versions are all of a bucket, the newest of a key first.
	Versions []Version `json:"versions"`
}

// Version is one version of an object, or a delete marker.
type Version struct {
	Key    string `json:"key"`
	ID     string `json:"id"`
	Marker bool   `json:"marker"`
	Body   string `json:"body"`
}

// Contents reads all tables and that bucket at one stroke, past the API.
func (a *AWS) Contents(bucket string) (Contents, error) {
	var c Contents
	line, err := a.ask("dump " + bucket)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(line, &c); err != nil {
		return c, fmt.Errorf("moto answered something else than its contents: %w", err)
	}
	return c, nil
}

// Save keeps tables, buckets and what was published in mind; Load brings them back as
// they were. No table, bucket or topic may be made in between.
func (a *AWS) Save() error {
	_, err := a.ask("save")
	return err
}

// Load undoes everything since Save, as often as it is wanted.
func (a *AWS) Load() error {
	_, err := a.ask("load")
	return err
}
