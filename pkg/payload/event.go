package payload

import (
	"encoding/json"
	"errors"
)

// ErrDashboard says that a dashboard sent an event to a function that serves none.
var ErrDashboard = errors.New("a widget of a dashboard calls this function, which shows nothing: remove the widget, for whoever edits the dashboard chooses what it sends")

// Event reads an event that an AWS service sends to a function. CloudWatch calls the
// function of a custom widget at each refresh, with the viewer's permissions and with the
// widget's own parameters: such an event is refused, for it could have the form of any other
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html).
func Event(raw []byte, into any) error {
	var sender struct {
		Widget json.RawMessage `json:"widgetContext"`
	}
	if err := json.Unmarshal(raw, &sender); err != nil {
		return errors.New("the event is not a JSON object")
	}
	if sender.Widget != nil {
		return ErrDashboard
	}
	return json.Unmarshal(raw, into)
}
