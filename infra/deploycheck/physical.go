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

// global is an ARN of a service without regions.
func (p Place) global(service, resource string) string {
	return "arn:" + p.Partition() + ":" + service + "::" + p.Account + ":" + resource
}

// physical is a resource's name and ARN.
func (p Place) physical(resourceType, logicalID string) (name, arn string) {
	switch resourceType {
	case "AWS::S3::Bucket":
		name = strings.ToLower(p.named(logicalID, 63))
		return name, "arn:" + p.Partition() + ":s3:::" + name
	case "AWS::DynamoDB::Table":
		name = p.named(logicalID, 255)
		return name, p.arn("dynamodb", "table/"+name)
	case "AWS::SNS::Topic":
		name = p.named(logicalID, 256)
		return name, p.arn("sns", name)
	case "AWS::SQS::Queue":
		name = p.named(logicalID, 80)
		return name, p.arn("sqs", name)
	case "AWS::Lambda::Function":
		name = p.named(logicalID, 64)
		return name, p.arn("lambda", "function:"+name)
	case "AWS::IAM::Role":
		name = p.named(logicalID, 64)
		return name, p.global("iam", "role/"+name)
	case "AWS::IAM::ManagedPolicy":
		name = p.named(logicalID, 128)
		return name, p.global("iam", "policy/"+name)
	case "AWS::Logs::LogGroup":
		name = p.named(logicalID, 512)
		return name, p.arn("logs", "log-group:"+name+":*")
	case "AWS::CloudWatch::Alarm":
		name = p.named(logicalID, 255)
		return name, p.arn("cloudwatch", "alarm:"+name)
	default:
		name = p.named(logicalID, 128)
		return name, p.arn("other", name)
	}
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
