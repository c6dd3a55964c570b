// Package slack knows how an event, a CloudWatch alarm or a plain text from the topic
// reads in Slack, and how it gets there: the webhook, its secret URL, and what to do
// when Slack refuses.
//
// It decides nothing about locks and knows no AWS service but the parameter store.
// Everything in a message may have been written by a stranger: it becomes plain text
// or code, never Slack's markup. The webhook's URL is a password: it is in no log and
// no error. It is a package of its own so that only the Slack function links the
// library for Slack's blocks.
package slack
