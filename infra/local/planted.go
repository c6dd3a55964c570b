package local

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// DuplicateARN is the one thing of planted states that may be shown: two of them manage it.
const DuplicateARN = "arn:aws:sqs:eu-west-1:123456789012:jobs"

// plant is a secret that names the place where it was planted.
func plant(place string) string { return "planted-" + place }

// Planted are the bytes of states, by name, of every format and with a secret in each place
// that can hold one. What an inventory may show of a state (its columns: serial, lineage,
// version of the client, types, addresses of providers, and numbers) has none.
func Planted() map[string]string {
	attributes := fmt.Sprintf(`{"arn":%q,"id":%q,"region":"eu-west-1","password":%q,"nested":{"deep":[{%q:%q}]},"number":1e9,"nothing":null,"long":%q,"escaped":"p\u006canted-v4-escaped"}`,
		DuplicateARN, plant("v4-id"), plant("v4-attribute"), plant("v4-map-key"), plant("v4-nested"), strings.Repeat("x", 9000)+plant("v4-long"))
	v4 := fmt.Sprintf(`{"version":4,"terraform_version":"1.12.2","serial":7,"lineage":"11111111-2222-3333-4444-555555555555",
		"outputs":{%q:{"value":%q,"type":"string","sensitive":true},"plain":{"value":{"a":[%q]},"type":["object",{%q:"string"}],"deprecated":%q}},
		"resources":[
			{"module":%q,"mode":"managed","type":"aws_sqs_queue","name":%q,"provider":%q,"each":%q,"instances":[
				{"index_key":%q,"schema_version":1,"attributes":%s,"private":%q,
				 "sensitive_attributes":[[{"type":"get_attr","value":%q}]],"dependencies":[%q],
				 "identity_schema_version":0,"identity":{"region":"eu-west-1","arn":%q,"account":%q}},
				{"deposed":%q,"status":"tainted","attributes_flat":{"password":%q},"provider":%q}]},
			{"mode":"data","type":"aws_secretsmanager_secret_version","name":"s","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"attributes":{"id":%q,"secret_string":%q}}]},
			{"mode":"managed","type":%q,"name":"odd","provider":%q,"instances":[{"attributes":{"id":%q,"arn":%q,"region":%q}}]}],
		"check_results":[{"object_kind":"resource","config_addr":%q,"status":"fail","objects":[{"object_addr":%q,"status":"fail","failure_messages":[%q]}]}]}`,
		plant("v4-output-name"), plant("v4-output"), plant("v4-output-nested"), plant("v4-output-type"), plant("v4-deprecated"),
		"module."+plant("v4-module"), plant("v4-resource-name"), `provider["registry.terraform.io/hashicorp/aws"].`+plant("v4-alias"), plant("v4-each"),
		plant("v4-index"), attributes, base64.StdEncoding.EncodeToString([]byte(plant("v4-private"))),
		plant("v4-sensitive-path"), plant("v4-dependency"), plant("v4-identity-arn"), plant("v4-identity"),
		plant("v4-deposed-key"), plant("v4-flat"), `provider["`+plant("v4-provider")+` with blanks"]`,
		plant("v4-data-id"), plant("v4-data"),
		"a type that is not a name: "+plant("v4-type"), plant("v4-no-provider"), plant("v4-odd-id"), plant("v4-odd-arn"), plant("v4-odd-region"),
		plant("v4-check-addr"), plant("v4-check-object"), plant("v4-check-message"))
	v3 := fmt.Sprintf(`{"version":3,"terraform_version":"0.11.15","serial":12,"lineage":"22222222-2222-3333-4444-555555555555",
		"remote":{"type":"s3","config":{"access_key":%q}},"backend":{"type":"s3","config":{"secret_key":%q},"hash":1},
		"modules":[{"path":["root",%q],"outputs":{%q:{"sensitive":true,"type":"string","value":%q}},
			"resources":{%q:{"type":"aws_instance","depends_on":[%q],"primary":{"id":%q,"attributes":{"id":%q,"user_data":%q},"meta":{"private":%q},"tainted":true},
			"deposed":[{"id":%q,"attributes":{"password":%q}}],"provider":%q}},"depends_on":[%q]}]}`,
		plant("v3-remote"), plant("v3-backend"), plant("v3-path"), plant("v3-output-name"), plant("v3-output"),
		"aws_instance."+plant("v3-address"), plant("v3-dependency"), plant("v3-id"), plant("v3-attribute-id"), plant("v3-attribute"), plant("v3-meta"),
		plant("v3-deposed-id"), plant("v3-deposed"), "provider.aws."+plant("v3-alias"), plant("v3-module-dependency"))
	encrypted := fmt.Sprintf(`{"serial":3,"lineage":"33333333-2222-3333-4444-555555555555","meta":{"key_provider.pbkdf2.key":%q,"passphrase":%q},"encrypted_data":%q,"encryption_version":"v0"}`,
		base64.StdEncoding.EncodeToString([]byte(plant("encrypted-meta"))), plant("encrypted-passphrase"), base64.StdEncoding.EncodeToString([]byte(plant("encrypted-data"))))
	return map[string]string{
		"v4": v4, "v3": v3, "encrypted": encrypted,
		"cut-off":        v4[:len(v4)/2],
		"text":           plant("text") + " is not a state",
		"unknown-member": fmt.Sprintf(`{"version":4,"serial":1,"lineage":"4","resources":[],%q:%q}`, plant("unknown-key"), plant("unknown-value")),
		"wrong-types":    fmt.Sprintf(`{"version":%q,"serial":%q,"lineage":[%q],"terraform_version":{"a":%q},"outputs":%q,"resources":%q}`, plant("version"), plant("serial"), plant("lineage"), plant("tv"), plant("outputs"), plant("resources")),
		"long-names":     fmt.Sprintf(`{"version":4,"serial":1,"lineage":%q,"terraform_version":%q,"resources":[]}`, plant("lineage")+strings.Repeat("x", 200), "1.2\n"+plant("newline")),
		"strange-mode":   fmt.Sprintf(`{"version":4,"serial":1,"lineage":"5","resources":[{"mode":%q,"type":%q,"instances":[{"attributes":{"id":%q}}]}]}`, plant("mode"), plant("type")+"!", plant("mode-id")),
		"version-1":      fmt.Sprintf(`{"version":1,"serial":1,"modules":[{"path":["root"],"outputs":{"a":%q},"resources":{"aws_vpc.a":{"type":"aws_vpc","primary":{"id":%q}}}}]}`, plant("v1-output"), plant("v1-id")),
	}
}

// secretWords are what planted secrets look like in plain text, and in the encodings that
// programs put text into.
var secretWords = func() *regexp.Regexp {
	const word = "planted"
	forms := map[string]bool{regexp.QuoteMeta(hex.EncodeToString([]byte(word))): true, `p\\u006canted`: true, "detnalp": true}
	for before := range 3 { // base64 has three ways to write a word, by where it begins
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + word))
		first := []int{0, 2, 3}[before]
		last := (before + len(word)) * 8 / 6
		forms[regexp.QuoteMeta(whole[first:last])] = true
	}
	return regexp.MustCompile(`(?i:planted[a-z0-9-]*)|` + strings.Join(slices.Sorted(maps.Keys(forms)), "|"))
}()

// Leaks are the planted secrets in a text, each once.
func Leaks(text string) []string {
	found := map[string]bool{}
	for _, secret := range secretWords.FindAllString(text, -1) {
		found[secret] = true
	}
	return slices.Sorted(maps.Keys(found))
}
