package chatlog

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// objectStore keeps objects under keys. It is a target, and can be read.
type objectStore interface {
	// put stores an object. An object of the key has the same content.
	put(ctx context.Context, key string, body []byte) error
	// list yields the keys with a prefix, in their order.
	list(ctx context.Context, prefix string) iter.Seq2[string, error]
	open(ctx context.Context, key string) (io.ReadCloser, error)
	probe(ctx context.Context) error
	String() string
}

// objects is the target that makes objects of records.
type objects struct{ objectStore }

// maxUploads is how many objects of a configuration are on their way at once.
const maxUploads = 8

func (o objects) parallel() int { return maxUploads }

// split makes a part for each room and five minutes: records that came late are in
// an object of their own time.
func (o objects) split(items []item) []part {
	var parts []part
	for _, room := range byRoom(items) {
		stamps := map[time.Time]int{} // where in parts
		for _, i := range room {
			stamp := stampOf(i.received())
			at, ok := stamps[stamp]
			if !ok {
				at = len(parts)
				stamps[stamp] = at
				parts = append(parts, part{room: i.Room, stamp: stamp})
			}
			parts[at].items = append(parts[at].items, i)
		}
	}
	return parts
}

func (o objects) send(ctx context.Context, world parley.World, p part) result {
	made := newObject()
	for _, record := range p.records {
		made.add(record)
	}
	body, hash := made.finish()
	room := parley.ARN{Region: world.Region, Account: world.Account,
		Kind: parley.KindRoom, ID: p.room}
	if err := o.put(ctx, objectKey(room, p.stamp, hash), body); err != nil {
		return p.failed(err)
	}
	return result{}
}

// directory keeps objects as files.
type directory struct{ path string }

func (d directory) String() string { return d.path }

func (d directory) probe(context.Context) error { return os.MkdirAll(d.path, 0o755) }

// put writes a file by way of a temporary one, and returns when it would survive a
// power cut.
func (d directory) put(_ context.Context, key string, body []byte) (err error) {
	path := filepath.Join(d.path, filepath.FromSlash(key))
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil // written before a crash
	}
	file, err := os.CreateTemp(folder, ".unfinished-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(body)
	if err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// list yields nothing when there is no such folder. The prefix ends with a slash.
func (d directory) list(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		root := filepath.Join(d.path, filepath.FromSlash(prefix))
		var keys []string
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
				return err
			}
			rel, err := filepath.Rel(d.path, path)
			keys = append(keys, filepath.ToSlash(rel))
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield("", err)
			return
		}
		slices.Sort(keys)
		for _, key := range keys {
			if !yield(key, nil) {
				return
			}
		}
	}
}

func (d directory) open(_ context.Context, key string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(d.path, filepath.FromSlash(key)))
}
