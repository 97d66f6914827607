package control

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/parley-chat/parley"
)

// page is the part of a list that a call asks for.
type page struct {
	limit int
	after parley.Cursor
}

// page reads and checks the members that ask for a page of a list of resources of
// a kind. What is wrong with them is in the Err of the body.
func (c *call) page(kind parley.Kind) page {
	p := page{limit: parley.MaxPageSize}
	check := c.body.Check()
	if n, ok := c.body.Int("maxResults"); ok {
		check.Range("maxResults", n, 1, parley.MaxPageSize)
		p.limit = n
	}
	if token, _ := c.body.String("nextToken"); token != "" {
		p.after = readPageToken(check, token, c.world, kind)
	}
	return p
}

// roomQuery is what a ListRooms call asks for.
type roomQuery struct {
	page
	name                 string     // empty is any
	handlerURI           string     // empty is any
	loggingConfiguration parley.ARN // the zero value is any
}

// roomQuery reads and checks the members of ListRooms. An empty filter is none.
// What is wrong with them is in the Err of the body.
func (c *call) roomQuery() roomQuery {
	var query roomQuery
	check := c.body.Check()
	query.name, _ = c.body.String("name")
	parley.CheckName(check, "name", query.name)
	query.handlerURI, _ = c.body.String("messageReviewHandlerUri")
	parley.CheckLambdaARN(check, "messageReviewHandlerUri", query.handlerURI)
	if text, _ := c.body.String("loggingConfigurationIdentifier"); text != "" {
		query.loggingConfiguration = check.ARN("loggingConfigurationIdentifier", text,
			parley.KindLoggingConfiguration)
	}
	query.page = c.page(parley.KindRoom)
	return query
}

// match reports whether a room passes the filters.
func (q roomQuery) match(r parley.Room) bool {
	if q.name != "" && r.Name != q.name {
		return false
	}
	if arn := q.loggingConfiguration; arn != (parley.ARN{}) &&
		!slices.Contains(r.LoggingConfigurations, arn) {
		return false
	}
	return q.handlerURI == "" || r.ReviewHandler != nil && r.ReviewHandler.URI == q.handlerURI
}

// A page token is, in base64url: the nanoseconds since 1970 of the cursor's time,
// the id of the cursor's resource, and a checksum of these and of the world and
// kind it is for. A token that is changed, or for another world or kind, does not
// check out. It guards against mistakes only: all it can do is choose a place in a
// list that its sender may read. The time comes first because its high bits are no
// hyphen, with which a command line would take the token for an option.
const (
	pageTokenSumBytes  = 8
	pageTokenTimeBytes = 8
)

// pageToken returns the nextToken of a page that ends at a cursor.
func pageToken(at parley.Cursor) string {
	place := binary.BigEndian.AppendUint64(nil, uint64(at.UpdateTime.UnixNano()))
	place = append(place, at.ARN.ID...)
	place = append(place, pageTokenSum(place, at.ARN.World(), at.ARN.Kind)...)
	return base64.RawURLEncoding.EncodeToString(place)
}

// readPageToken returns the cursor in a nextToken that pageToken made for w and
// kind, or adds to check that it is none.
func readPageToken(
	check *parley.Check, token string, w parley.World, kind parley.Kind,
) parley.Cursor {
	check.Length("nextToken", token, 0, parley.MaxPageTokenLen)
	data, err := base64.RawURLEncoding.DecodeString(token)
	at := len(data) - pageTokenSumBytes // where the checksum begins
	// A text that has a line break, say, is decoded too, but is not what was made.
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != token ||
		at <= pageTokenTimeBytes ||
		string(pageTokenSum(data[:at], w, kind)) != string(data[at:]) {
		check.Add("nextToken", "Member must be the nextToken of an earlier answer")
		return parley.Cursor{}
	}
	nanos := binary.BigEndian.Uint64(data)
	id := string(data[pageTokenTimeBytes:at])
	return parley.Cursor{
		UpdateTime: time.Unix(0, int64(nanos)).UTC(),
		ARN:        parley.ARN{Region: w.Region, Account: w.Account, Kind: kind, ID: id},
	}
}

func pageTokenSum(place []byte, w parley.World, kind parley.Kind) []byte {
	sum := sha256.Sum256([]byte(
		"page 1 " + string(kind) + " " + w.Region + " " + w.Account + " " + string(place)))
	return sum[:pageTokenSumBytes]
}
