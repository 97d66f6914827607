package load

import (
	"context"
	"net/netip"

	"github.com/parley-chat/parley/internal/load/sockets"
)

// Raw is Fanout for a server that knows nothing of WebSocket: sessions are bare
// connections, and what a sender writes is the frame that all get. It shows what
// the same load makes of the least that a server can do.
func Raw(ctx context.Context, server netip.AddrPort, probe Probe, cfg FanoutConfig, show Show) (
	*FanoutResult, error,
) {
	sessions := cfg.Rooms * cfg.Receivers
	if err := CheckFiles(sessions); err != nil {
		return nil, err
	}
	f := newFanout(cfg, probe, show)
	f.raw, f.request = true, newFrameTemplate(f.mark, cfg.ContentBytes)
	var err error
	if f.net, err = sockets.New([]sockets.Server{sockets.Raw(server)}, sessions, f); err != nil {
		return nil, err
	}
	return f.run(ctx, func(context.Context, int) (string, error) { return "", nil })
}

// RawFrameBytes returns how long a frame of Raw is, with its header.
func RawFrameBytes(contentBytes int) int {
	t := newFrameTemplate(newMark(), contentBytes)
	return sockets.FrameBytes(len(t.text))
}
