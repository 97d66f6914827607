package app

// Silence has a node answer no questions of others any more.
func Silence(a *App) {
	for _, end := range a.unanswer {
		end()
	}
}
