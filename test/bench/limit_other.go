//go:build !linux

package main

import "errors"

type limitServer struct{ sessions, frameBytes, batch int }

func (*limitServer) serve(func(int)) error {
	return errors.New("the physical limit is measured on Linux only")
}
