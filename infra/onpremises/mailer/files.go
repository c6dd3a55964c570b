package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxRefused bounds the messages that were given up and are kept for people to read.
const maxRefused = 100

// openOutbox opens the outbox in a folder, with what an earlier mailer left there.
func openOutbox(folder string, send sends) (*outbox, error) {
	o := &outbox{folder: folder, send: send, wake: make(chan struct{}, 1), waiting: map[string]*entry{}}
	err := os.MkdirAll(o.refused(), 0o700)
	files, globbed := filepath.Glob(filepath.Join(folder, "*.json"))
	unfinished, _ := filepath.Glob(filepath.Join(folder, unfinishedFiles)) // the same folder
	err = errors.Join(err, globbed)
	for _, file := range unfinished {
		err = errors.Join(err, os.Remove(file)) // nobody was answered that it is published
	}
	if err != nil {
		return nil, fmt.Errorf("OUTBOX=%s: %w", folder, err)
	}
	for _, file := range files {
		var m message
		raw, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(raw, &m)
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read as a message: move it out of OUTBOX: %w", file, err)
		}
		o.waiting[filepath.Base(file)] = &entry{message: m, due: time.Now()}
	}
	return o, nil
}

// refused is the folder of what was given up.
func (o *outbox) refused() string { return filepath.Join(o.folder, "refused") }

const unfinishedFiles = "*.new"

// write puts a message on the disk, whole or not at all.
func (o *outbox) write(name string, m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(o.folder, unfinishedFiles) // for its owner alone
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(o.folder, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return o.sync()
}

// sync has the names of the files on the disk, too.
func (o *outbox) sync() error {
	folder, err := os.Open(o.folder)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// again has a message sent again after a pause.
func (o *outbox) again(name string, m message, after time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.waiting[name]
	e.message, e.due, e.sending = m, time.Now().Add(after), false
	return o.write(name, m)
}

// remove forgets a message that was sent, or whose sender publishes it again.
func (o *outbox) remove(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiting, name)
	return os.Remove(filepath.Join(o.folder, name))
}

// giveUp keeps a message for people to read, and tries it no more. The newest are kept.
func (o *outbox) giveUp(name string) error {
	delete(o.waiting, name)
	err := os.Rename(filepath.Join(o.folder, name), filepath.Join(o.refused(), name))
	kept, globbed := filepath.Glob(filepath.Join(o.refused(), "*.json")) // by time
	if err = errors.Join(err, globbed); err != nil || len(kept) <= maxRefused {
		return err
	}
	for _, old := range slices.Sorted(slices.Values(kept))[:len(kept)-maxRefused] {
		err = errors.Join(err, os.Remove(old))
	}
	return err
}
