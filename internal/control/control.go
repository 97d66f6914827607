// Package control is the control plane: the operations of the API as REST-JSON
// over HTTP. It authenticates each request, reads and checks its members, acts
// on rooms, logging configurations and the sessions in rooms, and answers in the
// documented form. It owns that form and the rates of API calls; it keeps no
// resources, and leaves storing them, reaching sessions and sealing tokens to
// others.
//
// A request passes, in this order: routing by its raw target, the checks of its
// signature that need no key, the key, the body, the signature, the call rate,
// the checks of its members, and the operation itself.
package control

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/notice"
	"github.com/parley-chat/parley/internal/policy"
	"github.com/parley-chat/parley/internal/sigv4"
	"github.com/parley-chat/parley/internal/trace"
)

// Rooms keeps the rooms of all worlds. store.Store implements it. Its errors for
// a room that does not exist have code NotFound, and when it cannot say so or save
// something, Unavailable.
type Rooms interface {
	// CreateRoom saves a new room. The error has code QuotaExceeded when its world
	// has limit rooms already; 0 is no limit. Here and in UpdateRoom, it has code
	// NotFound when the room names a logging configuration that its world lacks.
	CreateRoom(ctx context.Context, room parley.Room, limit int) error
	// FindRoom returns a room as it was a moment ago, and CurrentRoom as it is.
	FindRoom(ctx context.Context, arn parley.ARN) (parley.Room, error)
	CurrentRoom(ctx context.Context, arn parley.ARN) (parley.Room, error)
	// UpdateRoom replaces a room by what change makes of it, and returns that. It
	// may call change more than once.
	UpdateRoom(ctx context.Context, arn parley.ARN,
		change func(parley.Room) (parley.Room, error)) (parley.Room, error)
	DeleteRoom(ctx context.Context, arn parley.ARN) error
	// ListRooms returns the first limit rooms of w after a place that match, and
	// whether there are more of them.
	ListRooms(ctx context.Context, w parley.World, after parley.Cursor, limit int,
		match func(parley.Room) bool) (rooms []parley.Room, more bool)
	// KnownRooms is ListRooms as it was a moment ago, at once.
	KnownRooms(w parley.World, after parley.Cursor, limit int,
		match func(parley.Room) bool) (rooms []parley.Room, more bool)
}

// LoggingConfigurations keeps the logging configurations of all worlds.
// store.Store implements it. Its errors have the codes of those of Rooms.
type LoggingConfigurations interface {
	// CreateLoggingConfiguration saves a new configuration. The error has code
	// QuotaExceeded when its world has limit of them already; 0 is no limit.
	CreateLoggingConfiguration(
		ctx context.Context, l parley.LoggingConfiguration, limit int) error
	CurrentLoggingConfiguration(ctx context.Context, arn parley.ARN) (
		parley.LoggingConfiguration, error)
	// UpdateLoggingConfiguration replaces a configuration by what change makes of
	// it, and returns that. It may call change more than once.
	UpdateLoggingConfiguration(ctx context.Context, arn parley.ARN,
		change func(parley.LoggingConfiguration) (parley.LoggingConfiguration, error),
	) (parley.LoggingConfiguration, error)
	// DeleteLoggingConfiguration removes a configuration. The error has code
	// Conflict while a room names it.
	DeleteLoggingConfiguration(ctx context.Context, arn parley.ARN) error
	// ListLoggingConfigurations returns the first limit configurations of w after a
	// place, and whether there are more of them.
	ListLoggingConfigurations(ctx context.Context, w parley.World, after parley.Cursor,
		limit int) (configurations []parley.LoggingConfiguration, more bool)
}

// Hub acts on the sessions that are open in a room. hub.Hub implements it. Its
// errors for a room that does not exist have code NotFound.
type Hub interface {
	// SendEvent sends an event to all sessions and returns its id.
	SendEvent(ctx context.Context, room parley.ARN, name string,
		attributes map[string]string) (id string, err error)
	// DeleteMessage has all sessions show a message no longer, and returns an id of
	// its own. The reason may be empty, here and below.
	DeleteMessage(ctx context.Context, room parley.ARN, messageID, reason string) (
		id string, err error)
	// DisconnectUser ends all sessions of a user, of which there may be none.
	DisconnectUser(ctx context.Context, room parley.ARN, userID, reason string) error
}

// Functions knows the functions that may review messages. review.Reviewer implements
// it.
type Functions interface {
	// Has reports whether a room may name a function, by its ARN.
	Has(arn string) bool
}

// Prober looks for the destinations of logging configurations. chatlog.Logger
// implements it.
type Prober interface {
	// Probe returns an error with code NotFound or AccessDenied when a destination of a
	// configuration cannot be used.
	Probe(ctx context.Context, arn parley.ARN, to parley.Destination) error
}

// Sealer makes the text of a chat token. token.Sealer implements it.
type Sealer interface {
	Seal(t parley.Token) (string, error)
}

// TokenIDs gives tokens their ids. store.Store implements it.
type TokenIDs interface {
	// NewTokenID returns an id that no other token has, and that nobody can guess.
	NewTokenID() parley.TokenID
}

// Identities knows who holds which access key.
type Identities interface {
	// Identity returns the holder of an access key, and whether there is one.
	Identity(accessKeyID string) (Identity, bool)
}

// Identity is a user of an account, as one of the user's access keys shows it.
type Identity struct {
	Account  string // 12 digits
	Status   parley.AccountStatus
	UserName string
	UserARN  string // such as arn:aws:iam::123456789012:user/chat-backend
	Root     bool   // may do everything that the account may
	Policies []*policy.Document
	Key      sigv4.Key
}

// Config says what a Handler serves. The interfaces, Metrics and Log are required.
type Config struct {
	Rooms                 Rooms
	LoggingConfigurations LoggingConfigurations
	Hub                   Hub
	Functions             Functions // nil: rooms may name any
	LogDestinations       Prober    // nil: configurations may name any
	Sealer                Sealer
	TokenIDs              TokenIDs // nil: they are random
	Identities            Identities
	Nodes                 Nodes // nil: there is nothing to tell of them

	Regions []string      // the regions that requests may be signed for
	Origins []string      // of the pages that may read answers; AnyOrigin allows all
	Audit   io.Writer     // gets the audit log, a line per Write; nil: there is none
	Hosts   []string      // public host names, where a proxy changes the Host header
	MaxSkew time.Duration // how far clocks may differ; 0 is the default of sigv4
	Quotas  parley.Quotas // of resources, and of the calls of each operation
	Metrics *metrics.Metrics
	Tracer  *trace.Tracer // nil: nothing is traced
	Notices notice.Sink   // nil: nobody is told
	Log     *slog.Logger
}

// Handler serves the control plane. Its methods may be called from any
// goroutine.
type Handler struct {
	rooms      Rooms
	logging    LoggingConfigurations
	hub        Hub
	functions  Functions
	prober     Prober
	sealer     Sealer
	tokenIDs   TokenIDs
	identities Identities
	nodes      Nodes
	verifier   *sigv4.Verifier
	routes     map[route]parley.Operation
	rates      *rates
	quotas     parley.Quotas
	origins    []string
	audit      io.Writer
	metrics    *metrics.Metrics
	tracer     *trace.Tracer
	notices    notice.Sink
	log        *slog.Logger
}

// New returns a handler of every operation in parley.Operations and parley.Extensions.
func New(cfg Config) *Handler {
	h := &Handler{
		rooms:      cfg.Rooms,
		logging:    cfg.LoggingConfigurations,
		hub:        cfg.Hub,
		functions:  cfg.Functions,
		prober:     cfg.LogDestinations,
		sealer:     cfg.Sealer,
		tokenIDs:   cfg.TokenIDs,
		identities: cfg.Identities,
		nodes:      cfg.Nodes,
		verifier: sigv4.New(sigv4.Config{
			Regions: cfg.Regions, Hosts: cfg.Hosts, MaxSkew: cfg.MaxSkew,
		}),
		routes:  map[route]parley.Operation{},
		rates:   newRates(cfg.Quotas),
		quotas:  cfg.Quotas,
		origins: cfg.Origins,
		audit:   cfg.Audit,
		metrics: cfg.Metrics,
		tracer:  cfg.Tracer,
		notices: cfg.Notices,
		log:     cfg.Log,
	}
	for _, op := range slices.Concat(parley.Operations, parley.Extensions) {
		h.routes[route{op.Method, op.Path}] = op
	}
	return h
}

// handlers gives every operation the function that reads its members, checks
// them, acts, and returns what its answer's JSON is made of: nil is no body.
var handlers = map[string]func(*Handler, context.Context, *call) (any, error){
	"CreateChatToken": (*Handler).createChatToken,

	"CreateRoom": (*Handler).createRoom,
	"GetRoom":    (*Handler).getRoom,
	"ListRooms":  (*Handler).listRooms,
	"UpdateRoom": (*Handler).updateRoom,
	"DeleteRoom": (*Handler).deleteRoom,

	"CreateLoggingConfiguration": (*Handler).createLoggingConfiguration,
	"GetLoggingConfiguration":    (*Handler).getLoggingConfiguration,
	"ListLoggingConfigurations":  (*Handler).listLoggingConfigurations,
	"UpdateLoggingConfiguration": (*Handler).updateLoggingConfiguration,
	"DeleteLoggingConfiguration": (*Handler).deleteLoggingConfiguration,

	"SendEvent":      (*Handler).sendEvent,
	"DeleteMessage":  (*Handler).deleteMessage,
	"DisconnectUser": (*Handler).disconnectUser,

	"TagResource":         (*Handler).tagResource,
	"UntagResource":       (*Handler).untagResource,
	"ListTagsForResource": (*Handler).listTagsForResource,

	"SearchRooms":      (*Handler).searchRooms,
	"GetMetrics":       (*Handler).getMetrics,
	"GetRoomTraffic":   (*Handler).getRoomTraffic,
	"GetLogDeliveries": (*Handler).getLogDeliveries,
}
