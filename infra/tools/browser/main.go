// Command browser opens the dashboard's page in a headless Chromium, takes pictures of it
// in both themes and at half width, presses Release, Restore and Repair, and reads the answers.
// It fails when anything on the page ran or looks other than it should.
//
// usage: browser URL FOLDER
//
// CHROMIUM names the browser where it is not on PATH.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: browser URL FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, folder string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.WindowSize(1280, 900))
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	if os.Geteuid() == 0 { // Chromium's sandbox refuses to run as root, as in containers
		options = append(options, chromedp.NoSandbox)
	}
	allocated, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	tab, cancel := chromedp.NewContext(allocated)
	defer cancel()

	trouble := make(chan string, 100) // what a page should never cause
	err := chromedp.Listen(tab, func(event any) {
		switch e := event.(type) {
		case *page.EventJavascriptDialogOpening:
			trouble <- "a text of a lock ran as a script: " + e.Message
		case *runtime.EventExceptionThrown:
			trouble <- "the page failed: " + e.ExceptionDetails.Text
		}
	})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(tab, 2*time.Minute)
	defer cancel()
	if err := visit(limited, url, folder); err != nil {
		return err
	}
	select {
	case what := <-trouble:
		return errors.New(what)
	default:
		return nil
	}
}

// visit does what a person on call does.
func visit(tab context.Context, url, folder string) error {
	return chromedp.Do(tab,
		chromedp.EmulateViewport(1280, 960),
		chromedp.Navigate(url), idle(),
		harmless(),
		picture(folder, "console-light.png"),
		chromedp.Click("#dark"), idle(),
		picture(folder, "console-dark.png"),
		chromedp.Click("#half"), idle(),
		picture(folder, "console-half.png"),
		chromedp.Click("#half"), idle(),
		chromedp.Click("#dark"), idle(),

		chromedp.SendKeys("input[name=name]", "ana"),
		chromedp.SendKeys("input[name=reason]", "its runner is gone"),
		// By the keyboard, as a person without a mouse does.
		chromedp.Focus(release), chromedp.KeyEvent("\r"),
		chromedp.WaitVisible("#confirm[open]"),
		read("#question", "Release the lock of", "held for"),
		chromedp.Click("#confirm button[value=yes]"),
		chromedp.WaitVisible("#popup[open]"),
		read("#answer", "✓ Released", "terraform plan"),
		picture(folder, "console-released.png"),
		chromedp.Click("#popup form button"),
		chromedp.Click("#refresh"), idle(),

		chromedp.Click(`//button[text()="Stale states"]`), idle(),
		chromedp.WaitVisible(restore),
		picture(folder, "console-states.png"),
		chromedp.Click(restore),
		chromedp.WaitVisible("#confirm[open]"),
		chromedp.Click("#confirm button[value=yes]"),
		chromedp.WaitVisible("#popup[open]"),
		read("#answer", "✓ Restored"),
		chromedp.Click("#popup form button"),
		chromedp.Click(`//button[text()="Back to the locks"]`), idle(),
		read("#widget", "Complete", "stuck"),

		chromedp.Click(`//button[text()="States and findings"]`), idle(),
		harmless(),
		read("#widget", "digest mismatch", "was not recorded"),
		picture(folder, "console-inventory.png"),
		chromedp.SendKeys("input[name=search]", "PAYMENTS"),
		chromedp.Click(`//button[text()="Search"]`), idle(),
		read("#widget", "States 1 to 1 of 1"),
		chromedp.Click(`//button[text()="Look at the repair"]`), idle(),
		read("#widget", "What the repair would do", "accept_state"),
		picture(folder, "console-repair.png"),
		chromedp.SendKeys("input[name=name]", "ana"),
		chromedp.SendKeys("input[name=reason]", "its digest was denied"),
		chromedp.Click(`//button[text()="Repair"]`),
		chromedp.WaitVisible("#confirm[open]"),
		read("#question", "accept_state on", "payments"),
		chromedp.Click("#confirm button[value=yes]"),
		chromedp.WaitVisible("#popup[open]"),
		read("#answer", "✓ Repaired"),
		chromedp.Click("#popup form button"),
		chromedp.Click(`//button[text()="Back to the states"]`), idle(),
		read("#widget", "Findings"),
	)
}

// release is the button of a lock that a real client left, restore that of a state that
// was pruned.
const (
	release = `//tr[contains(., "app/staging")]//button[text()="Release"]`
	restore = `//tr[contains(., "branches/merged")]//button[text()="Restore"]`
)

// idle waits until the page shows what it was asked for.
func idle() chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Sleep(100*time.Millisecond), chromedp.WaitReady("body:not(.busy) .lw"))
}

// harmless fails when the hostile lock of the scene has become more than text.
func harmless() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll("#widget img, #widget script").length`))
		if err == nil && found > 0 {
			err = errors.New("a text of a lock became an element of the page")
		}
		return err
	})
}

func picture(folder, name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		path := filepath.Join(folder, name)
		fmt.Println("  picture:", path)
		return os.WriteFile(path, png, 0o600)
	})
}

// read prints what an element says, and fails when it lacks one of these texts.
func read(selector string, want ...string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		text, err := chromedp.Run(ctx, chromedp.Text(selector))
		if err != nil {
			return err
		}
		fmt.Printf("  %s says: %s\n", selector, strings.Join(strings.Fields(text), " "))
		for _, w := range want {
			if !strings.Contains(text, w) {
				return fmt.Errorf("%s does not say %q", selector, w)
			}
		}
		return nil
	})
}
