package journey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Scene is a deployed stack, and a team that works with a backend which it watches.
type Scene struct {
	Engine  *Engine
	Stack   string
	Topic   string // that alerts go to
	Client  local.Client
	Dir     string // an empty folder for what people write
	Backend string // a backend block, as the output BackendConfig gives it
	Key     string // of the state
	Step    func(format string, args ...any)
}

// waits is how long things may take that the schedule brings about: it runs the monitor
// each minute, and machines are busy.
const waits = 4 * time.Minute

// Play goes from a client that dies to the message that its lock is gone. The stack must
// scan each minute and call locks stuck after seconds.
func (s Scene) Play(ctx context.Context) error {
	inbox, err := s.Engine.Subscribe(ctx, s.Stack+"-inbox", s.Topic)
	if err != nil {
		return err
	}
	s.Step("%s: an apply of %s dies of kill -9", s.Stack, s.Client.Name)
	project, err := s.Engine.Init(ctx, s.Client, s.Dir, strings.Replace(s.Backend, "PROJECT/ENVIRONMENT/terraform.tfstate", s.Key, 1))
	if err != nil {
		return err
	}
	if err := project.Die(ctx); err != nil {
		return err
	}
	if _, err := project.Run(ctx, "plan"); err == nil {
		return errors.New("a plan succeeded although its state is locked")
	}
	s.Step("%s: the schedule runs the monitor, which finds it", s.Stack)
	alert, err := inbox.Wait(ctx, "lock.stuck", s.Key, waits)
	if err != nil {
		return err
	}
	if err := s.alarm(ctx, "ALARM"); err != nil {
		return err
	}
	s.Step("%s: on-call pastes the alert's command", s.Stack)
	if err := s.paste(ctx, alert.Actions.Unlock); err != nil {
		return err
	}
	if _, err := project.Run(ctx, "plan"); err != nil {
		return fmt.Errorf("after the release: %w", err)
	}
	if _, err := project.Run(ctx, "apply", "-auto-approve"); err != nil {
		return fmt.Errorf("after the release: %w", err)
	}
	s.Step("%s: the next scan says that the lock is gone, and the alarm goes back", s.Stack)
	if _, err := inbox.Wait(ctx, "lock.released", s.Key, waits); err != nil {
		return err
	}
	if _, err := inbox.Wait(ctx, "lock.resolved", s.Key, waits); err != nil {
		return err
	}
	return s.alarm(ctx, "OK")
}

// paste runs a printed command as on-call does who keeps a log of the night: the log keeps
// what was in it, and gets the answer.
func (s Scene) paste(ctx context.Context, command string) error {
	log := filepath.Join(s.Dir, "night.log")
	if err := os.WriteFile(log, []byte("02:10 woken by a page\n"), 0o600); err != nil {
		return err
	}
	for deadline := time.Now().Add(waits); ; time.Sleep(5 * time.Second) {
		if _, err := s.Engine.Paste(ctx, command+" >> '"+log+"'"); err != nil {
			return err
		}
		kept, err := os.ReadFile(log) //nolint:gosec // just written
		if err != nil {
			return err
		}
		first, answer, _ := strings.Cut(string(kept), "\n")
		switch {
		case first != "02:10 woken by a page":
			return fmt.Errorf("the command truncated the log to which its output was appended: %q", kept)
		case strings.Contains(answer, `"outcome":"released"`), strings.Contains(answer, `"outcome": "released"`):
			return nil
		case !strings.Contains(answer, "refused") || time.Now().After(deadline): // while it is younger than the guard it is refused, and on-call tries again
			return fmt.Errorf("the pasted command %s did not release the lock: %s", command, answer)
		}
	}
}

// alarm waits until the alarm for stuck locks is in that state.
func (s Scene) alarm(ctx context.Context, state string) error {
	alarms := cloudwatch.NewFromConfig(s.Engine.Server.AWS().Config(), func(o *cloudwatch.Options) { o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801) })
	for deadline := time.Now().Add(waits); ; time.Sleep(time.Second) {
		out, err := alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(s.Stack + "-StuckLocksAlarm")})
		if err != nil {
			return err
		}
		now := ""
		for _, a := range out.MetricAlarms {
			now += string(a.StateValue)
		}
		switch {
		case now == state:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the alarm for stuck locks of %s is %q, and not %s", s.Stack, now, state)
		}
	}
}

// Delete deletes the stack.
func (s Scene) Delete(ctx context.Context) error {
	if _, err := s.Engine.AWS(ctx, "cloudformation", "delete-stack", "--stack-name", s.Stack); err != nil {
		return err
	}
	_, err := s.Engine.AWS(ctx, "cloudformation", "wait", "stack-delete-complete", "--stack-name", s.Stack)
	return err
}
