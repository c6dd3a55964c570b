package wiring

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// profileOf is the variable that names the profile of one service, by its ID in the SDKs:
// LOCKWARDEN_PROFILE_S3. A store outside of AWS has credentials of its own.
const profileOf = "LOCKWARDEN_PROFILE_"

// For returns the configuration of one service, by its ID in the SDKs: with the keys of the
// profile that LOCKWARDEN_PROFILE_ and that ID name, and as it is where there is none. Its
// error names the variable, the file and the profile, and says no credential.
func For(cfg aws.Config, sdkID string) (aws.Config, error) {
	name := profileOf + variable(sdkID)
	profile := os.Getenv(name)
	if profile == "" {
		return cfg, nil
	}
	path, err := credentialsFile()
	if err != nil {
		return cfg, fmt.Errorf("%s: %w", name, err)
	}
	keys, err := readProfile(path, profile)
	if err != nil {
		return cfg, fmt.Errorf("%s is %q: %w", name, profile, err)
	}
	cfg = cfg.Copy()
	cfg.Credentials = credentials.StaticCredentialsProvider{Value: keys}
	return cfg, nil
}

// credentialsFile is the file where the SDKs look for credentials.
func credentialsFile() (string, error) {
	if path := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".aws", "credentials"), err
}

// readProfile reads the keys of a profile in the shared credentials file of AWS's tools.
// Only keys are read, which is what stores outside of AWS have: no roles, no processes, no SSO.
func readProfile(path, profile string) (aws.Credentials, error) {
	file, err := os.Open(path) //nolint:gosec // the file that the caller's environment names
	if err != nil {
		return aws.Credentials{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	values, found := map[string]string{}, false
	lines, inside := bufio.NewScanner(file), false
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
		case text[0] == '[':
			inside = strings.TrimSpace(strings.Trim(text, "[]")) == profile
			found = found || inside
		case inside:
			key, value, _ := strings.Cut(text, "=")
			values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	keys := aws.Credentials{
		AccessKeyID: values["aws_access_key_id"], SecretAccessKey: values["aws_secret_access_key"], SessionToken: values["aws_session_token"],
		Source: path + " [" + profile + "]",
	}
	switch {
	case lines.Err() != nil:
		return keys, fmt.Errorf("%s cannot be read to its end: %w", path, lines.Err())
	case !found:
		return keys, fmt.Errorf("%s has no such profile", path)
	case !keys.HasKeys():
		return keys, errors.New(path + " has no aws_access_key_id and aws_secret_access_key for it; other kinds of profiles are not read")
	}
	return keys, nil
}
