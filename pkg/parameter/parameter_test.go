package parameter_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lockwarden/lockwarden/pkg/parameter"
)

// store is SSM with these parameters, by name: "SecureString hush" has that type and value.
func store(t *testing.T, parameters map[string]string) parameter.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Name           string
			WithDecryption bool
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || !in.WithDecryption {
			t.Errorf("%+v %s, %v", in, r.Header, err)
		}
		kind, value, known := strings.Cut(parameters[in.Name], " ")
		if !known {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ParameterNotFound"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": kind, "Value": value, "Version": 1, "LastModifiedDate": 1.7e9}})
	}))
	t.Cleanup(server.Close)
	return parameter.New(aws.Config{Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")})
}

func TestAParameterIsReadByEitherFormOfItsName(t *testing.T) {
	client := store(t, map[string]string{"/team/token": "SecureString  hush\n", "plain": "String open"})
	for name, want := range map[string]string{"/team/token": "hush", "team/token": "hush", "plain": "open", "/plain": "open"} {
		if got, err := parameter.Read(t.Context(), client, name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := parameter.Read(t.Context(), client, "gone"); err == nil || !strings.Contains(err.Error(), "the parameter gone: ") {
		t.Error(err)
	}
}

// A secret in a parameter that everybody may read is said, without the secret.
func TestASecretThatIsNoSecureStringIsSaid(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	client := store(t, map[string]string{"safe": "SecureString hush", "plain": "String hush"})
	for _, name := range []string{"safe", "plain"} {
		if got, err := parameter.Secret(t.Context(), client, name); err != nil || got != "hush" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if said := log.String(); strings.Count(said, "make it a SecureString") != 1 || !strings.Contains(said, "parameter=plain") || strings.Contains(said, "hush") {
		t.Error(said)
	}
}
