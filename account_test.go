package parley_test

import (
	"testing"

	"github.com/parley-chat/parley"
)

func TestValidAccount(t *testing.T) {
	for id, want := range map[string]bool{
		"000000000000": true, "123456789012": true,
		"": false, "12345678901": false, "1234567890123": false, "12345678901a": false,
		"123456789012\n": false, "１２３４５６７８９０１２": false,
	} {
		if got := parley.ValidAccount(id); got != want {
			t.Errorf("ValidAccount(%q) = %t, want %t", id, got, want)
		}
	}
}
