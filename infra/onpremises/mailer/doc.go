// Command mailer stands in for SNS where there is none: it answers the call Publish, and sends
// each message as mail through an SMTP server. It answers only once that server has taken the
// mail, so that the functions keep what was not sent and publish it again.
//
// It listens on this machine alone, since it asks nobody who they are. Its settings are in the
// environment: MAIL_FROM and MAIL_TO (comma-separated), SMTP_SERVER (host:port), SMTP_USER and
// SMTP_PASSWORD where the server wants them, and LISTEN.
package main
