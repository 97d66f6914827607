package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// allCPUs returns the CPUs that this process may use.
func allCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read the CPUs of this process: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

func setOf(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return &set
}

// bindSelf binds all threads of this process to CPUs. Threads made later inherit it.
func bindSelf(cpus []int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list the threads of this process: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return fmt.Errorf("thread %s: %w", thread.Name(), err)
		}
		// A thread that has ended meanwhile needs no binding.
		if err := unix.SchedSetaffinity(id, setOf(cpus)); err != nil && err != unix.ESRCH {
			return fmt.Errorf("bind thread %d: %w", id, err)
		}
	}
	return nil
}

// startOn starts a command that is bound to CPUs: a process begins with the binding
// of the thread that starts it.
func startOn(cmd *exec.Cmd, cpus []int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read the CPUs of this thread: %w", err)
	}
	if err := unix.SchedSetaffinity(0, setOf(cpus)); err != nil {
		return fmt.Errorf("bind a thread: %w", err)
	}
	err := cmd.Start()
	if undo := unix.SchedSetaffinity(0, &before); undo != nil && err == nil {
		return fmt.Errorf("bind a thread: %w", undo)
	}
	return err
}
