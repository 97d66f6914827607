package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// leaderTimeout bounds one question to a leader.
	leaderTimeout = time.Second

	// leaderLease is how recently the majority of a bucket's servers must have answered
	// its leader for the leader to be believed. They answer every second, and wait for
	// 4 seconds without a word from it before they elect another one.
	leaderLease = 3 * time.Second
)

// leaderSettled is how long a server has to have led a bucket for it to be certain that
// no other takes itself for the leader any more, and answers questions: one that does not
// reach most of the others notices after 10 seconds.
const leaderSettled = 20 * time.Second

// errNoMessage is the engine's code for a message that is not there.
const errNoMessage jetstream.ErrorCode = 10037

// Leader asks the leader of a bucket, which alone knows what is stored: replicas may
// be behind, and the client library asks any of them.
type Leader struct {
	Conn   *nats.Conn
	Bucket string // as the engine has it
}

// Entry is a key's value as a write left it, or the mark that the key was deleted.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
	Saved    time.Time // by the clock of the engine
	Deleted  bool
}

// Last returns what is stored under a key. Its revision is 0 when nothing is.
func (l Leader) Last(ctx context.Context, key string) (Entry, error) {
	return l.message(ctx, map[string]any{"last_by_subj": l.Subject(key)})
}

// After returns the first of the entries that are newer than a revision, of all keys.
// Its revision is 0 when there is none, which may be said by a former leader that has not
// noticed yet: see Newest.
func (l Leader) After(ctx context.Context, revision uint64) (Entry, error) {
	return l.message(ctx, map[string]any{"seq": revision + 1, "next_by_subj": l.Subject(">")})
}

// Subject returns the subject of a key's entries; > stands for all keys.
func (l Leader) Subject(key string) string { return "$KV." + l.Bucket + "." + key }

// message asks for one entry.
func (l Leader) message(ctx context.Context, question map[string]any) (Entry, error) {
	var answer struct {
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Time    time.Time `json:"time"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
		} `json:"message"`
	}
	err := l.ask(ctx, "MSG.GET", question, &answer)
	if e := (*jetstream.APIError)(nil); errors.As(err, &e) && e.ErrorCode == errNoMessage {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, err
	}
	m := answer.Message
	e := Entry{Key: m.Subject[len(l.Subject("")):], Value: m.Data, Revision: m.Seq, Saved: m.Time}
	if len(m.Header) > 0 {
		header, err := nats.DecodeHeadersMsg(m.Header)
		if err != nil {
			return Entry{}, fmt.Errorf("read the headers of %s: %w", m.Subject, err)
		}
		// The client library marks deletions by the first, the server by the second.
		e.Deleted = header.Get("KV-Operation") != "" || header.Get(jetstream.MarkerReasonHeader) != ""
	}
	return e, nil
}

// Newest returns the revision of the newest write, as a leader knows it that no other
// can have followed yet, and whether that has led for so long that whatever a leader
// answers comes from this one.
func (l Leader) Newest(ctx context.Context) (revision uint64, settled bool, err error) {
	var answer struct {
		Now   time.Time `json:"ts"`
		State struct {
			LastSeq uint64 `json:"last_seq"`
		} `json:"state"`
		Cluster *group `json:"cluster"`
	}
	if err := l.ask(ctx, "INFO", nil, &answer); err != nil {
		return 0, false, err
	}
	g := answer.Cluster
	settled = g == nil || g.LeaderSince == nil || answer.Now.Sub(*g.LeaderSince) > leaderSettled
	return answer.State.LastSeq, settled, g.confirm()
}

// group is the servers of a bucket, as the one that answered knows them.
type group struct {
	LeaderSince *time.Time `json:"leader_since"` // only the leader knows
	Replicas    []struct { // all others
		Active  time.Duration `json:"active"`  // since it was heard of; 0 if that was now, or never
		Current bool          `json:"current"` // false if it was never heard of
	} `json:"replicas"`
}

// confirm returns nil when the server that answered leads the others: it is the
// leader, and most of them followed it until a moment ago.
func (g *group) confirm() error {
	if g == nil || len(g.Replicas) == 0 {
		return nil // there are no others
	}
	if g.LeaderSince == nil {
		return errors.New("the bucket has no leader")
	}
	following := 1 // itself
	for _, r := range g.Replicas {
		if r.Active < leaderLease && (r.Active > 0 || r.Current) {
			following++
		}
	}
	if servers := len(g.Replicas) + 1; following <= servers/2 {
		return fmt.Errorf("the bucket's leader reaches %d of its %d servers", following, servers)
	}
	return nil
}

// ask puts a question about the bucket's stream to its leader; nil asks for all there
// is to say.
func (l Leader) ask(ctx context.Context, about string, question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, leaderTimeout)
	defer cancel()
	var data []byte
	if question != nil {
		var err error
		if data, err = json.Marshal(question); err != nil {
			return err
		}
	}
	msg, err := l.Conn.RequestWithContext(ctx, "$JS.API.STREAM."+about+".KV_"+l.Bucket, data)
	if err != nil {
		return fmt.Errorf("ask the leader of bucket %s: %w", l.Bucket, err)
	}
	var refusal struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err = json.Unmarshal(msg.Data, &refusal); err == nil && refusal.Error != nil {
		err = refusal.Error
	}
	if err == nil {
		err = json.Unmarshal(msg.Data, answer)
	}
	if err != nil {
		return fmt.Errorf("ask the leader of bucket %s: %w", l.Bucket, err)
	}
	return nil
}
