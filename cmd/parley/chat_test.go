package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// TestClientScripts runs the scripts of testdata/client beside a server that they find
// by its data folder.
func TestClientScripts(t *testing.T) {
	data := t.TempDir()
	parleytest.Start(t, func(cfg *app.Config) { cfg.Dev, cfg.Data = false, data })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/client",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARLEY_DATA", data)
			return nil
		},
	})
}
