// Package report is the week in one page: how many locks were taken and stuck, how long it
// took until they were gone, who released them, and what to do next.
//
// It only reads what the other functions record (docs/ledger.md) and one metric of the
// lock tables. What was not measured is left out. It publishes one event for each
// scheduled time, or for each request, however often that is delivered.
package report
