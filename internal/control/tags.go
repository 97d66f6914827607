package control

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley"
)

// tagList is the answer of ListTagsForResource.
type tagList struct {
	Tags map[string]string `json:"tags"`
}

// resourcePattern is the form of the ARN of anything that can have tags. The one
// that the API documents fits no ARN at all.
var resourcePattern = regexp.MustCompile(
	parley.RoomARNPattern + "|" + parley.LoggingConfigurationARNPattern)

func (h *Handler) tagResource(ctx context.Context, c *call) (any, error) {
	arn := c.resourceARN()
	tags, _ := c.body.StringMap("tags")
	c.body.Require("tags")
	parley.CheckTags(c.body.Check(), tags)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	return nil, h.changeTags(ctx, c, arn, func(have map[string]string) error {
		maps.Copy(have, tags)
		var check parley.Check
		if len(have) > parley.MaxTags {
			check.Add("tags", fmt.Sprintf("The resource can have at most %d tags", parley.MaxTags))
		}
		return check.Err()
	})
}

func (h *Handler) untagResource(ctx context.Context, c *call) (any, error) {
	arn := c.resourceARN()
	keys := c.tagKeys()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	return nil, h.changeTags(ctx, c, arn, func(have map[string]string) error {
		for _, key := range keys {
			delete(have, key)
		}
		return nil
	})
}

func (h *Handler) listTagsForResource(ctx context.Context, c *call) (any, error) {
	arn := c.resourceARN()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if arn.Kind == parley.KindRoom {
		found, err := h.room(ctx, c, arn)
		return tagList{orEmpty(found.Tags)}, err
	}
	found, err := h.loggingConfiguration(ctx, c, arn)
	return tagList{orEmpty(found.Tags)}, err
}

// changeTags has change write to a copy of a resource's tags, which then replaces
// them. The resource's times stay as they are.
func (h *Handler) changeTags(
	ctx context.Context, c *call, arn parley.ARN, change func(tags map[string]string) error,
) error {
	if err := c.own(arn); err != nil {
		return err
	}
	changed := func(tags map[string]string) (map[string]string, error) {
		tags = orEmpty(maps.Clone(tags))
		return tags, change(tags)
	}
	var err error
	if arn.Kind == parley.KindRoom {
		_, err = h.rooms.UpdateRoom(ctx, arn, func(r parley.Room) (_ parley.Room, err error) {
			r.Tags, err = changed(r.Tags)
			return r, err
		})
	} else {
		_, err = h.logging.UpdateLoggingConfiguration(ctx, arn,
			func(l parley.LoggingConfiguration) (_ parley.LoggingConfiguration, err error) {
				l.Tags, err = changed(l.Tags)
				return l, err
			})
	}
	if err != nil {
		return fmt.Errorf("change tags of %s: %w", arn, err)
	}
	return nil
}

// resourceARN reads and checks the ARN in the path of an operation on tags. What
// is wrong with it is in the Err of the body.
func (c *call) resourceARN() parley.ARN {
	c.body.Check().Pattern("resourceArn", c.label, 1, parley.MaxARNLen, resourcePattern)
	arn, _ := parley.ParseARN(c.label)
	return arn
}

// tagKeys reads and checks the keys of UntagResource; other operations have none.
// What is wrong with them is in the Err of the body.
func (c *call) tagKeys() []string {
	if c.op.Name != "UntagResource" {
		return nil
	}
	check := c.body.Check()
	keys, ok := parseTagKeys(c.query)
	if !ok {
		check.Add("tagKeys", "Member must be UTF-8 text in percent-encoding")
	}
	if len(keys) == 0 {
		check.Required("tagKeys")
	}
	check.Count("tagKeys", len(keys), parley.MaxTags)
	for _, key := range keys {
		check.Length("tagKeys", key, 1, parley.MaxTagKeyLen)
	}
	return keys
}

// parseTagKeys returns the values of the query's tagKeys, and whether all of them
// could be decoded; what could not is left as it is. The standard library's parser
// will not do: it drops what has a semicolon, which is data here.
func parseTagKeys(query string) (keys []string, ok bool) {
	ok = true
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if decoded, _ := url.QueryUnescape(name); decoded != "tagKeys" {
			continue
		}
		key, err := url.QueryUnescape(value)
		if err != nil {
			key = value
		}
		ok = ok && err == nil && utf8.ValidString(key)
		keys = append(keys, key)
	}
	return keys, ok
}

// orEmpty returns tags as answers have them: an object, even when there are none.
func orEmpty(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}
