// Command mailer stands in for SNS where there is none: it answers the call Publish, and sends
// each message as mail through an SMTP server. What that server does not take at once stays in
// an outbox on the disk, and keeps no other message back. A server that takes no mail at all is an
// error for the functions, which publish their message again.
//
// It listens on this machine alone, since it asks nobody who they are. Its settings are in the
// environment: MAIL_FROM and MAIL_TO (comma-separated), SMTP_SERVER (host:port), OUTBOX (a folder), SMTP_USER and
// SMTP_PASSWORD where the server wants them, and LISTEN.
package main
