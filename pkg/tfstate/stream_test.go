package tfstate_test

import (
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

const (
	head     = `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"a","outputs":{},"resources":[`
	instance = `{"schema_version":0,"attributes":{"id":"i-0","user_data":"caf\u00e9 — €","tags":{"a":"b"},"n":[1,2.5e3]},"sensitive_attributes":[]}`
	tail     = `],"check_results":null}`
)

// series reads as n items in a row.
type series struct {
	item func(i int) string
	n    int
	i    int
	rest string
}

func (s *series) Read(p []byte) (int, error) {
	read := 0
	for read < len(p) {
		if s.rest == "" {
			if s.i == s.n {
				break
			}
			s.rest = s.item(s.i)
			s.i++
		}
		k := copy(p[read:], s.rest)
		read, s.rest = read+k, s.rest[k:]
	}
	if read == 0 {
		return 0, io.EOF
	}
	return read, nil
}

func times(n int, item string) io.Reader {
	return &series{n: n, item: func(int) string { return item }}
}

func between(head string, body io.Reader, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), body, strings.NewReader(tail))
}

// repeated reads as head, then n times item with commas between, then tail.
func repeated(head, item string, n int, tail string) io.Reader {
	return between(head, times(n-1, item+","), item+tail)
}

// counter counts the bytes that are read through it.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func managed(instances string) string {
	return `{"mode":"managed","type":"aws_instance","name":"a","provider":"p","instances":[` + instances + `]}`
}

// huge are states of about a size in bytes, in every shape that could tempt a
// reader to hold it.
var huge = []struct {
	name  string
	state func(size int) io.Reader
	want  tfstate.Condition
}{
	{"many resources", func(size int) io.Reader {
		item := managed(instance)
		return repeated(head, item, size/len(item), tail)
	}, tfstate.HasResources},
	{"one resource of many instances", func(size int) io.Reader {
		return repeated(head+`{"mode":"managed","type":"a","instances":[`, instance, size/len(instance), `]}`+tail)
	}, tfstate.HasResources},
	{"many outputs", func(size int) io.Reader {
		return repeated(`{"version":4,"resources":[],"outputs":{`, `"a":{"value":"b"}`, size/18, `}}`)
	}, tfstate.HasOutputs},
	{"one text", func(size int) io.Reader {
		return repeated(`{"version":4,"resources":[],"check_results":"`, "text", size/5, `"}`)
	}, tfstate.Empty},
	{"one key", func(size int) io.Reader {
		return repeated(`{"version":4,"resources":[],"check_results":{"`, "text", size/5, `":1}}`)
	}, tfstate.Empty},
	{"one number", func(size int) io.Reader {
		return between(`{"version":4,"resources":[],"check_results":`, times(size/10, "1234567890"), `}`)
	}, tfstate.Empty},
	{"encrypted data", func(size int) io.Reader {
		return between(`{"serial":1,"lineage":"a","meta":{},"encryption_version":"v0","encrypted_data":"`, times(size/4, "QUJD"), `"}`)
	}, tfstate.Encrypted},
	{"many types", func(size int) io.Reader {
		return between(head, &series{n: size / 100, item: func(i int) string {
			return fmt.Sprintf(`{"mode":"managed","type":"type_%010d","name":"a","provider":"p","instances":[{"attributes":{}}]},`, i)
		}}, managed(`{}`)+tail)
	}, tfstate.HasResources},
	{"many keys", func(size int) io.Reader {
		return between(`{"version":4,"resources":[]`, &series{n: size / 20, item: func(i int) string {
			return fmt.Sprintf(`,"key_%010d":1`, i)
		}}, `}`)
	}, tfstate.Unreadable},
	{"rubbish", func(size int) io.Reader { return times(size/7, "rubbish") }, tfstate.Unreadable},
}

func TestReadTakesConstantMemory(t *testing.T) {
	const size = 4 << 20
	for _, test := range huge {
		t.Run(test.name, func(t *testing.T) {
			body := &counter{Reader: test.state(size)}
			source := heapOf(func() { _, _ = io.Copy(io.Discard, test.state(size)) }) // what making it takes
			var got tfstate.Summary
			var err error
			taken := heapOf(func() { got, err = tfstate.Read(body) })
			if err != nil || got.Condition != test.want {
				t.Fatalf("it is %v (%q, %v), want %v", got.Condition, got.Why, err, test.want)
			}
			if body.n < size/2 {
				t.Fatalf("only %d bytes were read", body.n)
			}
			if limit := uint64(256 << 10); taken > source+limit {
				t.Errorf("reading %d bytes allocated %d bytes", body.n, taken-source)
			}
		})
	}
}

// heapOf returns how many bytes f allocates, whether they are freed or not.
func heapOf(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestProbeStopsAtTheFirstManagedObject(t *testing.T) {
	tests := map[string]io.Reader{
		"many resources":                 repeated(head, managed(instance), 200_000, tail),
		"one resource of many instances": repeated(head+`{"mode":"managed","type":"aws_instance","instances":[`, instance, 200_000, `]}`+tail),
		"the rest is missing":            repeated(head, managed(instance), 200_000, ""),
	}
	for name, state := range tests {
		t.Run(name, func(t *testing.T) {
			body := &counter{Reader: state}
			got, err := tfstate.Probe(body)
			want := tfstate.Summary{
				Condition: tfstate.HasResources, Serial: 7, Lineage: "a", TerraformVersion: "1.11.4",
				Managed: 1, Types: []tfstate.TypeCount{{Type: "aws_instance", Count: 1}},
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("error %v, (-want +got):\n%s", err, diff)
			}
			if body.n > 64<<10 {
				t.Errorf("it read %d bytes", body.n)
			}
		})
	}
	t.Run("a state without managed objects is read as a whole", func(t *testing.T) {
		state := repeated(head, `{"mode":"data","type":"aws_ami","instances":[{}]}`, 10_000, tail+"}")
		if got, err := tfstate.Probe(state); err != nil || got.Condition != tfstate.Unreadable {
			t.Errorf("it is %v, %v", got.Condition, err)
		}
	})
	t.Run("resources before the version are enough", func(t *testing.T) {
		got, err := tfstate.Probe(strings.NewReader(`{"resources":[` + managed(instance) + `],"version":4}`))
		if err != nil || got.Condition != tfstate.HasResources {
			t.Errorf("it is %v (%q), %v", got.Condition, got.Why, err)
		}
	})
	t.Run("an older version seen before them is still unreadable", func(t *testing.T) {
		got, err := tfstate.Probe(strings.NewReader(`{"version":5,"resources":[` + managed(instance) + `]}`))
		if err != nil || got.Condition != tfstate.Unreadable || got.Managed != 1 {
			t.Errorf("it is %+v, %v", got, err)
		}
	})
}

func TestReadReachesTheEnd(t *testing.T) {
	states := map[string]string{
		"a good state":                         head + managed(instance) + tail + "\n",
		"no state":                             "",
		"a state with a flaw early on":         "{,}" + strings.Repeat("x", 1<<20),
		"a state with something behind it":     head + tail + strings.Repeat("x", 1<<20),
		"a state that is not a JSON object":    "4" + strings.Repeat(" ", 1<<20),
		"a state with a doubt and a long tail": `{"version":3,"modules":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
	for name, state := range states {
		t.Run(name+" leaves a hash of all bytes", func(t *testing.T) {
			hash := md5.New()
			if _, err := tfstate.Read(io.TeeReader(strings.NewReader(state), hash)); err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprintf("%x", hash.Sum(nil)), fmt.Sprintf("%x", md5.Sum([]byte(state))); got != want {
				t.Errorf("the MD5 is %s, want %s", got, want)
			}
		})
	}
}

func TestReadIsTheSameInAnyPieces(t *testing.T) {
	files, err := filepath.Glob("testdata/*.tfstate")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample states: %v", err)
	}
	states := []string{"", "{", `{"version":4,"resources":[],"x":"` + strings.Repeat("€𝄞", 30_000) + `"}`, head + managed(instance) + tail}
	for _, file := range files {
		state, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, string(state))
	}
	pieces := map[string]func(io.Reader) io.Reader{
		"single bytes":           iotest.OneByteReader,
		"half of what fits":      iotest.HalfReader,
		"an end with the data":   iotest.DataErrReader,
		"pieces of three bytes":  func(r io.Reader) io.Reader { return &small{r} },
		"now and then no bytes":  func(r io.Reader) io.Reader { return &idle{r: r} },
		"bytes and end together": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
	}
	for name, in := range pieces {
		t.Run(name, func(t *testing.T) {
			for _, state := range states {
				got, err := tfstate.Read(in(strings.NewReader(state)))
				if diff := cmp.Diff(read(t, state), got); err != nil || diff != "" {
					t.Errorf("error %v, (-whole +pieces):\n%s", err, diff)
				}
			}
		})
	}
}

type small struct{ r io.Reader }

func (s *small) Read(p []byte) (int, error) { return s.r.Read(p[:min(3, len(p))]) }

type idle struct {
	r     io.Reader
	reads int
}

func (i *idle) Read(p []byte) (int, error) {
	if i.reads++; i.reads%2 == 1 {
		return 0, nil
	}
	return i.r.Read(p)
}

func TestReadReportsAFailingReader(t *testing.T) {
	lost := errors.New("connection reset")
	const state = `{"version":4,"resources":[],"x":["é",true,-1.5e+3,"\u00e9"]}`
	for _, reader := range []struct {
		name string
		read func(io.Reader) (tfstate.Summary, error)
	}{{"Read", tfstate.Read}, {"Probe", tfstate.Probe}} {
		t.Run(reader.name+" gives the error, wherever it comes", func(t *testing.T) {
			for i := range len(state) + 1 {
				for _, failure := range []error{lost, io.ErrUnexpectedEOF, fmt.Errorf("body: %w", io.EOF)} {
					got, err := reader.read(io.MultiReader(strings.NewReader(state[:i]), iotest.ErrReader(failure)))
					if !errors.Is(err, failure) || !cmp.Equal(got, tfstate.Summary{}) {
						t.Errorf("after %d bytes %q: %+v, %v", i, failure, got, err)
					}
				}
			}
		})
	}
	t.Run("an error that comes while the rest of a bad state is read", func(t *testing.T) {
		_, err := tfstate.Read(io.MultiReader(strings.NewReader("{,"), iotest.ErrReader(lost)))
		if !errors.Is(err, lost) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a reader that never gives anything", func(t *testing.T) {
		if _, err := tfstate.Read(silent{}); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("the error is %v", err)
		}
	})
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }
