package signed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Service is one service of AWS, in the region of a configuration.
type Service struct {
	cfg  aws.Config
	id   string // the SDK's: EC2
	name string // of its endpoints and in signatures: ec2
	http aws.HTTPClient
}

// New is the service with that ID in the SDK, which endpoints and signatures call name.
func New(cfg aws.Config, id, name string) *Service {
	client := cfg.HTTPClient
	if client == nil {
		client = awshttp.NewBuildableClient()
	}
	return &Service{cfg, id, name, client}
}

// maxAnswer bounds an answer: a Lambda's has 6 MB at most, and 200 instances take 2.
const maxAnswer = 8 << 20

// errTooLarge says that an answer is none of these services.
var errTooLarge = errors.New("its answer is larger than any of AWS")

// Answer is what a service answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Post makes one call, once: whether one whose answer is lost had its effect is not known.
// A refusal by the service is an answer, and no error.
func (s *Service) Post(ctx context.Context, path string, header map[string]string, body []byte) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint(ctx)+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	keys, err := s.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return Answer{}, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, request, hex.EncodeToString(sum[:]), s.name, s.cfg.Region, time.Now()); err != nil {
		return Answer{}, err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = errTooLarge
	}
	return Answer{response.StatusCode, response.Header, text}, err
}
