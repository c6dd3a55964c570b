package local_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// A search that finds nothing in what was planted would prove nothing.
func TestPlantedSecretsAreFound(t *testing.T) {
	all := 0
	for name, state := range local.Planted() {
		found := local.Leaks(state)
		if all += len(found); len(found) == 0 {
			t.Errorf("%s has no secret", name)
		}
		if valid := json.Valid([]byte(state)); valid == (name == "cut-off" || name == "text") {
			t.Errorf("%s is JSON: %v", name, valid)
		}
	}
	if all < 60 {
		t.Errorf("only %d secrets are planted", all)
	}
	for before := range 4 {
		text := strings.Repeat("y", before) + "planted-here"
		for form, encoded := range map[string]string{
			"plain": text, "capitals": strings.ToUpper(text), "base64": base64.StdEncoding.EncodeToString([]byte(text)), "URL": base64.URLEncoding.EncodeToString([]byte(text)),
			"hex": hex.EncodeToString([]byte(text)),
		} {
			if len(local.Leaks("x "+encoded+" x")) == 0 {
				t.Errorf("%s is not found in %s: %s", text, form, encoded)
			}
		}
	}
	if found := local.Leaks("a plan, 40 states, plants and plantations"); len(found) > 0 {
		t.Errorf("found %q", found)
	}
}
