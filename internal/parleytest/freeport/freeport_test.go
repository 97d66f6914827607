package freeport_test

import (
	"net"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// TestAddresses listens at as many addresses as a large test does, while none of them
// is what the system gives to those who ask for any.
func TestAddresses(t *testing.T) {
	any, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer any.Close()
	for _, address := range freeport.Addresses(100) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("Addresses() has one that is taken: %v", err)
		}
		defer l.Close()
		if got, system := l.Addr().(*net.TCPAddr).Port, any.Addr().(*net.TCPAddr).Port; got >= 32768 {
			t.Errorf("Addresses() has port %d, of those that the system gives, such as %d", got, system)
		}
	}
}
