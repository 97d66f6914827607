package chatlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/parley-chat/parley"
)

// stampLength is the time whose records an object holds at most, after which it is
// named. It divides the hour.
const stampLength = 5 * time.Minute

// Forms of times in keys. Source: chat logging, user guide; its example.
const (
	folderFormat = "2006/01/02/15"
	stampFormat  = "20060102T1504Z"
)

// contentType is that of objects. They have no Content-Encoding, with which clients
// would decompress them unasked.
const contentType = "application/x-gzip"

// stampOf returns the start of the five minutes that a time is in.
func stampOf(t time.Time) time.Time { return t.UTC().Truncate(stampLength) }

// roomPrefix returns what the keys of all objects of a room begin with.
func roomPrefix(room parley.ARN) string {
	return fmt.Sprintf("AWSLogs/%s/IVSChatLogs/%s/%s/room_%s/",
		room.Account, recordVersion, room.Region, room.ID)
}

// objectKey returns the key of an object with records of a room and of the five
// minutes that begin with stamp. Objects that differ in content differ in hash.
func objectKey(room parley.ARN, stamp time.Time, hash string) string {
	return fmt.Sprintf("%s%s/%s_IVSChatLogs_%s_%s_room_%s_%s_%s.log.gz",
		roomPrefix(room), stamp.Format(folderFormat),
		room.Account, recordVersion, room.Region, room.ID, stamp.Format(stampFormat), hash)
}

// object is what is stored under a key: the gzip form of records, each on its line.
type object struct {
	body bytes.Buffer
	gzip *gzip.Writer
	sum  hash.Hash // of what is compressed
}

// compressors are kept: each has several hundred KB.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func newObject() *object {
	o := &object{gzip: compressors.Get().(*gzip.Writer), sum: sha256.New()}
	o.gzip.Reset(&o.body)
	return o
}

var newline = []byte("\n")

// add writes a record. Memory is all that it could lack.
func (o *object) add(record []byte) {
	for _, b := range [][]byte{record, newline} {
		_, _ = o.gzip.Write(b)
		_, _ = o.sum.Write(b)
	}
}

// finish returns the object's bytes, and a hash of its records: so an object that is
// written again, after a crash, takes the place of the first one.
func (o *object) finish() (body []byte, hash string) {
	_ = o.gzip.Close()
	compressors.Put(o.gzip)
	return o.body.Bytes(), hex.EncodeToString(o.sum.Sum(nil)[:4])
}
