package local

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Transform returns the template in that file as the real SAM transform makes it, with
// default parameters: plain CloudFormation as JSON.
func Transform(ctx context.Context, file string) ([]byte, error) {
	plain, err := transformed(ctx, file, nil)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(plain) //nolint:gosec // just written
}

// transformed returns the file with the template as the transform makes it with these parameters.
// It is made once for the same sources: the transform takes two seconds of a core, and the tests
// of many packages deploy the same.
func transformed(ctx context.Context, file string, parameters map[string]string) (string, error) {
	plain, err := plainFile(file, parameters)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(plain); err == nil {
		return plain, nil
	}
	args := []string{file}
	for name, value := range parameters {
		args = append(args, name+"="+value)
	}
	text, err := runPython(ctx, nil, "transform.py", args...)
	if err != nil {
		return "", err
	}
	return plain, keepFile(filepath.Dir(plain), plain, text)
}

// plainFile is where the result is kept: each template with other parameters, by another
// transform, has another place.
func plainFile(file string, parameters map[string]string) (string, error) {
	key := sha256.New()
	for _, source := range []string{file, filepath.Join(Root(), "infra", "local", "transform.py"), filepath.Join(Root(), "infra", "tools", "requirements.txt")} {
		text, err := os.ReadFile(source) //nolint:gosec // sources of this repository; go test sees that they are read
		if err != nil {
			return "", err
		}
		fmt.Fprintf(key, "%d %s\n", len(text), text)
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		fmt.Fprintf(key, "%q=%q\n", name, parameters[name])
	}
	return filepath.Join(Root(), ".build", "local", "transformed", fmt.Sprintf("%x.json", key.Sum(nil))), nil
}

// keepFile writes a file of a folder at once, and removes what is older than a day there: ports
// are among the parameters, so most are asked for once.
func keepFile(dir, file string, text []byte) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(dir, "fresh-")
	if err != nil {
		return err
	}
	if _, err := fresh.Write(text); err != nil {
		return err
	}
	if err := fresh.Close(); err != nil {
		return err
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range old {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // another process may be faster
		}
	}
	return os.Rename(fresh.Name(), file)
}
