package network

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

const (
	deviceName = "parley0"
	devicePath = "/dev/net/tun"
	// mtu is the size of the largest packet, in bytes, as on an Ethernet.
	mtu = 1500
)

// openDevice makes a TUN device in the namespace of the calling thread. What is read from
// the file is what the namespace sends; what is written is what it receives.
func openDevice() (*os.File, error) {
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", devicePath, err)
	}
	request, err := unix.NewIfreq(deviceName)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make a TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), devicePath), nil
}

// configure gives the device of the calling thread's namespace an address in a network
// of 256, and starts the device and the loopback.
func configure(addr netip.Addr) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	if err := setAddr(socket, unix.SIOCSIFADDR, addr); err != nil {
		return fmt.Errorf("set the address: %w", err)
	}
	mask := netip.AddrFrom4([4]byte{255, 255, 255, 0})
	if err := setAddr(socket, unix.SIOCSIFNETMASK, mask); err != nil {
		return fmt.Errorf("set the network mask: %w", err)
	}
	for _, name := range []string{deviceName, "lo"} {
		if err := start(socket, name); err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
	}
	return nil
}

func setAddr(socket int, what uint, addr netip.Addr) error {
	request, err := unix.NewIfreq(deviceName)
	if err != nil {
		return err
	}
	if err := request.SetInet4Addr(addr.AsSlice()); err != nil {
		return err
	}
	return unix.IoctlIfreq(socket, what, request)
}

func start(socket int, name string) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
