// Package deploycheck knows what CloudFormation, IAM, Lambda, SNS, SQS, EventBridge
// Scheduler and CloudWatch check while a stack is deployed, and holds a template against
// it: the engines that this project can run do not. It evaluates the template, after the
// real SAM transform, for given parameters in a given partition and region, and then
// looks at what each service would be given, and at what must exist before it. What cfn-lint
// finds in a template as it is written (make template), such as types that a partition does not
// have and parameters of nested stacks, is left to it.
//
// It must not know Lockwarden: whatever holds for one template of functions, queues,
// topics and roles holds for all. What is Lockwarden's own is in its tests.
package deploycheck
