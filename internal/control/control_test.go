package control_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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
	lcID    = "ABcdef34ghIJ"
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
			Root:    true,
			Key:     sigv4.Key{ID: c.key, Secret: c.secret},
		}
	}
	return keyring{
		owner.key:    holder(account, owner),
		stranger.key: holder("210987654321", stranger),
	}
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
	store   *memory
	hub     *hub
	sealer  *sealer
	metrics *metrics.Metrics
	log     *bytes.Buffer
}

// start returns a server of the given quotas that has rooms.
func start(quotas parley.Quotas, rooms ...parley.Room) *server {
	return startFor(identities(), quotas, rooms...)
}

// startFor is start with callers of its own.
func startFor(callers keyring, quotas parley.Quotas, rooms ...parley.Room) *server {
	s := &server{
		store:   newMemory(rooms...),
		sealer:  &sealer{},
		metrics: metrics.New(),
		log:     &bytes.Buffer{},
	}
	s.hub = &hub{store: s.store}
	s.handler = control.New(control.Config{
		Rooms:                 s.store,
		LoggingConfigurations: s.store,
		Hub:                   s.hub,
		Sealer:                s.sealer,
		Identities:            callers,
		Regions:               []string{region, abroad.region},
		Quotas:                quotas,
		Metrics:               s.metrics,
		Log:                   slog.New(slog.NewTextHandler(s.log, nil)),
	})
	return s
}

// with gives the server logging configurations.
func (s *server) with(configurations ...parley.LoggingConfiguration) *server {
	for _, l := range configurations {
		s.store.configurations[l.ARN] = l
	}
	return s
}

// created is when the resources were created that exist when a test begins.
var created = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

// aRoom is a room of the home world with id roomID and all defaults.
func aRoom() parley.Room {
	r := parley.NewRoom(home, parley.RoomChange{}, nil, created)
	r.ARN.ID = roomID
	return r
}

// aConfiguration is a logging configuration of the home world with ARN lcARN and
// no name or tags, to the bucket chat-logs.
func aConfiguration() parley.LoggingConfiguration {
	to := parley.Destination{Kind: parley.DestinationS3, Name: "chat-logs"}
	l := parley.NewLoggingConfiguration(home,
		parley.LoggingConfigurationChange{Destination: &to}, nil, created)
	l.ARN.ID = lcID
	return l
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

// call has by call an operation and returns the answer. The operations on tags are
// about the room that exists, and UntagResource about its tag k.
func (s *server) call(t testing.TB, by caller, operation, body string) *httptest.ResponseRecorder {
	t.Helper()
	switch operation {
	case "TagResource":
		return s.send(t, by, http.MethodPost, tagsTarget(roomARN), body)
	case "UntagResource":
		return s.send(t, by, http.MethodDelete, tagsTarget(roomARN)+"?tagKeys=k", body)
	case "ListTagsForResource":
		return s.send(t, by, http.MethodGet, tagsTarget(roomARN), body)
	}
	return s.send(t, by, http.MethodPost, "/"+operation, body)
}

// send has by send a request and returns the answer.
func (s *server) send(
	t testing.TB, by caller, method, target, body string,
) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	return s.serve(sign(t, r, body, by))
}

// tagsTarget is where the operations on the tags of a resource are called, as all
// official clients write it.
func tagsTarget(arn string) string {
	return "/tags/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(arn)
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
