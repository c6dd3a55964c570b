package local

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"
)

// lambdaID is the SDK's name for Lambda, for its endpoint.
const lambdaID = "Lambda"

// Invocable lets functions of the stack invoke one another, as the monitor does for an
// automatic release: from now on Lambda has an endpoint of its own, where IAM decides as
// for every other call, and then the function's binary runs. It returns what ends that.
func (s *Stack) Invocable() (stop func(), err error) {
	if _, err := s.aws.ask("invocable"); err != nil {
		return nil, err
	}
	door := &invocations{stack: s, api: s.aws.Endpoint}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", door.serve)
	endpoint, stop, err := Serve(mux)
	if err != nil {
		return nil, err
	}
	s.aws = s.aws.apartFrom(map[string]string{lambdaID: endpoint})
	s.sessions.Clear() // they know the old endpoint
	return stop, nil
}

// apartFrom is the same AWS with services at endpoints of their own.
func (a *AWS) apartFrom(endpoints map[string]string) *AWS {
	other := *a
	other.apart = maps.Clone(a.apart)
	if other.apart == nil {
		other.apart = map[string]string{}
	}
	maps.Copy(other.apart, endpoints)
	return &other
}

// invocations is the endpoint of Lambda for one stack.
type invocations struct {
	stack *Stack
	api   string // of moto, which knows who calls and what the caller may do
}

func (d *invocations) serve(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if refused, err := d.authorise(w, r, payload); err != nil || refused {
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
		return
	}
	logicalID := d.stack.functionOf(r.PathValue("name"))
	result, err := d.stack.Invoke(r.Context(), stem(logicalID), logicalID, string(payload))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if result.Failed {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	_, _ = io.WriteString(w, result.Payload)
}

// authorise asks moto whether the function is there and the caller may invoke it. What it
// refuses, it has answered.
func (d *invocations) authorise(w http.ResponseWriter, r *http.Request, payload []byte) (refused bool, err error) {
	ask, err := http.NewRequestWithContext(r.Context(), r.Method, d.api+r.URL.RequestURI(), bytes.NewReader(payload)) //nolint:gosec // to the server that Start started, whatever path is asked for
	if err != nil {
		return false, err
	}
	ask.Header = r.Header.Clone()
	answer, err := connections.Do(ask) //nolint:gosec // the same
	if err != nil {
		return false, err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if answer.StatusCode == http.StatusOK {
		return false, nil
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, err = io.Copy(w, answer.Body)
	return true, err
}

// functionOf is the logical ID of the function with that name or ARN; empty where the stack
// has none.
func (s *Stack) functionOf(name string) string {
	for logicalID := range s.Functions {
		if named := s.Resources[logicalID]; name == named || name == FunctionARN(named) {
			return logicalID
		}
	}
	return ""
}

// stem is the folder of a function: functions/unlock is UnlockFunction.
func stem(logicalID string) string { return strings.ToLower(strings.TrimSuffix(logicalID, "Function")) }
