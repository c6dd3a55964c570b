// Package slackview draws a webhook's post from its blocks, as text for a terminal and
// as an SVG for the README: near to how Slack shows it, for people who have none at
// hand. It knows only what our posts use. It is no part of what is deployed.
package slackview
