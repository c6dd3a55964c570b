// Package slackview gives the text of a webhook's post, as a person reads it in Slack. It
// reads the post itself, and knows nothing of events.
package slackview
