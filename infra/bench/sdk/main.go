// Command sdk is a Go Lambda that loads the SDK's clients and reads one page of a table:
// what any Go Lambda costs that speaks to AWS.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	client, table := dynamodb.NewFromConfig(cfg), os.Getenv("TABLE_NAME")
	lambda.Start(func(ctx context.Context) (int32, error) {
		page, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			return 0, err
		}
		return page.Count, nil
	})
}
