package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/lambda"
	"github.com/lockwarden/lockwarden/infra/local"
)

// emulated is a line of the table of starts under AWS's own emulator: how long the first
// answer takes, for which the emulator starts the function, and how long the one after it. The
// duration of the init that the emulator prints itself is that of a call that does not wait.
type emulated struct {
	measured
	process program
	cold    []time.Duration
	warm    []time.Duration
}

// once starts the function and invokes it twice.
func (e *emulated) once(ctx context.Context) error {
	e.world.Reset()
	emulator, err := lambda.Start(ctx, e.process.argv[0], e.process.environment)
	if err != nil {
		return err
	}
	defer emulator.Stop()
	payload := e.payload
	if payload == "" {
		payload = "{}"
	}
	for _, times := range []*[]time.Duration{&e.cold, &e.warm} {
		started := time.Now()
		answer, err := emulator.Invoke(ctx, payload)
		if err != nil {
			return err
		}
		*times = append(*times, time.Since(started))
		if strings.Contains(answer, `"errorType"`) {
			return fmt.Errorf("%s failed: %.2000s\n%s", e.name, answer, emulator.Log())
		}
	}
	return nil
}

// underEmulator measures the lines whose start is of interest, round by round, and prints
// their medians.
func underEmulator(ctx context.Context, out io.Writer, all []*series, runs int) error {
	if !local.Have(local.LambdaRIE) {
		fmt.Fprintln(out, "\nWithout .build/bin/aws-lambda-rie, no starts under AWS's own emulator.")
		return nil
	}
	var lines []*emulated
	for _, s := range all {
		if s.emulate {
			lines = append(lines, &emulated{measured: s.measured, process: s.process})
		}
	}
	for range runs {
		for _, e := range lines {
			if err := e.once(ctx); err != nil {
				return err
			}
		}
	}
	fmt.Fprint(out, "\nUnder AWS's own emulator:\n\n| what | first answer ms | second answer ms | start ms |\n|---|---:|---:|---:|\n")
	for _, e := range lines {
		cold, warm := middle(e.cold), middle(e.warm)
		fmt.Fprintf(out, "| %s | %.1f | %.1f | %.1f |\n", e.name, ms(cold), ms(warm), ms(cold-warm))
	}
	return nil
}

func middle(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
