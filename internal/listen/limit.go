package listen

// maxDefaultConnections is the most that is allowed without being told to: each takes
// some 12 KiB, and three times as much while it shakes hands over TLS.
const maxDefaultConnections = 16384

// reservedFiles is how many files are left to the server itself.
const reservedFiles = 64

// DefaultConnections returns how many connections that are no sessions may be open:
// a quarter of the files that the process may open, and at most 16,384.
func DefaultConnections() int { return min(maxFiles()/4, maxDefaultConnections) }

// DefaultSessions returns how many sessions may be open: all files that the process
// may open but for those of the other connections and 64.
func DefaultSessions() int { return max(maxFiles()-DefaultConnections()-reservedFiles, 1) }
