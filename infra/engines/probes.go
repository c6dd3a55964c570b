package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/probe"
)

// findings are what the probe says of each kind of store of an engine, as rows of the table in
// docs/engines.md. It must leave nothing in them.
func findings(ctx context.Context, k server.Kind, cfg aws.Config) ([]string, error) {
	var rows []string
	if k.Buckets {
		store, err := contract.NewBucket(ctx, cfg)
		if err != nil {
			return nil, err
		}
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		rows = append(rows, row(k.Name+", buckets", probe.Bucket(ctx, client, store.Name)))
		left, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &store.Name})
		if err != nil || len(left.Contents) > 0 {
			return nil, fmt.Errorf("the probe left objects in a bucket of %s: %+v, %w", k.Name, left, err)
		}
	}
	if k.Tables {
		store, err := contract.NewTable(ctx, cfg)
		if err != nil {
			return nil, err
		}
		client := dynamodb.NewFromConfig(cfg)
		rows = append(rows, row(k.Name+", tables", probe.Table(ctx, client, store.Name)))
		left, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: &store.Name})
		if err != nil || left.Count > 0 {
			return nil, fmt.Errorf("the probe left rows in a table of %s: %+v, %w", k.Name, left, err)
		}
	}
	return rows, nil
}

// columns are how many sentences the probe has of a bucket.
const columns = 7

// row is a line of Markdown with the beginnings of the sentences.
func row(name string, r probe.Report) string {
	cells := slices.Repeat([]string{"–"}, columns)
	for i, sentence := range r.Words() {
		if i < columns {
			cells[i] = beginning.FindString(sentence)
		} else {
			cells[columns-1] += " " + sentence // a problem, which the page has not
		}
	}
	return "| " + name + " | " + strings.Join(cells, " | ") + " |"
}

// beginning is a sentence up to its reasons.
var beginning = regexp.MustCompile(`^(?:[^:,.]|, by)*`)

// documented says which rows are not in docs/engines.md.
func documented(rows []string) error {
	page, err := os.ReadFile(pageFile())
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !strings.Contains(string(page), r+"\n") {
			return fmt.Errorf("docs/engines.md has not what the probe says: %s", r)
		}
	}
	return nil
}

// probeTable is that of docs/engines.md.
func probeTable(rows []string) string {
	return "| store | locks | unlock | repair | again | versions | who released | keys with // |\n" +
		strings.Repeat("| --- ", 1+columns) + "|\n" + strings.Join(rows, "\n") + "\n"
}
