package control

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/policy"
)

// tagResource is the action that is needed besides the operation's own to create
// something with tags.
const tagResource = "ivschat:TagResource"

// authorize returns nil when the caller's account and policies allow the call. It
// comes before all checks of members and look-ups, so that a caller who may not
// ask learns nothing.
func (h *Handler) authorize(ctx context.Context, c *call) error {
	switch c.identity.Status {
	case parley.AccountSuspended:
		return parley.Errorf(parley.AccessDenied, "The account is suspended.")
	case parley.AccountPending:
		if c.op.Modelled(parley.PendingVerification) {
			return parley.Errorf(parley.PendingVerification,
				"The account is pending verification.")
		}
	}
	if c.identity.Root {
		return nil
	}
	request, err := h.policyRequest(ctx, c)
	if err != nil {
		return err
	}
	if err := c.allowed(request); err != nil {
		return err
	}
	if !c.creates() || len(request.RequestTags) == 0 {
		return nil
	}
	request.Action = tagResource
	return c.allowed(request)
}

// creates reports whether the call makes a resource.
func (c *call) creates() bool {
	return !c.op.ReadOnly() && c.op.Member == "" && c.op.Kind != ""
}

// tags reports whether the call is TagResource.
func (c *call) tags() bool {
	return c.op.Path == parley.TagsPath && c.op.Method == http.MethodPost
}

// policyRequest returns what policies are asked about the call.
func (h *Handler) policyRequest(ctx context.Context, c *call) (request policy.Request, err error) {
	arn := c.resource()
	request = policy.Request{
		Action:   c.op.Action(),
		Resource: arn.String(),
		UserName: c.identity.UserName,
		UserARN:  c.identity.UserARN,
		Account:  c.world.Account,
		Region:   c.world.Region,
		SourceIP: c.source,
		Secure:   c.secure,
		Time:     c.now,
	}
	if c.own(arn) == nil {
		if request.ResourceTags, err = h.tagsOf(ctx, arn); err != nil {
			return request, err
		}
	}
	if c.creates() || c.tags() {
		request.RequestTags, _ = c.body.StringMap("tags")
		request.TagKeys = slices.Sorted(maps.Keys(request.RequestTags))
	}
	if c.creates() { // IAM counts the tags of what is made as the resource's
		request.ResourceTags = request.RequestTags
	}
	if keys := c.tagKeys(); keys != nil {
		request.TagKeys = keys
	}
	return request, nil
}

// resource returns the ARN that the call is about, as policies name it: all
// resources of the kind when it names none, or none that could be one.
func (c *call) resource() parley.ARN {
	named := c.label
	if c.op.Member != "" {
		named, _ = c.body.String(c.op.Member)
	}
	arn, err := parley.ParseARN(named)
	if err == nil && (c.op.Kind == "" || arn.Kind == c.op.Kind) {
		return arn
	}
	kind := c.op.Kind
	if kind == "" {
		kind = parley.KindRoom
	}
	return parley.ARN{Region: c.world.Region, Account: c.world.Account, Kind: kind, ID: "*"}
}

// tagsOf returns the tags of a resource; one that does not exist has none. While
// nobody knows whether it exists, nothing is allowed because it had none.
func (h *Handler) tagsOf(ctx context.Context, arn parley.ARN) (tags map[string]string, err error) {
	if arn.Kind == parley.KindRoom {
		var room parley.Room
		room, err = h.rooms.CurrentRoom(ctx, arn)
		tags = room.Tags
	} else {
		var configuration parley.LoggingConfiguration
		configuration, err = h.logging.CurrentLoggingConfiguration(ctx, arn)
		tags = configuration.Tags
	}
	if err == nil || parley.CodeOf(err) == parley.NotFound {
		return tags, nil
	}
	return nil, fmt.Errorf("look up the tags of %s: %w", arn, err)
}

// allowed asks the caller's policies. The texts are those of AWS.
func (c *call) allowed(r policy.Request) error {
	effect := policy.Evaluate(c.identity.Policies, r).Effect
	if effect == policy.Allow {
		return nil
	}
	why := "because no identity-based policy allows the " + r.Action + " action"
	if effect == policy.ExplicitDeny {
		why = "with an explicit deny in an identity-based policy"
	}
	return parley.Errorf(parley.AccessDenied,
		"User: %s is not authorized to perform: %s on resource: %s %s",
		c.identity.UserARN, r.Action, r.Resource, why)
}
