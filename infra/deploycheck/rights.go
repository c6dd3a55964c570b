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
	var found []Problem
	for _, name := range names(d.Resources) {
		r := d.Resources[name]
		switch r.Type {
		case "AWS::Lambda::Function":
			found = append(found, d.functionRights(name, r)...)
		case "AWS::Lambda::EventInvokeConfig":
			found = append(found, d.destinationRights(name, r)...)
		case "AWS::Lambda::EventSourceMapping":
			found = append(found, d.sourceRights(name, r)...)
		case "AWS::Scheduler::Schedule":
			found = append(found, d.scheduleRights(name, r)...)
		case "AWS::SNS::Subscription":
			found = append(found, d.subscriptionRights(name, r)...)
		case "AWS::CloudWatch::Alarm":
			found = append(found, d.alarmRights(name, r)...)
		case "AWS::S3::Bucket":
			found = append(found, d.notificationRights(name, r)...)
		}
	}
	return found
}

func (d Deployed) functionRights(name string, r Resource) []Problem {
	role, ok := d.byARN(r.Properties["Role"])
	if !ok {
		return []Problem{problem(name, "its role is not in the template")}
	}
	var found []Problem
	if !d.trusts(role, "lambda.amazonaws.com") {
		found = append(found, problem(name, "Lambda may not assume %s", role))
	}
	group, ok := d.byARN(at(r.Properties["LoggingConfig"], "LogGroup"))
	if !ok {
		return append(found, problem(name, "it has no log group of its own, so that Lambda makes one that never expires"))
	}
	_, arn := d.Place.physical("AWS::Logs::LogGroup", group)
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		if why := d.mayBefore(role, action, arn, name); why != "" {
			found = append(found, problem(name, "it cannot log: %s", why))
		}
	}
	if target := at(r.Properties["DeadLetterConfig"], "TargetArn"); target != nil {
		if why := d.mayWrite(role, target, name); why != "" {
			found = append(found, problem(name, "Lambda refuses its dead-letter queue: %s", why))
		}
	}
	return found
}

func (d Deployed) destinationRights(name string, r Resource) []Problem {
	var found []Problem
	for _, on := range []string{"OnFailure", "OnSuccess"} {
		destination := at(r.Properties["DestinationConfig"], on, "Destination")
		if destination == nil {
			continue
		}
		function, _ := d.byARN(r.Properties["FunctionName"])
		role, _ := d.byARN(d.Resources[function].Properties["Role"])
		if why := d.mayWrite(role, destination, name); why != "" {
			found = append(found, problem(name, "Lambda refuses the destination of %s: %s", function, why))
		}
		if on == "OnFailure" && !d.calledWithoutWaiting(function) && !d.invokable(function) {
			found = append(found, problem(name, "%s is only called synchronously, and needs no destination", function))
		}
	}
	return found
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

// calledWithoutWaiting says whether something in the stack invokes a function
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

// invokable says whether the stack has a policy for people or programs by which they may
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

func (d Deployed) sourceRights(name string, r Resource) []Problem {
	function, _ := d.byARN(r.Properties["FunctionName"])
	role, _ := d.byARN(d.Resources[function].Properties["Role"])
	source := fmt.Sprint(r.Properties["EventSourceArn"])
	parts := strings.SplitN(source, ":", 6)
	if len(parts) < 6 || sourceActions[parts[2]] == nil {
		return []Problem{problem(name, "%s is not an event source that is known here", source)}
	}
	var found []Problem
	for _, action := range sourceActions[parts[2]] {
		if why := d.mayBefore(role, action, source, name); why != "" {
			found = append(found, problem(name, "Lambda refuses the event source of %s: %s", function, why))
		}
	}
	if queue, ok := d.byARN(source); ok && parts[2] == "sqs" {
		visible, timeout := number(d.Resources[queue].Properties["VisibilityTimeout"], 30), number(d.Resources[function].Properties["Timeout"], 3)
		if visible < timeout {
			found = append(found, problem(name, "Lambda refuses %s: its visibility timeout of %v s is less than the timeout of %s, %v s", queue, visible, function, timeout))
		}
	}
	if target := at(r.Properties["DestinationConfig"], "OnFailure", "Destination"); target != nil {
		if why := d.mayWrite(role, target, name); why != "" {
			found = append(found, problem(name, "Lambda refuses its destination: %s", why))
		}
	}
	return found
}

func (d Deployed) scheduleRights(name string, r Resource) []Problem {
	target := r.Properties["Target"]
	role, ok := d.byARN(at(target, "RoleArn"))
	if !ok {
		return []Problem{problem(name, "its role is not in the template")}
	}
	var found []Problem
	if !d.trusts(role, "scheduler.amazonaws.com") {
		found = append(found, problem(name, "Scheduler refuses it: it may not assume %s", role))
	}
	if why := d.mayBefore(role, "lambda:InvokeFunction", fmt.Sprint(at(target, "Arn")), name); why != "" {
		found = append(found, problem(name, "it cannot invoke its target: %s", why))
	}
	if queue := at(target, "DeadLetterConfig", "Arn"); queue != nil {
		if why := d.mayBefore(role, "sqs:SendMessage", fmt.Sprint(queue), name); why != "" {
			found = append(found, problem(name, "what it cannot deliver is lost: %s", why))
		}
	}
	return found
}

func (d Deployed) subscriptionRights(name string, r Resource) []Problem {
	var found []Problem
	topic, endpoint := r.Properties["TopicArn"], fmt.Sprint(r.Properties["Endpoint"])
	switch r.Properties["Protocol"] {
	case "lambda":
		if !slices.ContainsFunc(d.Of("AWS::Lambda::Permission"), func(permission string) bool {
			p := d.Resources[permission].Properties
			function, _ := d.byARN(p["FunctionName"])
			subscribed, _ := d.byARN(endpoint)
			return p["Action"] == "lambda:InvokeFunction" && p["Principal"] == "sns.amazonaws.com" && p["SourceArn"] == topic && function == subscribed
		}) {
			found = append(found, problem(name, "nothing lets SNS invoke %s for this topic", endpoint))
		}
	case "sqs":
		if !d.lets("AWS::SQS::QueuePolicy", "sns.amazonaws.com", "sqs:SendMessage", endpoint) {
			found = append(found, problem(name, "no queue policy lets SNS send to %s", endpoint))
		}
	}
	if queue := at(r.Properties["RedrivePolicy"], "deadLetterTargetArn"); queue != nil {
		if !d.lets("AWS::SQS::QueuePolicy", "sns.amazonaws.com", "sqs:SendMessage", fmt.Sprint(queue)) {
			found = append(found, problem(name, "no queue policy lets SNS send to %v what it cannot deliver", queue))
		}
	}
	return found
}

// alarmRights holds the topic that an alarm notifies against what lets CloudWatch in: the
// policy that SNS gives every topic, or one of the template that names it. A topic under
// the AWS-managed key takes nothing from CloudWatch.
func (d Deployed) alarmRights(name string, r Resource) []Problem {
	var found []Problem
	for _, kind := range []string{"AlarmActions", "OKActions", "InsufficientDataActions"} {
		for _, action := range texts(r.Properties[kind]) {
			topic, ok := d.byARN(action)
			if !ok || d.Resources[topic].Type != "AWS::SNS::Topic" {
				continue // an existing one, whose owner knows its policy
			}
			own := slices.ContainsFunc(d.Of("AWS::SNS::TopicPolicy"), func(policy string) bool {
				return slices.Contains(texts(d.Resources[policy].Properties["Topics"]), action)
			})
			if own && !d.lets("AWS::SNS::TopicPolicy", "cloudwatch.amazonaws.com", "sns:Publish", action) {
				found = append(found, problem(name, "the policy of %s replaces the one that SNS made, and does not let CloudWatch publish", topic))
			}
			if key := fmt.Sprint(d.Resources[topic].Properties["KmsMasterKeyId"]); strings.HasSuffix(key, "aws/sns") {
				found = append(found, problem(name, "CloudWatch cannot use the key of %s", topic))
			}
		}
	}
	return found
}

// notificationRights holds what a bucket notifies against the policy that S3 checks when
// it takes the bucket's configuration.
func (d Deployed) notificationRights(name string, r Resource) []Problem {
	var found []Problem
	for _, to := range listed(at(r.Properties["NotificationConfiguration"], "QueueConfigurations")) {
		queue := fmt.Sprint(at(to, "Queue"))
		allowed := slices.ContainsFunc(d.Of("AWS::SQS::QueuePolicy"), func(policy string) bool {
			return d.Before(policy, name) && slices.ContainsFunc(statements(d.Resources[policy].Properties["PolicyDocument"]), func(s statement) bool {
				return s.allows("sqs:SendMessage", queue) && slices.Contains(s.principals, "s3.amazonaws.com")
			})
		})
		if !allowed {
			found = append(found, problem(name, "S3 refuses to notify %s: no queue policy that the bucket waits for lets it", queue))
		}
	}
	return found
}

// mentions says whether a text occurs in what a value holds.
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
