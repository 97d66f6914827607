package control

import (
	"net/http"

	"github.com/parley-chat/parley/internal/trace"
)

// trace records a span of a call that was answered with a status, or refused with err.
// Requests that name no operation are no calls. The span belongs to the trace that the
// caller names, if the call has proved who that is: so strangers cannot choose what is
// recorded.
func (h *Handler) trace(r *http.Request, c *call, status int, err error) {
	if h.tracer == nil || c.op.Name == "" {
		return
	}
	var parent trace.Context
	if header := r.Header.Get("Traceparent"); header != "" && c.identity.UserARN != "" {
		caller, sampled := trace.ParseHeader(header)
		if !caller.IsZero() && !sampled {
			return // the caller does not record its trace
		}
		parent = caller
	}
	span := h.tracer.Start(parent, c.op.Name, c.now)
	if span == nil {
		return
	}
	span.Set("parley.operation", c.op.Name)
	span.Set("parley.request_id", c.id)
	span.Set("http.response.status_code", status)
	if c.world.Region != "" {
		span.Set("cloud.region", c.world.Region)
	}
	span.End(err)
}
