package main

import (
	"testing"
	"time"
)

func TestAnswered(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n"
	for _, tt := range []struct {
		answer   string
		complete bool
		fails    bool
	}{
		{"", false, false},
		{head[:len(head)-1], false, false},
		{head, false, false},
		{head + "1234", false, false},
		{head + "12345", true, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: a\r\n\r\n", true, false},
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{", false, false},
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}", false, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n", false, true},
	} {
		complete, err := answered([]byte(tt.answer))
		if complete != tt.complete || (err != nil) != tt.fails {
			t.Errorf("answered(%q) = %t, %v; want %t, failure %t",
				tt.answer, complete, err, tt.complete, tt.fails)
		}
	}
}

func TestPercentiles(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tt := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 99, 0}, {hundred[:1], 50, 100}, {hundred[:1], 99, 100},
		{hundred, 50, 51}, {hundred, 99, 100}, {hundred, 0, 1},
	} {
		if got := percentile(tt.values, tt.p); got != tt.want {
			t.Errorf("percentile %d of %d values: %d, want %d", tt.p, len(tt.values), got, tt.want)
		}
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median of 3, 1, 2: %v, want 2", got)
	}
}
