package messaging

import (
	"context"
	"net"

	"github.com/parley-chat/parley/internal/hub"
)

// Read reads a session's connection until it ends.
func Read(ctx context.Context, session *hub.Session, conn net.Conn, early []byte) {
	newReader(session, conn, early).run(ctx)
}
