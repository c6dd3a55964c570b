package wiring

import "strings"

// Watched are the stores that a function watches, as the template names them. Lambda's
// environment has room for 4,096 bytes, so an ARN is cut there from the left:
//
//	table    NAME | REGION:ACCOUNT:NAME | arn:PARTITION:dynamodb:REGION:ACCOUNT:table/NAME
//	bucket   NAME | arn:PARTITION:s3:::NAME
//
// What is missing is the stack's own.
type Watched struct {
	Account   string   `env:"ACCOUNT_ID,notEmpty"`
	Partition string   `env:"PARTITION" envDefault:"aws"`
	Tables    []string `env:"TABLE_ARNS"`
	Buckets   []string `env:"BUCKET_ARNS"`
}

// ARNs returns the whole ARNs of the tables and of the buckets, for a stack in that region.
// A text that can be none stays as it is.
func (w Watched) ARNs(region string) (tables, buckets []string) {
	for _, text := range w.Tables {
		tables = append(tables, restored(text, "table/", "arn", w.Partition, "dynamodb", region, w.Account))
	}
	for _, text := range w.Buckets {
		buckets = append(buckets, restored(text, "", "arn", w.Partition, "s3", "", ""))
	}
	return tables, buckets
}

// restored completes an ARN with the fields that it lacks on its left, and with the kind
// of its resource.
func restored(text, kind string, missing ...string) string {
	text = strings.TrimSpace(text)
	fields := strings.Split(text, ":")
	if text == "" || len(fields) > len(missing)+1 {
		return text
	}
	fields = append(missing[:len(missing)+1-len(fields)], fields...)
	if last := &fields[len(fields)-1]; !strings.HasPrefix(*last, kind) {
		*last = kind + *last
	}
	return strings.Join(fields, ":")
}

// Dashboard is where the stack's dashboard is found.
type Dashboard struct {
	Stack     string `env:"STACK_NAME"` // empty: there is none
	Partition string `env:"PARTITION" envDefault:"aws"`
}

// URL is the address of the dashboard of a stack in that region, or empty where there is
// none, or its console is not known. template.yaml names the dashboard.
func (d Dashboard) URL(region string) string {
	domain, known := map[string]string{
		"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn",
	}[d.Partition]
	if d.Stack == "" || !known {
		return ""
	}
	return "https://" + region + "." + domain + "/cloudwatch/home?region=" + region + "#dashboards/dashboard/" + d.Stack + "-" + region
}
