package deploycheck

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// named is the name that CloudFormation makes for a resource without one: the stack's,
// the logical ID and twelve random characters, cut to what the service takes. Of a long
// stack's name nothing else may be left, so those differ for each resource.
func (p Place) named(logicalID string, longest int) string {
	sum := sha256.Sum256([]byte(logicalID))
	random := strings.ToUpper(hex.EncodeToString(sum[:6]))
	name := p.Stack + "-" + logicalID
	if most := longest - len(random) - 1; len(name) > most {
		name = name[:most]
	}
	return name + "-" + random
}

// unique stands for the UUID that is in a stack's ID.
func (p Place) unique() string {
	sum := sha256.Sum256([]byte(p.Region + "/" + p.Stack))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (p Place) arn(service, resource string) string {
	return "arn:" + p.Partition() + ":" + service + ":" + p.Region + ":" + p.Account + ":" + resource
}

// kinds are the longest name that each type takes, and its service and the rest of its ARN before the name.
var kinds = map[string]struct {
	longest         int
	service, before string
}{
	"AWS::DynamoDB::Table": {255, "dynamodb", "table/"}, "AWS::SNS::Topic": {256, "sns", ""}, "AWS::SQS::Queue": {80, "sqs", ""},
	"AWS::Lambda::Function": {64, "lambda", "function:"}, "AWS::Logs::LogGroup": {512, "logs", "log-group:"}, "AWS::CloudWatch::Alarm": {255, "cloudwatch", "alarm:"},
	"AWS::IAM::Role": {64, "iam", "role/"}, "AWS::IAM::ManagedPolicy": {128, "iam", "policy/"},
}

// physical is a resource's name and ARN.
func (p Place) physical(resourceType, logicalID string) (name, arn string) {
	if resourceType == "AWS::S3::Bucket" {
		name = strings.ToLower(p.named(logicalID, 63))
		return name, "arn:" + p.Partition() + ":s3:::" + name
	}
	kind, known := kinds[resourceType]
	if !known {
		kind.longest, kind.service = 128, "other"
	}
	name = p.named(logicalID, kind.longest)
	switch kind.service {
	case "iam": // which has no regions
		return name, "arn:" + p.Partition() + ":iam::" + p.Account + ":" + kind.before + name
	case "logs":
		return name, p.arn("logs", kind.before+name+":*")
	}
	return name, p.arn(kind.service, kind.before+name)
}

// reference is what Ref gives.
func (p Place) reference(resourceType, logicalID string) string {
	name, arn := p.physical(resourceType, logicalID)
	switch resourceType {
	case "AWS::SNS::Topic", "AWS::IAM::ManagedPolicy", "AWS::Chatbot::CustomAction":
		return arn
	case "AWS::SQS::Queue":
		return "https://sqs." + p.Region + "." + p.Suffix() + "/" + p.Account + "/" + name
	default:
		return name
	}
}

// attribute is what Fn::GetAtt gives.
func (p Place) attribute(resourceType, logicalID, attribute string) string {
	name, arn := p.physical(resourceType, logicalID)
	if strings.HasSuffix(attribute, "Name") {
		return name
	}
	if attribute != "Arn" && attribute != "TopicArn" {
		refuse("%s.%s is not known here", logicalID, attribute)
	}
	return arn
}
