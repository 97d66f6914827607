package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
)

// Limits of requests to the admin listener.
const (
	adminTimeout = 10 * time.Second // of those that only look
	changeWithin = time.Minute      // of those that change something, but for restores
	maxRefusal   = 4 << 10          // bytes of a refusal that are shown
)

// adminFlags say which server is asked through its admin listener. What is not given is
// that of the server of this folder, if one runs.
type adminFlags struct {
	Admin string `env:"PARLEY_ADMIN_URL" placeholder:"URL" help:"URL of the server's admin listener (that of the server of this folder, or http://127.0.0.1:8081)."`

	AdminTokenFile string `env:"PARLEY_ADMIN_TOKEN_FILE" placeholder:"FILE" help:"File that holds the server's admin token (that of the server of this folder)."`
}

// outputFlag is how a report is printed.
type outputFlag struct {
	Output string `enum:"table,json" default:"table" help:"Form of the output: table or json (table)."`
}

// print prints a report as JSON, or as print does.
func (f outputFlag) print(report any, print func() error) error {
	if f.Output != "json" {
		return print()
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

// look reads a report of the admin listener.
func (f adminFlags) look(path string, report any) error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	res, err := f.get(ctx, path)
	return read(res, err, report)
}

// change has the server do something, and reads its report.
func (f adminFlags) change(path string, report any) error {
	ctx, stop := interruptible()
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	res, err := f.do(ctx, http.MethodPost, path, nil)
	return read(res, err, report)
}

// read reads the report that an answer is.
func read(res *http.Response, err error, report any) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refused(res)
	}
	if err := json.NewDecoder(res.Body).Decode(report); err != nil {
		return notAdmin(res)
	}
	return nil
}

// get asks the admin listener for what it tells everybody. Whoever listens in the place of
// a server that was killed does not get its token.
func (f adminFlags) get(ctx context.Context, path string) (*http.Response, error) {
	url, _ := f.find()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}

// do makes a request to the admin listener, with the token if there is one.
func (f adminFlags) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	url, local := f.find()
	token, err := f.token(url, local)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Expect", "100-continue") // a refusal comes before the body is sent
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(req)
}

// find returns where the admin listener is, and what is known of that of the server of
// this folder.
func (f adminFlags) find() (url string, local app.LocalAdmin) {
	local, _ = app.FindLocalAdmin(dataFolder())
	return strings.TrimSuffix(
		cmp.Or(f.Admin, local.URL, "http://"+config.Default().AdminListen), "/"), local
}

// token returns the token for an admin listener if there is one. That of the server of
// this folder is for that server alone.
func (f adminFlags) token(url string, local app.LocalAdmin) (string, error) {
	file := f.AdminTokenFile
	if file == "" {
		if token := os.Getenv(app.AdminTokenVariable); token != "" || url != local.URL {
			return token, nil
		}
		file = local.TokenFile
	}
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("admin token: %w", err)
	}
	return string(bytes.TrimSpace(text)), nil
}

// dataFolder returns the data folder of the server of this folder, or the one that
// PARLEY_DATA names.
func dataFolder() string { return cmp.Or(os.Getenv("PARLEY_DATA"), config.Default().Data) }

// refused returns the error that an answer is.
func refused(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return errors.New("the server demands its admin token: name the file with --admin-token-file, " +
			"or run the command beside the data folder, where it is admin-token")
	case err != nil || res.StatusCode == http.StatusNotFound || len(text) == 0:
		return notAdmin(res)
	}
	return errors.New(string(bytes.TrimSpace(text)))
}

func notAdmin(res *http.Response) error {
	return fmt.Errorf("%s answered %s: is this the admin listener?", res.Request.URL, res.Status)
}

// interruptible returns a context that ends when the program is told to stop.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}
