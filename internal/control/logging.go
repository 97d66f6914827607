package control

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// loggingConfiguration is the answer of the operations on one logging
// configuration, and an entry in that of ListLoggingConfigurations.
type loggingConfiguration struct {
	ARN         string              `json:"arn"`
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	CreateTime  string              `json:"createTime"`
	UpdateTime  string              `json:"updateTime"`
	Destination destination         `json:"destinationConfiguration"`
	State       parley.LoggingState `json:"state"`
	Tags        map[string]string   `json:"tags"`
}

// destination is a union: it has one member, which is named after the kind and
// holds the name under a member of its own.
type destination map[parley.DestinationKind]map[string]string

// loggingConfigurationList is the answer of ListLoggingConfigurations.
type loggingConfigurationList struct {
	LoggingConfigurations []loggingConfiguration `json:"loggingConfigurations"`
	NextToken             string                 `json:"nextToken,omitempty"`
}

// memberDestination holds the destination in requests.
const memberDestination = "destinationConfiguration"

func (h *Handler) createLoggingConfiguration(ctx context.Context, c *call) (any, error) {
	change := c.loggingConfigurationChange()
	c.body.Require(memberDestination)
	tags, _ := c.body.StringMap("tags")
	parley.CheckTags(c.body.Check(), tags)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	created := parley.NewLoggingConfiguration(c.world, change, tags, c.now)
	unmade := created.ARN
	unmade.ID = c.world.Account // in errors: nobody has heard of the id that it will get
	if err := h.probe(ctx, unmade, &created.Destination); err != nil {
		return nil, err
	}
	limit := h.quotas[parley.QuotaLoggingConfigurations]
	if err := h.logging.CreateLoggingConfiguration(ctx, created, limit); err != nil {
		return nil, fmt.Errorf("create logging configuration %s: %w", created.ARN, err)
	}
	return loggingDetails(created), nil
}

func (h *Handler) getLoggingConfiguration(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindLoggingConfiguration)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	found, err := h.loggingConfiguration(ctx, c, arn)
	if err != nil {
		return nil, err
	}
	return loggingDetails(found), nil
}

func (h *Handler) listLoggingConfigurations(ctx context.Context, c *call) (any, error) {
	page := c.page(parley.KindLoggingConfiguration)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	found, more := h.logging.ListLoggingConfigurations(ctx, c.world, page.after, page.limit)
	list := loggingConfigurationList{
		LoggingConfigurations: make([]loggingConfiguration, len(found)),
	}
	for i, l := range found {
		list.LoggingConfigurations[i] = loggingDetails(l)
	}
	if more {
		last := found[len(found)-1]
		list.NextToken = pageToken(parley.Cursor{UpdateTime: last.UpdateTime, ARN: last.ARN})
	}
	return list, nil
}

func (h *Handler) updateLoggingConfiguration(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindLoggingConfiguration)
	change := c.loggingConfigurationChange()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if _, err := h.loggingConfiguration(ctx, c, arn); err != nil {
		return nil, err
	}
	if err := h.probe(ctx, arn, change.Destination); err != nil {
		return nil, err
	}
	updated, err := h.logging.UpdateLoggingConfiguration(ctx, arn,
		func(l parley.LoggingConfiguration) (parley.LoggingConfiguration, error) {
			if l.State != parley.LoggingActive {
				return l, &parley.Error{Code: parley.Conflict,
					Message:  "The logging configuration is being deleted.",
					Resource: arn.Resource()}
			}
			return l.With(change, time.Now()), nil
		})
	if err != nil {
		return nil, fmt.Errorf("update logging configuration %s: %w", arn, err)
	}
	return loggingDetails(updated), nil
}

func (h *Handler) deleteLoggingConfiguration(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindLoggingConfiguration)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(arn); err != nil {
		return nil, err
	}
	if err := h.logging.DeleteLoggingConfiguration(ctx, arn); err != nil {
		return nil, fmt.Errorf("delete logging configuration %s: %w", arn, err)
	}
	return nil, nil
}

// probe returns an error when a destination is not there, if that is to be found out.
// A nil destination is the one that the configuration has.
func (h *Handler) probe(ctx context.Context, arn parley.ARN, to *parley.Destination) error {
	if h.prober == nil || to == nil {
		return nil
	}
	if err := h.prober.Probe(ctx, arn, *to); err != nil {
		return fmt.Errorf("probe the destination of %s: %w", arn, err)
	}
	return nil
}

// loggingConfiguration returns a logging configuration of the caller's world.
func (h *Handler) loggingConfiguration(
	ctx context.Context, c *call, arn parley.ARN,
) (parley.LoggingConfiguration, error) {
	if err := c.own(arn); err != nil {
		return parley.LoggingConfiguration{}, err
	}
	found, err := h.logging.CurrentLoggingConfiguration(ctx, arn)
	if err != nil {
		return parley.LoggingConfiguration{},
			fmt.Errorf("look up logging configuration %s: %w", arn, err)
	}
	return found, nil
}

// loggingConfigurationChange reads and checks the settings of a logging
// configuration in its create and update operations. What is wrong with them is
// in the Err of the body.
func (c *call) loggingConfigurationChange() parley.LoggingConfigurationChange {
	var change parley.LoggingConfigurationChange
	if name, ok := c.body.String("name"); ok {
		parley.CheckName(c.body.Check(), "name", name)
		change.Name = &name
	}
	if union, ok := c.body.Object(memberDestination); ok {
		change.Destination = readDestination(union)
	}
	return change
}

// readDestination reads and checks a destination, of which the union must hold
// exactly one.
func readDestination(union wire.Object) *parley.Destination {
	var kinds []parley.DestinationKind
	for kind := range parley.DestinationKinds {
		if union.Has(string(kind)) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 1 {
		union.Check().Add(memberDestination,
			"Member must hold exactly one of s3, cloudWatchLogs and firehose")
		return nil
	}
	read := &parley.Destination{Kind: kinds[0]}
	if o, ok := union.Object(string(read.Kind)); ok {
		member := parley.DestinationKinds[read.Kind].Member
		read.Name = o.RequiredString(member)
		read.Check(o.Check(), memberDestination+"."+string(read.Kind)+"."+member)
	}
	return read
}

// loggingDetails returns what the operations tell of a logging configuration.
func loggingDetails(l parley.LoggingConfiguration) loggingConfiguration {
	rule := parley.DestinationKinds[l.Destination.Kind]
	return loggingConfiguration{
		ARN:         l.ARN.String(),
		ID:          l.ARN.ID,
		Name:        l.Name,
		CreateTime:  formatTime(l.CreateTime),
		UpdateTime:  formatTime(l.UpdateTime),
		Destination: destination{l.Destination.Kind: {rule.Member: l.Destination.Name}},
		State:       l.State,
		Tags:        orEmpty(l.Tags),
	}
}
