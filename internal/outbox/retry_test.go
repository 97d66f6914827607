package outbox

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "3": 3 * time.Second, "30": 30 * time.Second,
		"31": maxPause, "9300000000": maxPause, "99999999999999999999": maxPause,
		"Thu, 26 Nov 2026 10:00:00 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {header}}); got != want {
			t.Errorf("Retry-After: %s is %s, want %s", header, got, want)
		}
	}
}
