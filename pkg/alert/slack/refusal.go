package slack

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// RefusedError is a permanent refusal: the same message would be refused again.
type RefusedError struct {
	Status int    // of HTTP
	Word   string // Slack's word for it; empty when it said none that is known
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the webhook refused the message permanently: %s: %s", strings.TrimSpace(fmt.Sprint(e.Status, " ", e.Word)), e.remedy())
}

// remedies are what to do about the words that Slack's documentation names.
var remedies = map[string]string{
	"invalid_payload": badMessage, "invalid_blocks": badMessage, "invalid_blocks_format": badMessage, "invalid_attachments": badMessage,
	"too_many_attachments": badMessage, "no_text": badMessage, "msg_blocks_too_long": badMessage, "msg_too_long": badMessage,
	"no_service": goneWebhook, "no_service_id": goneWebhook, "no_active_hooks": goneWebhook, "invalid_token": goneWebhook, "no_team": goneWebhook,
	"team_disabled": goneWebhook, "user_not_found": goneWebhook, "channel_not_found": goneChannel, "channel_is_archived": goneChannel,
	"action_prohibited": forbidden, "posting_to_general_channel_denied": forbidden, "token_revoked": goneWebhook, "rollup_error": "Slack failed by itself",
}

const (
	badMessage  = "it does not understand the message, which is a bug worth reporting"
	goneWebhook = "the webhook is gone: make a new one and put its URL into the parameter"
	goneChannel = "its channel is gone: make a webhook for another one and put its URL into the parameter"
	forbidden   = "an administrator forbids posts there: ask them, or make a webhook for another channel"
)

func (e *RefusedError) remedy() string {
	if remedy, ok := remedies[e.Word]; ok {
		return remedy
	}
	switch {
	case e.Status >= 300 && e.Status < 400:
		return "the URL leads elsewhere, and a post does not follow: put the final URL into the parameter"
	case e.Status == http.StatusNotFound, e.Status == http.StatusGone, e.Status == http.StatusUnauthorized:
		return goneWebhook
	case e.Status == http.StatusForbidden:
		return forbidden
	default:
		return badMessage
	}
}

// UnreachableError is a failure that may pass: every attempt that there was time for
// met it.
type UnreachableError struct {
	Attempts int
	Cause    string // of the last one
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the webhook could not be reached in %d attempts: %s", e.Attempts, e.Cause)
}

// word finds one of Slack's words in its answer. Nothing else of an answer is ever
// repeated: a proxy's page may quote the URL.
func word(body []byte) string {
	text := strings.TrimSpace(string(body))
	if _, known := remedies[text]; known {
		return text
	}
	return ""
}

// cause says why there was no answer. The text of such an error has the URL or its
// host in it, so only its kind is reported.
func cause(err error) string {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "no answer in time"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "its host name is not known"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "the connection was refused"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not valid"
	}
	return "the connection broke"
}
