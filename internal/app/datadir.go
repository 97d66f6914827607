package app

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/token"
)

// dataDir is the folder that holds everything the server keeps, locked against a
// second server. With an empty path nothing is kept.
type dataDir struct {
	path string
	lock *os.File
	// temporary is where chat logs are when nothing is kept. It does not exist before
	// there are some.
	temporary string
}

// openDataDir creates the data folder if there is none, and locks it. In
// development mode it does not touch the disk.
func openDataDir(cfg Config) (*dataDir, error) {
	if cfg.Dev {
		return &dataDir{temporary: filepath.Join(os.TempDir(), "parley-dev-"+rand.Text())}, nil
	}
	path, err := filepath.Abs(cfg.Data)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", cfg.Data, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create the data folder (set another with --data): %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write to the data folder (set another with --data): %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the data folder %s is in use by another server%s",
				path, holder(lock))
		}
		return nil, fmt.Errorf("lock the data folder %s: %w", path, err)
	}
	if err := writePID(lock); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("cannot write to the data folder: %w", err)
	}
	return &dataDir{path: path, lock: lock}, nil
}

// holder says which process wrote the lock file.
func holder(lock *os.File) string {
	var pid [16]byte
	n, _ := lock.ReadAt(pid[:], 0) // without it, the message just says less
	if text := strings.TrimSpace(string(pid[:n])); text != "" {
		return " (process " + text + ")"
	}
	return ""
}

func writePID(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (d *dataDir) close() error {
	if d == nil || d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// storeDir is where the store keeps its files, or empty when it keeps none.
func (d *dataDir) storeDir() string {
	if d.path == "" {
		return ""
	}
	return filepath.Join(d.path, "store")
}

// logDir is where chat logs and their queue are kept.
func (d *dataDir) logDir() string { return cmp.Or(d.path, d.temporary) }

// removeTemporary removes what was only kept for the life of the server.
func (d *dataDir) removeTemporary() error {
	if d == nil || d.temporary == "" {
		return nil
	}
	return os.RemoveAll(d.temporary)
}

// masterKey returns the key that wraps the keys of the store, and where it is from: a
// setting, the file master.key, made at the first start, or chance when nothing is
// kept.
func (d *dataDir) masterKey(cfg Config) (key []byte, source string, err error) {
	text, source := os.Getenv(config.MasterKeyVariable), config.MasterKeyVariable
	fresh := make([]byte, token.MasterKeyLen)
	_, _ = rand.Read(fresh) // never fails: it ends the process instead
	switch {
	case text != "" && cfg.MasterKeyFile != "":
		return nil, "", fmt.Errorf("the master key is set twice: by master_key_file and by %s",
			config.MasterKeyVariable)
	case text != "":
	case cfg.MasterKeyFile != "":
		source = cfg.MasterKeyFile
		text, err = readText(source)
	case d.path == "":
		return fresh, "", nil
	default:
		source = filepath.Join(d.path, "master.key")
		text, err = d.readOrCreate("master.key", hex.EncodeToString(fresh)+"\n")
	}
	if err != nil {
		return nil, "", fmt.Errorf("master key: %w", err)
	}
	key, err = hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != token.MasterKeyLen {
		return nil, "", fmt.Errorf("master key %s: want %d hexadecimal digits",
			source, 2*token.MasterKeyLen)
	}
	return key, source, nil
}

func readText(path string) (string, error) {
	text, err := os.ReadFile(path)
	return string(text), err
}

// readOrCreate returns what a file of the folder holds, which is initial if there
// was no such file. A new file is complete and on disk, or absent.
func (d *dataDir) readOrCreate(name, initial string) (string, error) {
	path := filepath.Join(d.path, name)
	have, err := readText(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return have, err
	}
	return initial, writeSynced(path, []byte(initial))
}

// writeSynced writes a file that only its owner can read, by way of a temporary
// one, and returns when it would survive a power cut.
func writeSynced(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// nodeNameFile is the name, in the data folder, of the file with the node's name.
const nodeNameFile = "node-name"

// nodeName returns this node's name: the one that was chosen, or else one that the data
// folder keeps. A node without others is called as its machine.
func (d *dataDir) nodeName(cfg Config) (string, error) {
	if cfg.NodeName != "" || !cfg.HasOthers() {
		return cfg.NodeName, nil
	}
	host, _ := os.Hostname() // without one, the rest has to do
	fresh := strings.ToLower(rand.Text()[:8])
	host, _, _ = strings.Cut(host, ".")
	if config.ValidName(host) && len(host) < config.MaxNameBytes/2 {
		fresh = host + "-" + fresh
	}
	text, err := d.readOrCreate(nodeNameFile, fresh+"\n")
	if err != nil {
		return "", fmt.Errorf("node name: %w", err)
	}
	if text = strings.TrimSpace(text); !config.ValidName(text) {
		return "", fmt.Errorf("%s: want a name of letters, digits, ., - and _",
			filepath.Join(d.path, nodeNameFile))
	}
	return text, nil
}
