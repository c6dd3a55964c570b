// Command empty is a Go Lambda that does nothing: what any Go Lambda costs.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "nothing", nil })
}
