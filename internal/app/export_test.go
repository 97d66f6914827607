package app

import "context"

// Deafen has a node not hear of token keys any more, nor answer questions about them.
func Deafen(a *App) { a.tokens.close() }

// RotateAlone rotates the keys without a word to other nodes.
func RotateAlone(ctx context.Context, a *App) error {
	id, err := a.tokens.introduce(ctx)
	if err != nil {
		return err
	}
	return a.tokens.promote(ctx, id)
}

// Silence has a node answer no questions of others any more.
func Silence(a *App) {
	for _, end := range a.unanswer {
		end()
	}
}
