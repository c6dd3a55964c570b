package tflock

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first needed. All of them together take 5 ms and 6 MB, which
// each start of each function would take, and few functions read a pasted text.
type pattern struct {
	get func() *regexp.Regexp
}

func lazily(expression string) *pattern {
	return &pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

func (p *pattern) MatchString(s string) bool      { return p.get().MatchString(s) }
func (p *pattern) FindString(s string) string     { return p.get().FindString(s) }
func (p *pattern) FindStringIndex(s string) []int { return p.get().FindStringIndex(s) }

func (p *pattern) FindStringSubmatch(s string) []string { return p.get().FindStringSubmatch(s) }

func (p *pattern) FindStringSubmatchIndex(s string) []int { return p.get().FindStringSubmatchIndex(s) }

func (p *pattern) FindAllString(s string, n int) []string { return p.get().FindAllString(s, n) }

func (p *pattern) FindAllStringIndex(s string, n int) [][]int {
	return p.get().FindAllStringIndex(s, n)
}

func (p *pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.get().FindAllStringSubmatch(s, n)
}

func (p *pattern) ReplaceAllString(s, with string) string { return p.get().ReplaceAllString(s, with) }

func (p *pattern) ReplaceAllStringFunc(s string, with func(string) string) string {
	return p.get().ReplaceAllStringFunc(s, with)
}
func (p *pattern) Split(s string, n int) []string { return p.get().Split(s, n) }
