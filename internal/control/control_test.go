package control_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/sigv4"
)

const (
	account = "123456789012"
	region  = "us-west-2"
	roomID  = "g1H2I3j4k5L6"
	roomARN = "arn:aws:ivschat:us-west-2:123456789012:room/g1H2I3j4k5L6"
	lcARN   = "arn:aws:ivschat:us-west-2:123456789012:logging-configuration/ABcdef34ghIJ"
	lambda  = "arn:aws:lambda:us-west-2:123456789012:function:review"
)

var (
	home  = parley.World{Region: region, Account: account}
	owner = caller{region: region, key: "AKIDOWNER", secret: "owner's secret"}
	// The other account has rooms, too; so has the owner's in another region.
	stranger = caller{region: region, key: "AKIDSTRANGER", secret: "stranger's secret"}
	abroad   = caller{region: "eu-west-1", key: owner.key, secret: owner.secret}
)

// caller is who signs a request, and for which region.
type caller struct{ region, key, secret string }

// keyring holds the identities by access key id.
type keyring map[string]control.Identity

func (k keyring) Identity(id string) (control.Identity, bool) {
	identity, ok := k[id]
	return identity, ok
}

func identities() keyring {
	holder := func(account string, c caller) control.Identity {
		return control.Identity{
			Account: account,
			UserARN: "arn:aws:iam::" + account + ":user/test",
			Key:     sigv4.Key{ID: c.key, Secret: c.secret},
		}
	}
	return keyring{
		owner.key:    holder(account, owner),
		stranger.key: holder("210987654321", stranger),
	}
}

// memoryRooms keeps rooms in a map. With before set, every method but ListRooms
// returns the error of calling it, unless that is nil.
type memoryRooms struct {
	before func(context.Context) error

	mu    sync.Mutex // guards rooms
	rooms map[parley.ARN]parley.Room
}

func newRooms(rooms ...parley.Room) *memoryRooms {
	m := &memoryRooms{rooms: map[parley.ARN]parley.Room{}}
	for _, r := range rooms {
		m.rooms[r.ARN] = r
	}
	return m
}

func (m *memoryRooms) fail(ctx context.Context) error {
	if m.before == nil {
		return nil
	}
	return m.before(ctx)
}

func (m *memoryRooms) CreateRoom(ctx context.Context, r parley.Room, limit int) error {
	if err := m.fail(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.ofLocked(r.ARN.World())); limit > 0 && n >= limit {
		return &parley.Error{
			Code: parley.QuotaExceeded, Message: "Too many rooms.", Limit: limit,
			Resource: parley.Resource{Type: parley.ResourceRoom, ID: r.ARN.Account},
		}
	}
	m.rooms[r.ARN] = r
	return nil
}

func (m *memoryRooms) Room(arn parley.ARN) (parley.Room, error) {
	if err := m.fail(context.Background()); err != nil {
		return parley.Room{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.roomLocked(arn)
}

func (m *memoryRooms) UpdateRoom(ctx context.Context, arn parley.ARN,
	change func(parley.Room) (parley.Room, error)) (parley.Room, error) {
	if err := m.fail(ctx); err != nil {
		return parley.Room{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.roomLocked(arn)
	if err != nil {
		return r, err
	}
	if r, err = change(r); err == nil {
		m.rooms[arn] = r
	}
	return r, err
}

func (m *memoryRooms) DeleteRoom(ctx context.Context, arn parley.ARN) error {
	if err := m.fail(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.roomLocked(arn)
	delete(m.rooms, arn)
	return err
}

func (m *memoryRooms) ListRooms(w parley.World, after parley.RoomCursor, limit int,
	match func(parley.Room) bool) ([]parley.Room, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var page []parley.Room
	start := parley.Room{UpdateTime: after.UpdateTime, ARN: after.ARN}
	for _, r := range m.ofLocked(w) {
		if after != (parley.RoomCursor{}) && listOrder(r, start) <= 0 || !match(r) {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, r)
	}
	return page, false
}

func (m *memoryRooms) roomLocked(arn parley.ARN) (parley.Room, error) {
	r, ok := m.rooms[arn]
	if !ok {
		return r, arn.NotFound()
	}
	return r, nil
}

func (m *memoryRooms) ofLocked(w parley.World) []parley.Room {
	all := slices.SortedFunc(maps.Values(m.rooms), listOrder)
	return slices.DeleteFunc(all, func(r parley.Room) bool { return r.ARN.World() != w })
}

func listOrder(a, b parley.Room) int {
	return cmp.Or(b.UpdateTime.Compare(a.UpdateTime), strings.Compare(a.ARN.String(), b.ARN.String()))
}

// sealer remembers what it was given to seal.
type sealer struct {
	sealed parley.Token
	err    error
}

func (s *sealer) Seal(t parley.Token) (string, error) {
	s.sealed = t
	return "sealed<&>.text", s.err
}

// server is a Handler with what it stands on.
type server struct {
	handler *control.Handler
	rooms   *memoryRooms
	sealer  *sealer
	metrics *metrics.Metrics
	log     *bytes.Buffer
}

// start returns a server of the given quotas that has rooms.
func start(quotas parley.Quotas, rooms ...parley.Room) *server {
	s := &server{
		rooms:   newRooms(rooms...),
		sealer:  &sealer{},
		metrics: metrics.New(),
		log:     &bytes.Buffer{},
	}
	s.handler = control.New(control.Config{
		Rooms:      s.rooms,
		Sealer:     s.sealer,
		Identities: identities(),
		Regions:    []string{region, abroad.region},
		Quotas:     quotas,
		Metrics:    s.metrics,
		Log:        slog.New(slog.NewTextHandler(s.log, nil)),
	})
	return s
}

// aRoom is a room of the home world with id roomID and all defaults.
func aRoom() parley.Room {
	r := parley.NewRoom(home, parley.RoomChange{}, nil, time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC))
	r.ARN.ID = roomID
	return r
}

// sign signs a request as an AWS SDK does.
func sign(t testing.TB, r *http.Request, body string, by caller) *http.Request {
	t.Helper()
	hash := sha256.Sum256([]byte(body))
	credentials := aws.Credentials{AccessKeyID: by.key, SecretAccessKey: by.secret}
	err := v4.NewSigner().SignHTTP(context.Background(), credentials, r,
		hex.EncodeToString(hash[:]), "ivschat", by.region, time.Now())
	if err != nil {
		t.Fatalf("sign %s %s: %v", r.Method, r.URL, err)
	}
	return r
}

// call has by call an operation and returns the answer.
func (s *server) call(t testing.TB, by caller, operation, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/"+operation, strings.NewReader(body))
	return s.serve(sign(t, r, body, by))
}

func (s *server) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// must calls an operation as the owner and returns the members of the answer.
func (s *server) must(t testing.TB, operation, body string) map[string]any {
	t.Helper()
	w := s.call(t, owner, operation, body)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: status %d, want 200; body %s", operation, body, w.Code, w.Body)
	}
	return members(t, w.Body)
}

func members(t testing.TB, body io.Reader) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.NewDecoder(body).Decode(&got); err != nil {
		t.Fatalf("answer is not a JSON object: %v", err)
	}
	return got
}

// object writes a JSON object of members that are JSON already.
func object(members ...string) string { return "{" + strings.Join(members, ",") + "}" }

// member writes a member with the JSON of value.
func member(name string, value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return `"` + name + `":` + string(data)
}

var errDisk = errors.New("disk of node 7 is on fire")

func errorType(w *httptest.ResponseRecorder) string { return w.Header().Get("x-amzn-ErrorType") }
