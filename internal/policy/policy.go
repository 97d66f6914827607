// Package policy reads IAM policy documents and decides by them what a caller may
// do. It owns the policy language for identity-based policies: its grammar, its
// wildcards, variables and conditions, and how statements combine. It leaves to
// others which documents a caller has, which actions and resources there are, and
// what a refusal says to the caller.
//
// What IAM's documentation leaves open is decided here: a statement that could
// only mislead its author is refused when it is read, and what is left matches in
// a way that does not depend on chance. Source: IAM user guide, Policy reference.
package policy

import (
	"net/netip"
	"time"
)

// Document is a policy that was read and found sound. It never changes, so any
// number of goroutines may evaluate it.
type Document struct {
	statements []statement
}

// Request is what a caller wants to do, with all that a policy may ask about it.
// Each member after Resource is the value of the condition keys named next to it.
// One that has its zero value leaves these keys out of the request, except Secure,
// whose key is in every request. No request has any other condition key.
type Request struct {
	Action   string // such as ivschat:CreateRoom
	Resource string // an ARN; it ends in room/* or the like when the call names no resource

	UserName string     // aws:username; the root of an account has none
	UserARN  string     // aws:PrincipalArn
	Account  string     // aws:PrincipalAccount
	Region   string     // aws:RequestedRegion
	SourceIP netip.Addr // aws:SourceIp
	Secure   bool       // aws:SecureTransport: whether the call came over TLS
	Time     time.Time  // aws:CurrentTime and aws:EpochTime, in whole seconds

	RequestTags  map[string]string // aws:RequestTag/…, by tag key: tags that the call sets
	ResourceTags map[string]string // aws:ResourceTag/…, by tag key: tags of the resource
	TagKeys      []string          // aws:TagKeys: keys of the tags that the call sets or removes
}

// Effect says whether a request may be served, and how firmly that was decided.
type Effect int

// The effects.
const (
	ImplicitDeny Effect = iota // no statement applies
	Allow                      // a statement allows it, and none denies it
	ExplicitDeny               // a statement denies it, whatever others allow
)

// String returns the effect's name in logs, such as "explicit deny".
func (e Effect) String() string {
	return [...]string{"implicit deny", "allow", "explicit deny"}[e]
}

// Decision is what documents say about a request, and which statement said it.
type Decision struct {
	Effect Effect

	// The statement that decided: the index of its document, its own index in
	// there, and its id if it has one. The indexes of an implicit deny are -1.
	Document  int
	Statement int
	Sid       string
}

// Evaluate decides whether documents together allow a request. One statement that
// denies it outweighs all that allow it; the first that applies is named.
func Evaluate(documents []*Document, r Request) Decision {
	decision := Decision{Effect: ImplicitDeny, Document: -1, Statement: -1}
	for i, document := range documents {
		for j := range document.statements {
			s := &document.statements[j]
			if s.effect == decision.Effect || !s.applies(&r) { // a second Allow changes nothing
				continue
			}
			decision = Decision{Effect: s.effect, Document: i, Statement: j, Sid: s.sid}
			if s.effect == ExplicitDeny {
				return decision
			}
		}
	}
	return decision
}

// statement is one rule of a document.
type statement struct {
	sid    string
	effect Effect // Allow or ExplicitDeny

	actions   []string // patterns in lower case
	notAction bool     // it is about every action but these

	resources   []template // patterns
	notResource bool       // it is about every resource but these

	conditions []condition
}

// applies reports whether the statement is about r.
func (s *statement) applies(r *Request) bool {
	if s.hasAction(r.Action) == s.notAction || s.hasResource(r) == s.notResource {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r) {
			return false
		}
	}
	return true
}

func (s *statement) hasAction(action string) bool {
	for _, pattern := range s.actions {
		if matchAction(pattern, action) {
			return true
		}
	}
	return false
}

func (s *statement) hasResource(r *Request) bool {
	for i := range s.resources {
		pattern, ok := s.resources[i].expand(r)
		if ok && matchResource(pattern, r.Resource) {
			return true
		}
	}
	return false
}
