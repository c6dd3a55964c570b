//go:build !race

package tfstate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// A run takes states by what they cost, which it knows from their size. So whatever is in one, it takes not much longer to read than another one of its size.
func TestNoStateTakesMuchLongerThanAnotherOfItsSize(t *testing.T) {
	const size = 1 << 20
	fills := func(before, unit, after string) string {
		return before + strings.Repeat(unit, (size-len(before)-len(after))/len(unit)) + after
	}
	numbered := func(before, unit, after string) string {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, unit, i)
		}
		return b.String() + after
	}
	almost := strings.Builder{} // long top-level keys, which differ in their last bytes
	for i := range 61 {
		fmt.Fprintf(&almost, `"%s%02d":1,`, strings.Repeat("µ", 126), i)
	}
	const resource = `{"mode":"managed","type":"t","name":"n","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"attributes":{"id":"i-%[1]d","arn":"arn:aws:ec2:eu-central-1:123456789012:instance/i-%[1]d"}}]},`
	states := map[string]string{
		"one top-level key, again and again":     fills(`{"version":4,`+almost.String(), `"`+strings.Repeat("μ", 126)+`xx":1,`, `"serial":1}`),
		"other top-level keys":                   numbered(`{"version":4,`, `"%d":1,`, `"serial":1}`),
		"resources of one type":                  numbered(`{"version":4,"resources":[`, resource, `{}]}`),
		"resources of other types":               numbered(`{"version":4,"resources":[`, strings.Replace(resource, `"t"`, `"t%[1]d"`, 1), `{}]}`),
		"resources of other providers":           numbered(`{"version":4,"resources":[`, strings.Replace(resource, `hashicorp`, `h%[1]d`, 1), `{}]}`),
		"resources with hardly anything":         fills(`{"version":4,"resources":[`, `{},`, `{}]}`),
		"instances with hardly anything":         fills(`{"version":4,"resources":[{"mode":"managed","type":"t","instances":[`, `{},`, `{}]}]}`),
		"keys of resources that are almost mode": fills(`{"version":4,"resources":[{`, `"modE":"x",`, `"mode":"managed"}]}`),
		"brackets":                               fills(`{"version":4,"x":`, `[`, ``),
		"escapes":                                fills(`{"version":4,"x":"`, `\u00e9`, `"}`),
		"escapes in keys":                        fills(`{"version":4,"outputs":{`, `"\u00e9":{},`, `"a":{}}}`),
		"outputs":                                numbered(`{"version":4,"outputs":{`, `"o%d":{"value":1,"sensitive":true},`, `"a":{}}}`),
		"blanks":                                 fills(`{"version":4,`, ` `, `"serial":1}`),
	}
	took := func(state string, read func(string) error) time.Duration {
		least := time.Hour
		for range 3 {
			started := time.Now()
			if err := read(state); err != nil {
				t.Fatal(err)
			}
			least = min(least, time.Since(started))
		}
		return least
	}
	for how, read := range map[string]func(string) error{
		"read": func(s string) error { _, err := tfstate.Read(strings.NewReader(s)); return err },
		"surveyed": func(s string) error {
			_, err := tfstate.Survey(strings.NewReader(s), func(tfstate.Object) {})
			return err
		},
	} {
		usual := took(states["resources of one type"], read)
		for name, state := range states {
			if d := took(state, read); d > 40*usual { // a busy machine; comparing keys took two hundred times as long
				t.Errorf("%s, %s: %v, and a usual state %v", name, how, d, usual)
			} else {
				t.Logf("%s, %s: %v, and a usual state %v", name, how, d, usual)
			}
		}
	}
}
