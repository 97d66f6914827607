package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// TestOperationsScripts runs the scripts of testdata/operations beside two servers, of
// which commands find the first by its data folder, and what says that it stops.
func TestOperationsScripts(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	parleytest.StartOne(t, func(cfg *app.Config) { cfg.Data = data }, kept)
	second := parleytest.StartOne(t, func(cfg *app.Config) { cfg.Data = other }, kept)
	dev := parleytest.StartOne(t)
	stopping := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
	}))
	t.Cleanup(stopping.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/operations",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARLEY_DATA", data)
			env.Setenv("OTHER", second.Admin)
			env.Setenv("OTHER_TOKEN", filepath.Join(other, "admin-token"))
			env.Setenv("DEV", dev.Admin)
			env.Setenv("STOPPING", stopping.URL)
			env.Setenv("CLIENTS", second.URL)
			return nil
		},
	})
}

// kept has a server keep its data in a folder.
func kept(cfg *app.Config) { cfg.Dev = false }

// TestClusterScripts runs the scripts of testdata/cluster beside three nodes, of which
// commands find the first by its data folder.
func TestClusterScripts(t *testing.T) {
	var folders []string
	parleytest.StartCluster(t, 3, func(cfg *app.Config) { folders = append(folders, cfg.Data) })
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/cluster",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"until": until},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARLEY_DATA", folders[0])
			return nil
		},
	})
}

// untilTime is how long until tries, on a machine with much else to do.
const untilTime = time.Minute

// until is the command of scripts that runs a program until its output matches a pattern.
// It is for what nodes say of each other, who may take longer than they are waited for.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until pattern program [args...]")
	}
	want := regexp.MustCompile(args[0])
	for begin := time.Now(); ; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Since(begin) > untilTime {
			ts.Fatalf("after %s, the output does not match %q: %v", untilTime, want, err)
		}
	}
}
