package backend

import (
	"context"
	"errors"
	"iter"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// errNoMarker is for stores that do not say where the next page begins: by a marker of before, or by a key that they cannot write.
var errNoMarker = errors.New("its list of versions does not say where it goes on, so that not all versions of this state are known")

// versionPages streams the list of versions of the keys with that prefix, with plain keys. It asks for
// encoded ones, as listInput does, and the SDK's paginator would return S3's encoded marker as it is. It ends after
// the first error, which is an *Error.
func (b *Bucket) versionPages(ctx context.Context, prefix string) iter.Seq2[*s3.ListObjectVersionsOutput, error] {
	return func(yield func(*s3.ListObjectVersionsOutput, error) bool) {
		input := &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
		for {
			page, err := b.versionPage(ctx, input)
			if err != nil {
				yield(nil, &Error{b.arn, err})
				return
			}
			if !yield(page, nil) || !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextKeyMarker)+aws.ToString(page.NextVersionIdMarker) == "" {
				return
			}
			input.KeyMarker, input.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
		}
	}
}

// versionPage returns one page.
func (b *Bucket) versionPage(ctx context.Context, input *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	page, err := b.s3.ListObjectVersions(ctx, input)
	if err == nil {
		err = isListing(page.Name)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case page.EncodingType == types.EncodingTypeUrl:
		plainKeys(page)
	case garbled(*input.Prefix):
		return nil, errGarbledKey // under its own name nothing is listed: that does not mean that there is nothing
	case aws.ToBool(page.IsTruncated) && garbled(aws.ToString(page.NextKeyMarker)):
		return nil, errNoMarker
	}
	if aws.ToBool(page.IsTruncated) && input.KeyMarker != nil && aws.ToString(page.NextKeyMarker) == *input.KeyMarker &&
		aws.ToString(page.NextVersionIdMarker) == aws.ToString(input.VersionIdMarker) {
		return nil, errNoMarker
	}
	return page, nil
}

// errGarbledKey is for states whose key has a character that XML cannot have, in stores outside of AWS
// that encode no keys.
var errGarbledKey = errors.New("its list of versions cannot carry a character of this key, so that the versions of this state are not known")

// plainKeys decodes a page.
func plainKeys(page *s3.ListObjectVersionsOutput) {
	decode := func(key **string) {
		if plain, err := url.QueryUnescape(aws.ToString(*key)); err == nil && *key != nil {
			*key = &plain
		}
	}
	for i := range page.Versions {
		decode(&page.Versions[i].Key)
	}
	for i := range page.DeleteMarkers {
		decode(&page.DeleteMarkers[i].Key)
	}
	decode(&page.NextKeyMarker)
}
