package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

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
		Dir: "testdata/cluster",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARLEY_DATA", folders[0])
			return nil
		},
	})
}
