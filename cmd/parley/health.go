package main

import (
	"context"
	"io"
	"net/http"
	"os"
)

// healthCmd asks a running server whether it should get traffic.
type healthCmd struct {
	adminFlags `embed:""`
}

// Run prints that the server is ready, or returns why it is not.
func (c *healthCmd) Run() error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	res, err := c.get(ctx, "/readyz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refused(res)
	}
	_, err = io.Copy(os.Stdout, io.LimitReader(res.Body, maxRefusal))
	return err
}
