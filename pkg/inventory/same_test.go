package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// resourceOf is a resource of two states: its type, and its attributes in each.
type resourceOf struct{ kind, a, b string }

// pairOf puts resources into two states, and returns what is found.
func pairOf(t *testing.T, resources []resourceOf) inventory.Report {
	t.Helper()
	w := newWorld(t)
	var a, b []string
	for _, r := range resources {
		if r.b == "" {
			r.b = r.a
		}
		a, b = append(a, object(r.kind, r.a)), append(b, object(r.kind, r.b))
	}
	w.put("a.tfstate", stateOf(1, "a", a...))
	w.put("b.tfstate", stateOf(1, "b", b...))
	report, err := w.inventory(w.config()).Run(context.Background(), inventory.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// The resources that teams have most of are found when two states manage the same one, as
// the AWS provider writes them.
func TestTheSameResourceInTwoStates(t *testing.T) {
	t.Parallel()
	const account = "eu-west-1:123456789012:"
	resources := []resourceOf{
		{"aws_sqs_queue", `{"arn":"arn:aws:sqs:` + account + `jobs","id":"https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"}`, ""},
		{"aws_sns_topic", `{"arn":"arn:aws:sns:` + account + `jobs","id":"arn:aws:sns:` + account + `jobs"}`, ""},
		{"aws_s3_bucket", `{"arn":"arn:aws:s3:::acme-logs","id":"acme-logs"}`, ""},
		{"aws_iam_role", `{"arn":"arn:aws:iam::123456789012:role/deploy/ci","id":"ci"}`, ""},
		{"aws_lambda_function", `{"arn":"arn:aws:lambda:` + account + `function:jobs","id":"jobs"}`, ""},
		{"aws_dynamodb_table", `{"arn":"arn:aws:dynamodb:` + account + `table/jobs","id":"jobs"}`, ""},
		{"aws_db_instance", `{"arn":"arn:aws:rds:` + account + `db:jobs","id":"db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"}`, ""},
		{"aws_lb", `{"arn":"arn:aws:elasticloadbalancing:` + account + `loadbalancer/app/web/50dc6c495c0c9188","id":"arn:aws:elasticloadbalancing:` + account + `loadbalancer/app/web/50dc6c495c0c9188"}`, ""},
		{"aws_lb_target_group", `{"arn":"arn:aws:elasticloadbalancing:` + account + `targetgroup/web/6d0ecf831eec9f09","id":"arn:aws:elasticloadbalancing:` + account + `targetgroup/web/6d0ecf831eec9f09"}`, ""},
		{"aws_sfn_state_machine", `{"arn":"arn:aws:states:` + account + `stateMachine:jobs","id":"arn:aws:states:` + account + `stateMachine:jobs"}`, ""},
		{"aws_ecs_service", `{"id":"arn:aws:ecs:` + account + `service/web/web"}`, ""}, // it had no arn up to version 5
		{"aws_cloudwatch_event_rule", `{"arn":"arn:aws:events:` + account + `rule/nightly","id":"nightly"}`, ""},
		{"aws_vpc", `{"arn":"arn:aws:ec2:` + account + `vpc/vpc-0a1b2c3d4e5f60718","id":"vpc-0a1b2c3d4e5f60718"}`, ""},
		{"aws_secretsmanager_secret_version", `{"arn":"arn:aws:secretsmanager:` + account + `secret:db-AbCdEf","id":"arn:aws:secretsmanager:` + account + `secret:db-AbCdEf|v1"}`, ""},
		{"aws_kinesis_firehose_delivery_stream", `{"arn":"arn:aws:firehose:` + account + `deliverystream/logs","id":"arn:aws:firehose:` + account + `deliverystream/logs"}`, ""},
		{"aws_route_table_association", `{"id":"rtbassoc-0a1b2c3d4e5f60718","region":"eu-west-1"}`, ""},
		{"aws_instance", `{"id":"i-0a1b2c3d","region":"eu-west-1"}`, ""},
		{"aws_route", `{"id":"r-rtb-0a1b2c3d4e5f607181080289494","region":"eu-west-1"}`, ""},
		{"google_compute_subnetwork", `{"id":"projects/acme/regions/europe-west1/subnetworks/app","region":"europe-west1"}`, ""},
	}
	report := pairOf(t, resources)
	if len(report.Findings) != 1 {
		t.Fatalf("%+v", report)
	}
	e := report.Findings[0].Evidence
	for _, r := range resources {
		if !slices.ContainsFunc(e.Resources, func(found policy.Resource) bool {
			return found.Type == r.kind && strings.Contains(r.a, fmt.Sprintf("%q", found.ARN+found.ID))
		}) {
			t.Errorf("%s %s is not among %+v", r.kind, r.a, e.Resources)
		}
	}
	if e.Count != len(resources) {
		t.Errorf("%d of %d", e.Count, len(resources))
	}
}

// What has the same ARN or ID in two states and is not the same resource.
func TestResourcesThatOnlyLookTheSame(t *testing.T) {
	t.Parallel()
	const region, account = `"region":"eu-west-1"`, "eu-west-1:123456789012:"
	report := pairOf(t, []resourceOf{
		// The ARN is that of another resource.
		{"aws_cloudwatch_event_target", `{"arn":"arn:aws:lambda:` + account + `function:jobs","id":"hourly-jobs",` + region + `}`, `{"arn":"arn:aws:lambda:` + account + `function:jobs","id":"nightly-jobs",` + region + `}`},
		// Every account sends its events to the bus of one.
		{"aws_cloudwatch_event_target", `{"arn":"arn:aws:events:` + account + `event-bus/central","id":"forward-central",` + region + `}`, ""},
		{"aws_secretsmanager_secret_version", `{"arn":"arn:aws:secretsmanager:` + account + `secret:db","id":"arn:aws:secretsmanager:` + account + `secret:db|v1"}`, `{"arn":"arn:aws:secretsmanager:` + account + `secret:db","id":"arn:aws:secretsmanager:` + account + `secret:db|v2"}`},
		{"aws_organizations_delegated_administrator", `{"arn":"arn:aws:organizations::123456789012:account/o-1/210987654321","id":"210987654321/guardduty.amazonaws.com"}`, `{"arn":"arn:aws:organizations::123456789012:account/o-1/210987654321","id":"210987654321/macie.amazonaws.com"}`},
		{"aws_sns_topic_subscription", `{"arn":"pending confirmation","id":"pending confirmation",` + region + `}`, ""},
		// The ID is that of another resource.
		{"aws_autoscaling_notification", `{"id":"arn:aws:sns:` + account + `alerts",` + region + `}`, ""},
		{"aws_lambda_layer_version_permission", `{"id":"arn:aws:lambda:` + account + `layer:base,3",` + region + `}`, ""},
		// Both sides of something that two accounts share have its ARN or ID.
		{"aws_ram_resource_share_accepter", `{"id":"arn:aws:ram:` + account + `resource-share/7ab63972-b505-7e2a-420d-6f5d3EXAMPLE",` + region + `}`, ""},
		{"aws_vpc_peering_connection_options", `{"id":"pcx-0a1b2c3d4e5f60718",` + region + `}`, ""},
		// The ID is a name within a parent or an account.
		{"aws_lambda_permission", `{"id":"AllowExecutionFromSNS",` + region + `}`, ""},
		{"aws_cloudwatch_log_metric_filter", `{"id":"errors",` + region + `}`, ""},
		{"aws_cloudwatch_log_subscription_filter", `{"id":"cwlsf-4044331",` + region + `}`, ""},
		{"aws_autoscaling_lifecycle_hook", `{"id":"drain",` + region + `}`, ""},
		{"aws_appautoscaling_target", `{"id":"table/jobs",` + region + `}`, ""},
		{"aws_s3_object", `{"id":"config.json",` + region + `}`, ""},
		{"aws_security_group_rule", `{"id":"sgrule-12345678",` + region + `}`, ""},
		{"aws_network_acl_rule", `{"id":"nacl-12345678",` + region + `}`, ""},
		{"aws_acm_certificate_validation", `{"id":"2026-01-01 00:00:00 +0000 UTC",` + region + `}`, ""},
		{"aws_config_configuration_recorder", `{"id":"default",` + region + `}`, ""},
		{"aws_ec2_image_block_public_access", `{"id":"eu-west-1",` + region + `}`, ""},
		{"aws_api_gateway_account", `{"id":"api-gateway-account",` + region + `}`, ""},
	})
	if len(report.Findings) != 0 {
		t.Errorf("%+v", report.Findings[0].Evidence.Resources)
	}
}

// A resource is moved from one state to the other while the inventory looks: it read the one before and
// the other after that, and finds no duplicate when it looks again.
func TestAResourceThatMovesMeanwhile(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	w.apply("from.tfstate", stateOf(1, "a", queue))
	w.apply("to.tfstate", stateOf(1, "b", queue))
	var reads atomic.Int64
	var moves sync.Once
	g.reading = func() {
		if reads.Add(1) > 2 { // each once, and now both again
			moves.Do(func() { w.apply("from.tfstate", stateOf(2, "a")) })
		}
	}
	report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
	if err != nil || reads.Load() < 4 {
		t.Fatalf("%d reads, %v", reads.Load(), err)
	}
	w.want("findings", w.found(report))
	w.want("people", w.news())
}
