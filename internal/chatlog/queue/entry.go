package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"time"
)

// Record is one record of a chat log.
type Record struct {
	Room string    // id of the room, 1 to 255 bytes
	At   time.Time // of receipt, kept to the millisecond
	JSON []byte    // without a newline, at most MaxRecordBytes
}

// MaxRecordBytes bounds the JSON of a record. Frames have less than a quarter of it,
// also when all their characters have to be escaped.
const MaxRecordBytes = 256 << 10

// magic begins every segment's file: a name, and the version of what follows.
const magic = "plylog1\n"

// An entry of a segment is, in big endian: the CRC-32C of all that follows (4 bytes),
// the length of the JSON (4), the milliseconds of the time since 1970 (8), the
// length of the room's id (1), that id, and the JSON.
const (
	headBytes    = 4 + 4 + 8 + 1
	maxRoomBytes = 255
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRecord is what Append refuses: the caller has made a mistake.
var errRecord = errors.New("the record has no room, or is too large")

// valid reports whether a record can be kept.
func (r Record) valid() bool {
	return r.Room != "" && len(r.Room) <= maxRoomBytes && len(r.JSON) <= MaxRecordBytes
}

// entryBytes returns how long a record's entry is.
func (r Record) entryBytes() int { return headBytes + len(r.Room) + len(r.JSON) }

// appendEntry appends the entry of a valid record to b.
func appendEntry(b []byte, r Record) []byte {
	begin := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.JSON)))
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
	b = append(b, byte(len(r.Room)))
	b = append(b, r.Room...)
	b = append(b, r.JSON...)
	binary.BigEndian.PutUint32(b[begin:], crc32.Checksum(b[begin+4:], castagnoli))
	return b
}

// Item is where a record is in a segment, with what is needed to decide what becomes
// of it.
type Item struct {
	Room   string
	Millis int64 // of receipt, since 1970
	Bytes  int32 // of its JSON
	at     int64 // where its JSON begins in the file
}

func (i Item) end() int64 { return i.at + int64(i.Bytes) }

// scan calls each with the entries of a segment, and returns how many bytes of it are
// whole entries. What comes after them was cut off when the process or the machine
// ended, or is damaged.
func scan(r io.Reader, each func(Item)) (whole int64, err error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:len(magic)]); err != nil || string(head[:len(magic)]) != magic {
		return 0, cutOff(err)
	}
	whole = int64(len(magic))
	rooms := map[string]string{} // so that each id is in memory once
	var body []byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return whole, cutOff(err)
		}
		size, roomLen := int(binary.BigEndian.Uint32(head[4:])), int(head[headBytes-1])
		if size > MaxRecordBytes || roomLen == 0 {
			return whole, nil
		}
		if cap(body) < roomLen+size {
			body = make([]byte, max(roomLen+size, 4<<10))
		}
		body = body[:roomLen+size]
		if _, err := io.ReadFull(r, body); err != nil {
			return whole, cutOff(err)
		}
		sum := crc32.Update(crc32.Checksum(head[4:], castagnoli), castagnoli, body)
		if sum != binary.BigEndian.Uint32(head[:]) {
			return whole, nil
		}
		each(Item{
			Room:   interned(rooms, body[:roomLen]),
			Millis: int64(binary.BigEndian.Uint64(head[8:])),
			at:     whole + int64(headBytes+roomLen),
			Bytes:  int32(size),
		})
		whole += int64(headBytes + len(body))
	}
}

// cutOff returns nil when a file ended in the middle of something.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func interned(known map[string]string, text []byte) string {
	if s, ok := known[string(text)]; ok {
		return s
	}
	s := string(bytes.Clone(text))
	known[s] = s
	return s
}
