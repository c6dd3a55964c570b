package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// terraform is the name by which Terraform is left out, as an engine is by its own.
const terraform = "terraform"

// choice is what is to be tried.
type choice struct {
	kinds   []server.Kind
	worlds  []world
	clients []local.Client
}

// choose returns everything whose name is wanted, and prints what is left out by its name. It fails
// where something else is not installed, or where a name to leave out is nobody's: what is not
// tried must not pass for what holds.
func choose(out io.Writer, wanted *regexp.Regexp, without []string, have func(local.Part) bool) (choice, error) {
	var c choice
	var missing []error
	kinds, worlds := slices.Concat(quick, slow), slices.Concat(slowWorlds[:1], quickWorlds, slowWorlds[1:])
	names := []string{terraform}
	for _, k := range kinds {
		names = append(names, k.Name)
		if wanted.MatchString(k.Name) && kept(out, k.Name, without, k) {
			c.kinds, missing = append(c.kinds, k), append(missing, notInstalled(have, k.Name, k.Installed))
		}
	}
	for _, w := range worlds {
		if wanted.MatchString(w.name) && kept(out, w.name, without, w.kinds()...) {
			c.worlds, missing = append(c.worlds, w), append(missing, notInstalled(have, w.name, w.needs()...))
		}
	}
	for _, name := range without {
		if !slices.Contains(names, name) {
			missing = append(missing, fmt.Errorf("there is no %q to leave out: it is one of %q", name, names))
		}
	}
	var err error
	c.clients, err = clients(out, without)
	return c, errors.Join(append(missing, err)...)
}

// kept reports whether none of these engines is left out, and prints what is.
func kept(out io.Writer, name string, without []string, kinds ...server.Kind) bool {
	for _, k := range kinds {
		if slices.Contains(without, k.Name) {
			fmt.Fprintf(out, "LEFT OUT: %s, as it was asked for\n", name)
			return false
		}
	}
	return true
}

// notInstalled says what is missing for something, or nothing.
func notInstalled(have func(local.Part) bool, name string, parts ...local.Part) error {
	for _, p := range parts {
		if !have(p) {
			return fmt.Errorf("%s: .build/%s is not installed. `make engines` installs it; WITHOUT=NAME,… leaves engines out", name, p)
		}
	}
	return nil
}

// clients are OpenTofu, and Terraform unless it is left out.
func clients(out io.Writer, without []string) ([]local.Client, error) {
	tofu, err := local.Tofu()
	if err != nil {
		return nil, err
	}
	if slices.Contains(without, terraform) {
		fmt.Fprintf(out, "LEFT OUT: %s, as it was asked for\n", terraform)
		return []local.Client{tofu}, nil
	}
	other, err := local.TerraformOnPath()
	if err != nil {
		return nil, fmt.Errorf("%w; WITHOUT=terraform leaves it out", err)
	}
	return []local.Client{tofu, other}, nil
}
