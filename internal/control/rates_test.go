package control_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// newScrape returns the metrics of a server as they are scraped.
func newScrape(s *server) string {
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// status is of one call, with a valid body.
func (s *server) status(t *testing.T, by caller, operation string) int {
	t.Helper()
	return s.call(t, by, operation, valid(operation)).Code
}

func TestCallRates(t *testing.T) {
	quotas, err := parley.AWSQuotas.Quotas()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range parley.Operations {
		synctest.Test(t, func(t *testing.T) {
			s := start(quotas)
			body := valid(op.Name)
			for i := range op.Rate {
				if w := s.call(t, owner, op.Name, body); w.Code == http.StatusTooManyRequests {
					t.Fatalf("%s: call %d of %d is throttled", op.Name, i+1, op.Rate)
				}
			}
			if got := s.status(t, owner, op.Name); got != http.StatusTooManyRequests {
				t.Errorf("%s: call %d in one second: status %d, want 429", op.Name, op.Rate+1, got)
			}
			time.Sleep(time.Second / time.Duration(op.Rate))
			if got := s.status(t, owner, op.Name); got == http.StatusTooManyRequests {
				t.Errorf("%s: the next call in its time is throttled", op.Name)
			}
		})
	}
}

func TestRatesCountPerWorldAndOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(parley.Quotas{"GetRoom": 1}, aRoom())
		s.status(t, owner, "GetRoom")
		if got := s.status(t, owner, "GetRoom"); got != http.StatusTooManyRequests {
			t.Errorf("second GetRoom: status %d, want 429", got)
		}
		for _, tt := range []struct {
			by        caller
			operation string
			want      int
		}{
			{stranger, "GetRoom", http.StatusNotFound},
			{abroad, "GetRoom", http.StatusNotFound},
			{owner, "UpdateRoom", http.StatusOK},
		} {
			if got := s.status(t, tt.by, tt.operation); got != tt.want {
				t.Errorf("%s by %s in %s: status %d, want %d",
					tt.operation, tt.by.key, tt.by.region, got, tt.want)
			}
		}
	})
}

func TestUnsignedCallsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(parley.Quotas{"GetRoom": 1}, aRoom())
		forged := owner
		forged.secret = "guessed"
		for range 3 {
			if got := s.status(t, forged, "GetRoom"); got != http.StatusForbidden {
				t.Errorf("forged GetRoom: status %d, want 403", got)
			}
		}
		if got := s.status(t, owner, "GetRoom"); got != http.StatusOK {
			t.Errorf("first true GetRoom: status %d, want 200", got)
		}
	})
}

func TestThrottlingNamesTheRoomOrTheAccount(t *testing.T) {
	for _, tt := range []struct{ operation, body, want string }{
		{"GetRoom", valid("GetRoom"), roomID},
		{"CreateChatToken", valid("CreateChatToken"), roomID},
		{"GetRoom", object(member("identifier", lcARN)), account},
		{"GetRoom", `{"identifier":5}`, account},
		{"GetRoom", "no JSON", account},
		{"ListRooms", "{}", account},
		{"CreateRoom", "", account},
		{"CreateRoom", object(member("identifier", roomARN)), account},
		{"GetRoom", object(member("roomIdentifier", roomARN)), account},
		{"SendEvent", valid("SendEvent"), roomID},
		{"GetLoggingConfiguration", valid("GetLoggingConfiguration"), account},
		{"ListTagsForResource", "", roomID},
		{"TagResource", object(member("identifier", lcARN)), roomID},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(parley.Quotas{parley.Quota(tt.operation): 1}, aRoom())
			s.call(t, owner, tt.operation, "{}")
			w := s.call(t, owner, tt.operation, tt.body)
			want := map[string]any{
				"message": "Rate exceeded", "limit": 1.0, "resourceType": "ROOM", "resourceId": tt.want}
			if got := members(t, w.Body); w.Code != http.StatusTooManyRequests || !cmp.Equal(got, want) {
				t.Errorf("%s %s: %d %v, want 429 %v", tt.operation, tt.body, w.Code, got, want)
			}
		})
	}
}

func TestThrottlingOfTagsNamesOnlyRooms(t *testing.T) {
	for _, arn := range []string{lcARN, roomID, ""} {
		synctest.Test(t, func(t *testing.T) {
			s := start(parley.Quotas{"ListTagsForResource": 1})
			s.call(t, owner, "ListTagsForResource", "")
			w := s.send(t, owner, http.MethodGet, tagsTarget(arn), "")
			if got := members(t, w.Body)["resourceId"]; got != account {
				t.Errorf("tags of %q over the rate: status %d, resourceId %v, want 429 %s",
					arn, w.Code, got, account)
			}
		})
	}
}
