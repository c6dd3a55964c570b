// Package alert knows the events that people and machines receive, how each reads
// in mail and in Amazon Q, and how it leaves through SNS. Package slack renders the JSON for Slack.
//
// It decides nothing about locks: it is handed descriptions of them. What a lock's holder
// wrote is untrusted here: it is cleaned before it becomes prose, and quoted
// before it becomes a command.
package alert
