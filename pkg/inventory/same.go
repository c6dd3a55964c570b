package inventory

import (
	"bytes"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// naming is what makes an object the same one in two states.
type naming int

const (
	unnamed naming = iota // nothing that is known of it is its own alone
	byARN                 // its ARN and ID
	byID                  // its ID and region
)

// namingVersion changes with what objects are hashed by: every state is read again then.
const namingVersion = 1

// namingOf says by what an object is known again. The attribute `arn` of many types is that
// of another resource (aws_cloudwatch_event_target), and the `id` of many is a name within a
// parent (aws_lambda_permission) or an account, which a state does not say. So an ARN counts
// only where it fits the type or ends with the object's ID, and an ID only in the form of
// those that AWS and Google Cloud make unique themselves. docs/adr/0019 has the reasons.
func namingOf(o tfstate.Object) naming {
	if isShared(o.Type) {
		return unnamed
	}
	arn := arnOf(o)
	if service, resource, ok := splitARN(arn); ok && isOwn(o, arn, service, resource) {
		return byARN
	}
	if len(o.Region) > 0 && isUniqueID(o.ID) {
		return byID
	}
	return unnamed
}

// arnOf is an object's ARN, or its ID where that is one.
func arnOf(o tfstate.Object) []byte {
	if len(o.ARN) == 0 && bytes.HasPrefix(o.ID, []byte("arn:")) {
		return o.ID
	}
	return o.ARN
}

// isShared reports whether two states may manage objects of that type with the same ARN and ID
// that are not the same: one in each of the two accounts that share something, or one of
// several grants on the same thing.
func isShared(kind []byte) bool {
	return bytes.HasSuffix(kind, []byte("_accepter")) || bytes.HasSuffix(kind, []byte("_permission")) || string(kind) == "aws_vpc_peering_connection_options"
}

// splitARN splits arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func splitARN(arn []byte) (service, resource []byte, ok bool) {
	rest, ok := bytes.CutPrefix(arn, []byte("arn:"))
	for n := range 4 {
		var part []byte
		if !ok {
			return nil, nil, false
		}
		if part, rest, ok = bytes.Cut(rest, []byte(":")); n == 1 {
			service = part
		}
	}
	return service, rest, ok && len(service) > 0 && len(rest) > 0
}

// isOwn reports whether an ARN names the object itself: it ends with the object's ID, or its
// service or its kind of resource is a part of the type's name.
func isOwn(o tfstate.Object, arn, service, resource []byte) bool {
	if before, ok := bytes.CutSuffix(arn, o.ID); ok && len(o.ID) > 0 && len(before) > 0 && bytes.ContainsRune([]byte(":/"), rune(before[len(before)-1])) {
		return true
	}
	kind := resource[:max(0, bytes.IndexAny(resource, ":/"))]
	name := bytes.TrimPrefix(o.Type, []byte("aws_"))
	if isBalancer(name) && string(kind) == "loadbalancer" {
		return true
	}
	if spells(name, service) {
		return true
	}
	for at := 0; len(kind) > 0; {
		if spells(name[at:], kind) {
			return true
		}
		next := bytes.IndexByte(name[at:], '_')
		if next < 0 {
			return false
		}
		at += next + 1
	}
	return false
}

func isBalancer(name []byte) bool {
	return string(name) == "lb" || string(name) == "alb" || string(name) == "elb"
}

// spells reports whether the first words of a type's name are that word of an ARN, which has
// them without a separator, with hyphens, or in camel case.
func spells(name, word []byte) bool {
	for _, b := range word {
		if b == '-' || b == '_' {
			continue
		}
		if len(name) > 0 && name[0] == '_' {
			name = name[1:]
		}
		if len(name) == 0 || name[0] != lower(b) {
			return false
		}
		name = name[1:]
	}
	return len(word) > 0 && (len(name) == 0 || name[0] == '_')
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// uniquePrefixes are those of the IDs that EC2 gives: PREFIX-HEX.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
const uniquePrefixes = " acl aclassoc ami cgw dopt eipalloc eipassoc eni fs fsap fsmt i igw eigw key lt nat pcx pl r-rtb rtb rtbassoc sg sgr snap subnet tgw tgw-attach tgw-rtb vgw vol vpc vpc-cidr-assoc vpce vpn "

// longHex is the length of the hexadecimal part of the IDs that AWS makes since 2016,
// whatever their prefix.
const longHex = 17

// isUniqueID reports whether an ID has a form that no user chooses: one that AWS makes, or the
// full name of an object in Google Cloud.
func isUniqueID(id []byte) bool {
	if bytes.HasPrefix(id, []byte("projects/")) {
		return bytes.Count(id, []byte("/")) >= 3
	}
	at := bytes.LastIndexByte(id, '-')
	if at <= 0 || at == len(id)-1 {
		return false
	}
	for _, b := range id[at+1:] {
		if (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	if len(id)-at-1 == longHex {
		return true
	}
	var room [16]byte // no prefix is longer
	if at > len(room)-2 {
		return false
	}
	return strings.Contains(uniquePrefixes, string(append(append(append(room[:0], ' '), id[:at]...), ' ')))
}
