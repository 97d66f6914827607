// Package api calls the operations of the control plane, as a client: of this server,
// or of Amazon's. Requests are made and signed from the table of operations, so what
// is in parley.Operations can be called. What the members of a request mean is left
// to callers.
package api
