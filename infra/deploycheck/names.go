package deploycheck

import (
	"fmt"
	"strings"
)

// nameProperty is the property that names a resource of a type. One that has none gets a
// name from CloudFormation, which is unique.
var nameProperty = map[string]string{
	"AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName", "AWS::SNS::Topic": "TopicName", "AWS::SQS::Queue": "QueueName",
	"AWS::Lambda::Function": "FunctionName", "AWS::IAM::Role": "RoleName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::Logs::LogGroup": "LogGroupName", "AWS::CloudWatch::Alarm": "AlarmName", "AWS::CloudWatch::Dashboard": "DashboardName",
	"AWS::Scheduler::Schedule": "Name", "AWS::Scheduler::ScheduleGroup": "Name", "AWS::Events::Rule": "Name", "AWS::SSM::Parameter": "Name", "AWS::KMS::Alias": "AliasName",
	"AWS::Chatbot::SlackChannelConfiguration": "ConfigurationName", "AWS::Chatbot::CustomAction": "ActionName",
}

// everywhere are the services whose names are unique in an account, not in a region.
var everywhere = []string{"AWS::IAM::", "AWS::S3::", "AWS::CloudWatch::Dashboard", "AWS::Chatbot::"}

// Collisions finds the names that two stacks of one account would both have.
func Collisions(one, other Deployed) []Problem {
	var found []Problem
	for _, name := range names(one.Resources) {
		r := one.Resources[name]
		property, ok := nameProperty[r.Type]
		chosen := r.Properties[property]
		if !ok || chosen == nil || chosen != other.Resources[name].Properties[property] {
			continue
		}
		if one.Place.Region == other.Place.Region || global(r.Type) {
			found = append(found, problem(name, "%s is %v in the stack %s in %s too", property, chosen, other.Place.Stack, other.Place.Region))
		}
	}
	return found
}

func global(resourceType string) bool {
	for _, prefix := range everywhere {
		if strings.HasPrefix(resourceType, prefix) {
			return true
		}
	}
	return false
}

// Foreign finds what belongs to another partition than the one that a template is
// deployed in: ARNs, domains of services, addresses of consoles. Names of services as
// principals are the same in all of them.
func Foreign(d Deployed) []Problem {
	var found []Problem
	for _, name := range names(d.Resources) {
		found = append(found, foreign(name, d.Resources[name].Properties, d.Place)...)
	}
	for _, name := range names(d.Outputs) {
		found = append(found, foreign(name, d.Outputs[name], d.Place)...)
	}
	return found
}

// consoles are the domains of the console in each partition.
var consoles = map[string]string{"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn"}

func foreign(name string, v any, place Place) (found []Problem) {
	for _, text := range contents(v) {
		for partition, domain := range consoles {
			if partition != place.Partition() && (strings.Contains(text, "arn:"+partition+":") || strings.Contains(text, domain)) {
				found = append(found, problem(name, "it is of the partition %s: %s", partition, text))
			}
		}
		if strings.Contains(text, "amazonaws.com") && !strings.Contains(text, place.Suffix()) {
			found = append(found, problem(name, "the domain is %s here: %s", place.Suffix(), text))
		}
	}
	return found
}

// contents returns the texts in a value, less those that name a service as a principal.
func contents(v any) []string {
	var all []string
	switch v := v.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, one := range v {
			all = append(all, contents(one)...)
		}
	case map[string]any:
		for _, key := range names(v) {
			if text := fmt.Sprint(v[key]); key == "Service" || key == "Principal" && strings.HasSuffix(text, ".amazonaws.com") {
				continue
			}
			all = append(all, contents(v[key])...)
		}
	}
	return all
}
