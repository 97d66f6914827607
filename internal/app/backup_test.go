package app_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
)

// TestRestoreUploadLimit announces the largest backup, which the server asks for, and one
// that is a byte larger.
func TestRestoreUploadLimit(t *testing.T) {
	a := start(t, "", func(cfg *app.Config) { cfg.Dev = true })
	for size, want := range map[int]string{
		1 << 30:   "HTTP/1.1 100 Continue",
		1<<30 + 1: "HTTP/1.1 413 Request Entity Too Large",
	} {
		conn, err := net.Dial("tcp", a.AdminAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /restore HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"+
			"Expect: 100-continue\r\n\r\n", size)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || strings.TrimSpace(line) != want {
			t.Errorf("a backup of %d bytes: %q, %v; want %s", size, line, err, want)
		}
		_ = conn.Close()
	}
}

// TestOneRestoreAtATime has a restore wait for its backup while another is asked for.
func TestOneRestoreAtATime(t *testing.T) {
	a := start(t, "", func(cfg *app.Config) { cfg.Dev = true })
	conn, err := net.Dial("tcp", a.AdminAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /restore HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"+
		"Expect: 100-continue\r\n\r\n")
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil { // it waits now
		t.Fatal(err)
	}
	status, text := ask(t, a, http.MethodPost, "/restore", "")
	if status != http.StatusConflict || !strings.Contains(text, "another restore is in progress") {
		t.Errorf("a second restore: %d %s", status, text)
	}
	_ = conn.Close()
	until(t, "the first restore to end", func() bool {
		status, _ := ask(t, a, http.MethodPost, "/restore", "")
		return status == http.StatusBadRequest // of nothing
	})
}
