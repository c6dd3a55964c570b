package deploycheck

import (
	"fmt"
	"slices"
	"strings"
)

// destinationAction is what a function's role needs on its failure destination, by the
// service in the destination's ARN. Lambda checks it when it makes the EventInvokeConfig.
var destinationAction = map[string]string{"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction", "events": "events:PutEvents", "s3": "s3:PutObject"}

// sourceActions are what a function's role needs on what it is fed from. Lambda checks
// them when it makes the EventSourceMapping.
var sourceActions = map[string][]string{
	"sqs":      {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
	"dynamodb": {"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"},
	"kinesis":  {"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream", "kinesis:ListShards"},
}

// Rights finds who is not allowed, in time, what a service checks or needs.
func Rights(d Deployed) []Problem {
	f := &rights{Deployed: d}
	for _, name := range names(d.Resources) {
		r := d.Resources[name]
		switch r.Type {
		case "AWS::Lambda::Function":
			f.function(name, r)
		case "AWS::Lambda::EventInvokeConfig":
			f.destination(name, r)
		case "AWS::Lambda::EventSourceMapping":
			f.source(name, r)
		case "AWS::Scheduler::Schedule":
			f.schedule(name, r)
		case "AWS::SNS::Subscription":
			f.subscription(name, r)
		case "AWS::CloudWatch::Alarm":
			f.alarm(name, r)
		case "AWS::S3::Bucket":
			f.notification(name, r)
		}
	}
	return f.found
}

// rights are what is wrong with those of a deployed template.
type rights struct {
	Deployed
	found []Problem
}

// unless adds a problem where something is not so.
func (f *rights) unless(so bool, name, format string, args ...any) {
	if !so {
		f.found = append(f.found, problem(name, format, args...))
	}
}

// why adds a problem with its reason, where there is one.
func (f *rights) why(reason, name, format string, args ...any) {
	f.unless(reason == "", name, format+": %s", append(args, reason)...)
}

func (f *rights) function(name string, r Resource) {
	role, ok := f.byARN(r.Properties["Role"])
	if f.unless(ok, name, "its role is not in the template"); !ok {
		return
	}
	f.unless(f.trusts(role, "lambda.amazonaws.com"), name, "Lambda may not assume %s", role)
	group, ok := f.byARN(at(r.Properties["LoggingConfig"], "LogGroup"))
	if f.unless(ok, name, "it has no log group of its own, so that Lambda makes one that never expires"); !ok {
		return
	}
	_, arn := f.Place.physical("AWS::Logs::LogGroup", group)
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		f.why(f.mayBefore(role, action, arn, name), name, "it cannot log")
	}
	if target := at(r.Properties["DeadLetterConfig"], "TargetArn"); target != nil {
		f.why(f.mayWrite(role, target, name), name, "Lambda refuses its dead-letter queue")
	}
}

func (f *rights) destination(name string, r Resource) {
	for _, on := range []string{"OnFailure", "OnSuccess"} {
		destination := at(r.Properties["DestinationConfig"], on, "Destination")
		if destination == nil {
			continue
		}
		function, _ := f.byARN(r.Properties["FunctionName"])
		role, _ := f.byARN(f.Resources[function].Properties["Role"])
		f.why(f.mayWrite(role, destination, name), name, "Lambda refuses the destination of %s", function)
		f.unless(on != "OnFailure" || f.calledWithoutWaiting(function) || f.invokable(function), name, "%s is only called synchronously, and needs no destination", function)
	}
}

// mayWrite says why a role may not surely write to a destination by the time that a
// resource is made; empty when it may.
func (d Deployed) mayWrite(role string, destination any, made string) string {
	arn := fmt.Sprint(destination)
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || destinationAction[parts[2]] == "" {
		return arn + " is no destination"
	}
	return d.mayBefore(role, destinationAction[parts[2]], arn, made)
}

// calledWithoutWaiting reports whether something in the stack invokes a function
// asynchronously: a schedule, a topic, a bucket, a rule.
func (d Deployed) calledWithoutWaiting(function string) bool {
	_, arn := d.Place.physical("AWS::Lambda::Function", function)
	for _, name := range names(d.Resources) {
		if kind := d.Resources[name].Type; kind == "AWS::Scheduler::Schedule" || kind == "AWS::SNS::Subscription" || kind == "AWS::Events::Rule" || kind == "AWS::S3::Bucket" {
			if mentions(d.Resources[name].Properties, arn) {
				return true
			}
		}
	}
	return false
}

// invokable reports whether the stack has a policy for people or programs by which they may
// invoke the function alone, in whichever way they like. A dashboard's function is not
// one of those: CloudWatch waits for it.
func (d Deployed) invokable(function string) bool {
	_, arn := d.Place.physical("AWS::Lambda::Function", function)
	for _, name := range d.Of("AWS::IAM::ManagedPolicy") {
		all := statements(d.Resources[name].Properties["PolicyDocument"])
		if len(all) == 1 && all[0].allows("lambda:InvokeFunction", arn) {
			return true
		}
	}
	return false
}

func (f *rights) source(name string, r Resource) {
	function, _ := f.byARN(r.Properties["FunctionName"])
	role, _ := f.byARN(f.Resources[function].Properties["Role"])
	source := fmt.Sprint(r.Properties["EventSourceArn"])
	parts := strings.SplitN(source, ":", 6)
	known := len(parts) == 6 && sourceActions[parts[2]] != nil
	if f.unless(known, name, "%s is not an event source that is known here", source); !known {
		return
	}
	for _, action := range sourceActions[parts[2]] {
		f.why(f.mayBefore(role, action, source, name), name, "Lambda refuses the event source of %s", function)
	}
	if queue, ok := f.byARN(source); ok && parts[2] == "sqs" {
		visible, timeout := number(f.Resources[queue].Properties["VisibilityTimeout"], 30), number(f.Resources[function].Properties["Timeout"], 3)
		f.unless(visible >= timeout, name, "Lambda refuses %s: its visibility timeout of %v s is less than the timeout of %s, %v s", queue, visible, function, timeout)
	}
	if target := at(r.Properties["DestinationConfig"], "OnFailure", "Destination"); target != nil {
		f.why(f.mayWrite(role, target, name), name, "Lambda refuses its destination")
	}
}

func (f *rights) schedule(name string, r Resource) {
	target := r.Properties["Target"]
	role, ok := f.byARN(at(target, "RoleArn"))
	if f.unless(ok, name, "its role is not in the template"); !ok {
		return
	}
	f.unless(f.trusts(role, "scheduler.amazonaws.com"), name, "Scheduler refuses it: it may not assume %s", role)
	f.why(f.mayBefore(role, "lambda:InvokeFunction", fmt.Sprint(at(target, "Arn")), name), name, "it cannot invoke its target")
	if queue := at(target, "DeadLetterConfig", "Arn"); queue != nil {
		f.why(f.mayBefore(role, "sqs:SendMessage", fmt.Sprint(queue), name), name, "what it cannot deliver is lost")
	}
}

func (f *rights) subscription(name string, r Resource) {
	topic, endpoint := r.Properties["TopicArn"], fmt.Sprint(r.Properties["Endpoint"])
	switch r.Properties["Protocol"] {
	case "lambda":
		f.unless(slices.ContainsFunc(f.Of("AWS::Lambda::Permission"), func(permission string) bool {
			p := f.Resources[permission].Properties
			function, _ := f.byARN(p["FunctionName"])
			subscribed, _ := f.byARN(endpoint)
			return p["Action"] == "lambda:InvokeFunction" && p["Principal"] == "sns.amazonaws.com" && p["SourceArn"] == topic && function == subscribed
		}), name, "nothing lets SNS invoke %s for this topic", endpoint)
	case "sqs":
		f.unless(f.lets("AWS::SQS::QueuePolicy", "sns.amazonaws.com", "sqs:SendMessage", endpoint), name, "no queue policy lets SNS send to %s", endpoint)
	}
	if queue := at(r.Properties["RedrivePolicy"], "deadLetterTargetArn"); queue != nil {
		f.unless(f.lets("AWS::SQS::QueuePolicy", "sns.amazonaws.com", "sqs:SendMessage", fmt.Sprint(queue)), name, "no queue policy lets SNS send to %v what it cannot deliver", queue)
	}
}

// alarm holds the topic that an alarm notifies against what lets CloudWatch in: the
// policy that SNS gives every topic, or one of the template that names it. A topic under
// the AWS-managed key takes nothing from CloudWatch.
func (f *rights) alarm(name string, r Resource) {
	for _, kind := range []string{"AlarmActions", "OKActions", "InsufficientDataActions"} {
		for _, action := range texts(r.Properties[kind]) {
			topic, ok := f.byARN(action)
			if !ok || f.Resources[topic].Type != "AWS::SNS::Topic" {
				continue // an existing one, whose owner knows its policy
			}
			own := slices.ContainsFunc(f.Of("AWS::SNS::TopicPolicy"), func(policy string) bool {
				return slices.Contains(texts(f.Resources[policy].Properties["Topics"]), action)
			})
			f.unless(!own || f.lets("AWS::SNS::TopicPolicy", "cloudwatch.amazonaws.com", "sns:Publish", action), name, "the policy of %s replaces the one that SNS made, and does not let CloudWatch publish", topic)
			f.unless(!strings.HasSuffix(fmt.Sprint(f.Resources[topic].Properties["KmsMasterKeyId"]), "aws/sns"), name, "CloudWatch cannot use the key of %s", topic)
		}
	}
}

// notification holds what a bucket notifies against the policy that S3 checks when
// it takes the bucket's configuration.
func (f *rights) notification(name string, r Resource) {
	for _, to := range listed(at(r.Properties["NotificationConfiguration"], "QueueConfigurations")) {
		queue := fmt.Sprint(at(to, "Queue"))
		f.unless(slices.ContainsFunc(f.Of("AWS::SQS::QueuePolicy"), func(policy string) bool {
			return f.Before(policy, name) && slices.ContainsFunc(statements(f.Resources[policy].Properties["PolicyDocument"]), func(s statement) bool {
				return s.allows("sqs:SendMessage", queue) && slices.Contains(s.principals, "s3.amazonaws.com")
			})
		}), name, "S3 refuses to notify %s: no queue policy that the bucket waits for lets it", queue)
	}
}

// mentions reports whether a text occurs in what a value holds.
func mentions(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return mentions(one, text) })
	case map[string]any:
		for _, one := range v {
			if mentions(one, text) {
				return true
			}
		}
	}
	return false
}

func number(v any, otherwise float64) float64 {
	if n, ok := v.(float64); ok {
		return n
	}
	return otherwise
}
