package local

import (
	"context"
	"encoding/json"
	"fmt"
)

// Dashboard plays the part of a CloudWatch dashboard towards the functions behind its
// custom widget: it calls them with a context, as AWS documents it.
type Dashboard struct {
	Stack *Stack
	// Context is the widgetContext of every call, as JSON.
	Context json.RawMessage
}

// DashboardContext is a widgetContext as CloudWatch sends it, with this theme ("light" or
// "dark"), width in pixels, time zone ("+02:00"), and these fields of the page's form.
func DashboardContext(theme string, width int, offset string, form map[string]string) json.RawMessage {
	if form == nil {
		form = map[string]string{}
	}
	raw, err := json.Marshal(map[string]any{
		"dashboardName": "lockwarden", "widgetId": "widget-1", "accountId": "123456789012", "locale": "en",
		"timezone": map[string]any{"label": "Local", "offsetISO": offset}, "period": 300, "isAutoPeriod": true,
		"theme": theme, "linkCharts": true, "title": "Locks now", "forms": map[string]any{"all": form}, "params": map[string]any{},
		"width": width, "height": 560,
	})
	if err != nil { // strings and numbers marshal
		panic(err)
	}
	return raw
}

// Open calls the widget's own function.
func (d Dashboard) Open(ctx context.Context) (*Page, error) {
	return d.Call(ctx, FunctionARN(d.Stack.Resources["ConsoleFunction"]), nil)
}

// Press does what a button does.
func (d Dashboard) Press(ctx context.Context, b Button) (*Page, error) {
	return d.Call(ctx, b.Endpoint, json.RawMessage(b.Payload))
}

// Refresh calls the function of that ARN as the dashboard does by itself for a widget
// that has this function and these parameters: they are in the event and in its context.
func (d Dashboard) Refresh(ctx context.Context, endpoint string, parameters json.RawMessage) (*Page, error) {
	var widget map[string]json.RawMessage
	if err := json.Unmarshal(d.Context, &widget); err != nil {
		return nil, fmt.Errorf("the dashboard's context is not a JSON object: %w", err)
	}
	widget["params"] = parameters
	var err error
	if d.Context, err = json.Marshal(widget); err != nil {
		return nil, err
	}
	return d.Call(ctx, endpoint, parameters)
}

// Call calls the function of that ARN with these parameters, and reads its page.
func (d Dashboard) Call(ctx context.Context, endpoint string, parameters json.RawMessage) (*Page, error) {
	event := map[string]json.RawMessage{}
	if len(parameters) > 0 {
		if err := json.Unmarshal(parameters, &event); err != nil {
			return nil, fmt.Errorf("the button's parameters are not a JSON object: %w", err)
		}
	}
	event["widgetContext"] = d.Context
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	logicalID := d.Stack.functionOf(endpoint)
	if logicalID == "" {
		return nil, fmt.Errorf("the stack has no function %s", endpoint)
	}
	result, err := d.Stack.Invoke(ctx, stem(logicalID), logicalID, string(payload))
	if err != nil {
		return nil, err
	}
	var text string
	if err := json.Unmarshal([]byte(result.Payload), &text); err != nil || result.Failed {
		return nil, fmt.Errorf("%s answered no page: %s\n%s", logicalID, result.Payload, result.Log)
	}
	return ParsePage(text)
}
