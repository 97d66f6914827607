package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
)

// site is the web site of a chat application, on an address of its own: it has the
// page that holds sessions in a browser, and it hands out tokens.
type site struct {
	url   string
	pages string // the folder of its pages
	chat  *ivschat.Client

	mu      sync.Mutex // guards what follows
	sources map[string]*provided
}

// tokenSource answers the SDK's token provider. It is called once for each attempt to
// connect, of which the first is 0.
type tokenSource func(ctx context.Context, s *site, attempt int) (providedToken, error)

// providedToken is what a token provider returns. Times that are nil are left out.
type providedToken struct {
	Token                 string     `json:"token"`
	TokenExpirationTime   *time.Time `json:"tokenExpirationTime,omitempty"`
	SessionExpirationTime *time.Time `json:"sessionExpirationTime,omitempty"`
}

// provided is a token source under an address of the site.
type provided struct {
	url    string
	source tokenSource

	mu       sync.Mutex // guards what follows
	attempts int
}

// asked returns how many tokens the source was asked for.
func (p *provided) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attempts
}

func (p *provided) next(ctx context.Context, s *site) (providedToken, error) {
	p.mu.Lock()
	attempt := p.attempts
	p.attempts++
	p.mu.Unlock()
	return p.source(ctx, s, attempt)
}

// startSite starts a site that makes its tokens with the server's root credentials.
func startSite(t *testing.T, srv *server) *site {
	t.Helper()
	s := &site{
		pages:   t.TempDir(),
		chat:    newIVSChat(t, srv, srv.credentials, http.DefaultClient),
		sources: map[string]*provided{},
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(s.pages)))
	mux.HandleFunc("GET /tokens/{session}", s.serveToken)
	listener := httptest.NewServer(mux)
	t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

// provide makes the tokens of a source available to a session.
func (s *site) provide(session string, source tokenSource) *provided {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &provided{url: s.url + "/tokens/" + url.PathEscape(session), source: source}
	s.sources[session] = p
	return p
}

func (s *site) serveToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.sources[r.PathValue("session")]
	s.mu.Unlock()
	token, err := p.next(r.Context(), s)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(token) // a client that is gone needs no token
}

// listed is a source of given tokens. When they have run out, it returns the last one
// again. It tells no times.
func listed(tokens ...string) tokenSource {
	return func(_ context.Context, _ *site, attempt int) (providedToken, error) {
		return providedToken{Token: tokens[min(attempt, len(tokens)-1)]}, nil
	}
}

// minted is a source of new tokens of a user of the room, for sessions of so many
// minutes. It tells both times.
func minted(room, user string, minutes int32, capabilities ...string) tokenSource {
	in := &ivschat.CreateChatTokenInput{
		RoomIdentifier:           aws.String(room),
		UserId:                   aws.String(user),
		SessionDurationInMinutes: aws.Int32(minutes),
		Attributes:               attributesOf(user),
	}
	for _, capability := range capabilities {
		in.Capabilities = append(in.Capabilities, types.ChatTokenCapability(capability))
	}
	return func(ctx context.Context, s *site, _ int) (providedToken, error) {
		out, err := s.chat.CreateChatToken(ctx, in)
		if err != nil {
			return providedToken{}, err
		}
		return providedToken{
			Token:                 aws.ToString(out.Token),
			TokenExpirationTime:   out.TokenExpirationTime,
			SessionExpirationTime: out.SessionExpirationTime,
		}, nil
	}
}

// timeless is a source that tells no times, so that the SDK does not refresh.
func timeless(source tokenSource) tokenSource {
	return func(ctx context.Context, s *site, attempt int) (providedToken, error) {
		token, err := source(ctx, s, attempt)
		return providedToken{Token: token.Token}, err
	}
}

// expiring is a source whose tokens are told to expire after another time.
func expiring(source tokenSource, after time.Duration) tokenSource {
	return func(ctx context.Context, s *site, attempt int) (providedToken, error) {
		token, err := source(ctx, s, attempt)
		token.TokenExpirationTime = aws.Time(time.Now().Add(after))
		return token, err
	}
}

// patient is a source that tries every so often until there is a token.
func patient(source tokenSource, every time.Duration) tokenSource {
	return func(ctx context.Context, s *site, attempt int) (providedToken, error) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			token, err := source(ctx, s, attempt)
			if err == nil {
				return token, nil
			}
			select {
			case <-ctx.Done():
				return token, errors.Join(ctx.Err(), err)
			case <-tick.C:
			}
		}
	}
}
