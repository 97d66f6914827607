package sigv4

import (
	"net/http"
	"time"

	"github.com/parley-chat/parley"
)

// isoBasic is how a signature spells the time at which it was made: ISO 8601,
// basic format, always in UTC.
const isoBasic = "20060102T150405Z"

// date is when the request claims to have been signed, not yet understood.
type date struct {
	header string // X-Amz-Date or Date; empty when it has neither, or is presigned
	value  string
}

// findDate returns the date that counts: X-Amz-Date wins.
func findDate(h http.Header) date {
	for _, name := range [...]string{headerAmzDate, headerDate} {
		if value, ok := headerValue(h, name); ok {
			return date{name, value}
		}
	}
	return date{}
}

// parse understands ISO 8601 basic format and, in the Date header, also the
// forms of RFC 1123: with GMT, as HTTP has it, and with a numeric zone.
func (d date) parse() (time.Time, error) {
	// time.Parse is too kind: it lets fractions of a second pass.
	t, err := time.Parse(isoBasic, d.value)
	if err == nil && len(d.value) == len(isoBasic) {
		return t, nil
	}
	if d.header == headerDate {
		for _, layout := range [...]string{http.TimeFormat, time.RFC1123Z} {
			if t, err := time.Parse(layout, d.value); err == nil {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, parley.Errorf(parley.IncompleteSignature,
		"Date must be in ISO-8601 'basic format'. Got '%s'.", parley.Shorten(d.value))
}

// checkDate returns when the request was signed, if it is still good and is not
// from the future.
func (v *Verifier) checkDate(p *parameters, now time.Time) (time.Time, error) {
	signedAt, err := p.date.parse()
	if err != nil {
		return signedAt, err
	}
	maxAge := v.maxSkew
	if p.presigned {
		if maxAge, err = p.lifetime(); err != nil {
			return signedAt, err
		}
	}
	return signedAt, v.checkAge(signedAt, maxAge, now)
}

// checkAge compares whole seconds, because signatures know nothing smaller.
func (v *Verifier) checkAge(signedAt time.Time, maxAge time.Duration, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	oldest, newest := now.Add(-maxAge), now.Add(v.maxSkew)
	switch {
	case signedAt.Before(oldest):
		return parley.Errorf(parley.InvalidSignature,
			"Signature expired: %s is now earlier than %s (%s - %.5g min.)",
			signedAt.Format(isoBasic), oldest.Format(isoBasic), now.Format(isoBasic),
			maxAge.Minutes())
	case signedAt.After(newest):
		return parley.Errorf(parley.InvalidSignature,
			"Signature not yet current: %s is still later than %s (%s + %.5g min.)",
			signedAt.Format(isoBasic), newest.Format(isoBasic), now.Format(isoBasic),
			v.maxSkew.Minutes())
	}
	return nil
}
