// Package control is the control plane: the operations of the API as REST-JSON
// over HTTP. It authenticates each request, reads and checks its members, acts
// on the rooms and answers in the documented form. It owns that form and the
// rates of API calls; it keeps no resources, and leaves storing rooms and
// sealing tokens to others.
//
// A request passes, in this order: routing by its raw target, the checks of its
// signature that need no key, the key, the body, the signature, the call rate,
// the checks of its members, and the operation itself.
package control

import (
	"context"
	"log/slog"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/sigv4"
)

// Rooms keeps the rooms of all worlds. store.Store implements it. Its errors for
// a room that does not exist have code NotFound.
type Rooms interface {
	// CreateRoom saves a new room. The error has code QuotaExceeded when its world
	// has limit rooms already; 0 is no limit.
	CreateRoom(ctx context.Context, room parley.Room, limit int) error
	Room(arn parley.ARN) (parley.Room, error)
	// UpdateRoom replaces a room by what change makes of it, and returns that. It
	// may call change more than once.
	UpdateRoom(ctx context.Context, arn parley.ARN,
		change func(parley.Room) (parley.Room, error)) (parley.Room, error)
	DeleteRoom(ctx context.Context, arn parley.ARN) error
	// ListRooms returns the first limit rooms of w after a place that match, and
	// whether there are more of them.
	ListRooms(w parley.World, after parley.RoomCursor, limit int,
		match func(parley.Room) bool) (rooms []parley.Room, more bool)
}

// Sealer makes the text of a chat token. token.Sealer implements it.
type Sealer interface {
	Seal(t parley.Token) (string, error)
}

// Identities knows who holds which access key.
type Identities interface {
	// Identity returns the holder of an access key, and whether there is one.
	Identity(accessKeyID string) (Identity, bool)
}

// Identity is a user of an account, as one of the user's access keys shows it.
type Identity struct {
	Account string // 12 digits
	UserARN string // such as arn:aws:iam::123456789012:user/chat-backend
	Key     sigv4.Key
}

// Config says what a Handler serves. Rooms, Sealer, Identities, Metrics and Log
// are required.
type Config struct {
	Rooms      Rooms
	Sealer     Sealer
	Identities Identities
	Regions    []string      // the regions that requests may be signed for
	Hosts      []string      // public host names, where a proxy changes the Host header
	MaxSkew    time.Duration // how far clocks may differ; 0 is the default of sigv4
	Quotas     parley.Quotas // of rooms, and of the calls of each operation
	Metrics    *metrics.Metrics
	Log        *slog.Logger
}

// Handler serves the control plane. Its methods may be called from any
// goroutine.
type Handler struct {
	rooms      Rooms
	sealer     Sealer
	identities Identities
	verifier   *sigv4.Verifier
	routes     map[route]parley.Operation
	rates      *rates
	quotas     parley.Quotas
	metrics    *metrics.Metrics
	log        *slog.Logger
}

// New returns a handler of every operation in parley.Operations.
func New(cfg Config) *Handler {
	h := &Handler{
		rooms:      cfg.Rooms,
		sealer:     cfg.Sealer,
		identities: cfg.Identities,
		verifier: sigv4.New(sigv4.Config{
			Regions: cfg.Regions, Hosts: cfg.Hosts, MaxSkew: cfg.MaxSkew,
		}),
		routes:  map[route]parley.Operation{},
		rates:   newRates(cfg.Quotas),
		quotas:  cfg.Quotas,
		metrics: cfg.Metrics,
		log:     cfg.Log,
	}
	for _, op := range parley.Operations {
		h.routes[route{op.Method, op.Path}] = op
	}
	return h
}

// handlers gives every operation the function that reads its members, checks
// them, acts, and returns what its answer's JSON is made of: nil is no body.
var handlers = map[string]func(*Handler, context.Context, *call) (any, error){
	"CreateChatToken": (*Handler).createChatToken,
	"CreateRoom":      (*Handler).createRoom,
	"GetRoom":         (*Handler).getRoom,
	"ListRooms":       (*Handler).listRooms,
	"UpdateRoom":      (*Handler).updateRoom,
	"DeleteRoom":      (*Handler).deleteRoom,
}
