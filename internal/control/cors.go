package control

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What browsers are told about requests from pages of other origins. The pages
// sign their own requests, so the origin gives them no rights: no cookie or other
// ambient credential exists.
var (
	corsMethods = []string{http.MethodPost, http.MethodGet, http.MethodDelete}
	corsHeaders = []string{"authorization", "content-type", "x-amz-content-sha256", "x-amz-date",
		"x-amz-security-token", "x-amz-user-agent", "amz-sdk-invocation-id", "amz-sdk-request",
		"amz-sdk-retry"}
	corsExposed = []string{"x-amzn-errortype", "x-amzn-requestid", "x-amzn-errormessage", "date"}
)

// corsMaxAge is how long a browser may remember the answer to a preflight. AWS
// JSON services answer the same.
const corsMaxAge = 172800 * time.Second

// AnyOrigin, among the allowed origins, allows all.
const AnyOrigin = "*"

// cors adds the headers that let a page of another origin read the answer, and
// reports whether the request was a preflight, which they answer.
func (h *Handler) cors(w http.ResponseWriter, r *http.Request) (preflight bool) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	header := w.Header()
	header.Add("Vary", "Origin")
	switch {
	case slices.Contains(h.origins, AnyOrigin):
		header.Set("Access-Control-Allow-Origin", AnyOrigin)
	case slices.Contains(h.origins, origin):
		header.Set("Access-Control-Allow-Origin", origin)
	default:
		return false
	}
	header.Set("Access-Control-Expose-Headers", strings.Join(corsExposed, ","))
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header.Set("Access-Control-Allow-Methods", strings.Join(corsMethods, ","))
	header.Set("Access-Control-Allow-Headers", strings.Join(corsHeaders, ","))
	header.Set("Access-Control-Max-Age", strconv.Itoa(int(corsMaxAge.Seconds())))
	return true
}
