package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

// sessionOf is the session in which a client works: of a job the name of its run, and of
// everybody else their own.
func (p *process) sessionOf() string {
	if p.job != "" {
		return p.model.ci.Session(p.job)
	}
	return "person-" + fmt.Sprint(p.number)
}

// notifies has S3 notify of a lock object that was created or removed. Who is notified is
// up to the actors that deliver.
func (m *model) notifies(w *waiting, result any) {
	n := local.Notification{Bucket: m.Bucket, Key: w.process.key + tflock.Suffix, Sequencer: fmt.Sprintf("0066%012X", len(m.notices)+1), Time: m.now().Add(-lag)}
	switch out := result.(type) {
	case *s3.PutObjectOutput:
		n.Name, n.ETag, n.VersionID = "ObjectCreated:Put", aws.ToString(out.ETag), aws.ToString(out.VersionId)
	case *s3.DeleteObjectOutput:
		n.Name, n.ETag, n.VersionID = "ObjectRemoved:DeleteMarkerCreated", "d41d8cd98f00b204e9800998ecf8427e", aws.ToString(out.VersionId)
	}
	m.notices = append(m.notices, n.By(w.process.sessionOf()))
}

// witnessing delivers what S3 has to say so far to the witness function: the last first, and
// everything twice or once. What comes later is lost, unless another one delivers it.
type witnessing struct{ twice bool }

func (a witnessing) run(p *process, cfg aws.Config) error {
	var batch events.SQSEvent
	all := slices.Clone(p.model.notices)
	slices.Reverse(all)
	if a.twice {
		all = append(all, p.model.notices...)
	}
	for i, n := range all {
		body, err := n.Body()
		if err != nil {
			return err
		}
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
	}
	function := witness.Witness{Locks: backend.NewLockVersions(cfg), Records: p.model.memory(cfg).Witnesses, Log: quiet}
	_, err := function.Run(context.Background(), batch)
	return err
}
