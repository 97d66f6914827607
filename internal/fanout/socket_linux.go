package fanout

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of a shard never block, so they need not tell the Go scheduler
// that they might.

func readRaw(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ,
		uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

func writeRaw(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE,
		uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

func writePieces(fd int, pieces []unix.Iovec) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITEV,
		uintptr(fd), uintptr(unsafe.Pointer(&pieces[0])), uintptr(len(pieces)))
	return int(n), errno
}

// pollRaw returns how many of events it has filled.
func pollRaw(epoll int, events []unix.EpollEvent) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return int(n), errno
}
