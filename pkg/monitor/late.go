package monitor

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// late is of which folders a message had too little time in this scan. What is in their messages may make a mail server slow: their others do
// not take the time of those behind them as well, and wait for the next scan.
type late struct {
	folders map[string]bool
	under   map[string]int // how many of them, by prefix
}

// severalLate is how many folders of a prefix are late before all of it is: whoever may write a prefix can have any number of folders, and teams may share
// the first part of their keys (env:/).
const severalLate = 2

func (l late) has(path tflock.Path) bool {
	return l.folders[folderOf(path)] || l.under[path.Prefix()] >= severalLate
}

func (l *late) add(folder string) {
	if l.folders == nil {
		l.folders, l.under = map[string]bool{}, map[string]int{}
	}
	if !l.folders[folder] {
		l.folders[folder] = true
		l.under[tflock.Path(folder).Prefix()]++
	}
}

// folderOf is the folder below the prefix of a path (bucket/first/second/). What is in none has one of its own (bucket/first/).
func folderOf(path tflock.Path) string {
	const parts = 3
	if all := strings.SplitN(string(path), "/", parts+1); len(all) > parts {
		return strings.Join(all[:parts], "/") + "/"
	}
	return path.Prefix() + "/"
}

// maxFolders bounds those that a message is parted into.
const maxFolders = 1000

// foldersIn are the folders of these steps in one of their prefixes.
func foldersIn(prefix string, steps iter.Seq[ledger.Step]) []string {
	return namesOf(steps, func(path tflock.Path) string {
		if path.Prefix() != prefix {
			return ""
		}
		return folderOf(path)
	})
}

// inTime are the prefixes of these steps of which no folder is late, and then the other folders of each that has one: a prefix may have any number of
// folders, and those of one share no message with what is of others. late says whether any step is of a late folder.
func (n *notifier) inTime(steps iter.Seq[ledger.Step]) (parts [][]string, late bool) {
	if len(n.late.folders) == 0 {
		return nil, false
	}
	withLate := namesOf(steps, func(path tflock.Path) string {
		late = late || n.late.has(path)
		if n.late.under[path.Prefix()] == 0 {
			return ""
		}
		return path.Prefix()
	})
	if !late {
		return nil, false
	}
	parts = append(parts, namesOf(steps, func(path tflock.Path) string {
		if n.late.under[path.Prefix()] > 0 {
			return ""
		}
		return path.Prefix()
	}))
	for _, prefix := range withLate {
		parts = append(parts, namesOf(steps, func(path tflock.Path) string {
			if path.Prefix() != prefix || n.late.has(path) {
				return ""
			}
			return folderOf(path)
		}))
	}
	return slices.DeleteFunc(parts, func(names []string) bool { return len(names) == 0 }), true
}

func namesOf(steps iter.Seq[ledger.Step], name func(tflock.Path) string) (names []string) {
	known := map[string]bool{"": true}
	for step := range steps {
		if of := name(step.Key.Path); !known[of] && len(names) < maxFolders {
			known[of] = true
			names = append(names, of)
		}
	}
	return names
}

// noteLate notes that the last message had too little time, where it was of one folder alone.
func (n *notifier) noteLate(names []string, steps iter.Seq[ledger.Step]) {
	if len(names) != 1 || !errors.Is(n.unpublished[len(n.unpublished)-1], context.DeadlineExceeded) {
		return
	}
	if strings.HasSuffix(names[0], "/") {
		n.late.add(names[0])
	} else if folders := foldersIn(names[0], steps); len(folders) == 1 {
		n.late.add(folders[0])
	}
}
