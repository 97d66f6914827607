//go:build !linux

package main

import "os/exec"

// allCPUs returns no CPUs: here, processes cannot be bound to any.
func allCPUs() ([]int, error) { return nil, nil }

func bindSelf([]int) error { return nil }

func startOn(cmd *exec.Cmd, _ []int) error { return cmd.Start() }
