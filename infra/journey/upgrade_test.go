package journey

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

func TestAnUpgradeDeliversAChangeInAPackage(t *testing.T) {
	t.Parallel()
	local.Need(t, local.SAMCommand)
	e, dir := &Engine{&server.Server{Endpoint: "http://127.0.0.1:1"}, t.TempDir()}, t.TempDir()
	if err := e.Copy(t.Context(), dir, ""); err != nil {
		t.Fatal(err)
	}
	build := func() []byte {
		if err := e.Build(t.Context(), dir, "UnlockFunction"); err != nil { // one is enough, and each takes seconds
			t.Fatal(err)
		}
		binary, err := os.ReadFile(filepath.Join(dir, ".aws-sam", "build", "UnlockFunction", "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		return binary
	}
	const news = "what the next version says"
	if before := build(); bytes.Contains(before, []byte(news)) {
		t.Fatal("the change is there before it is made")
	}
	changed := "package unlock\n\nimport \"os\"\n\nfunc init() {\n\tif os.Getenv(\"NEXT_VERSION\") != \"\" {\n\t\tprintln(\"" + news + "\")\n\t}\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "pkg", "unlock", "next.go"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := build(); !bytes.Contains(after, []byte(news)) {
		t.Error("sam built the old code after a change in pkg/unlock")
	}
}
