package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/parley-chat/parley/client"
)

// bot answers "!ping".
func bot(ctx context.Context, room *client.Room) error {
	for received, err := range room.Receive(ctx) {
		if err != nil {
			return err
		}
		if m, ok := received.(*client.Message); ok && m.Content == "!ping" {
			if _, err := room.Send(ctx, "pong, "+m.Sender.UserID, nil); err != nil {
				log.Print(err) // a rate was exceeded, say
			}
		}
	}
	return nil
}

func Example_bot() {
	demo := startDemo() // a server, and an application that makes tokens
	defer demo.Close()
	ctx := context.Background()

	room, err := client.Dial(ctx, demo.URL, demo.Tokens("bot"), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close()
	go bot(ctx, room)

	ana, err := client.Dial(ctx, demo.URL, demo.Tokens("ana"), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer ana.Close()
	if _, err := ana.Send(ctx, "!ping", nil); err != nil {
		log.Fatal(err)
	}
	for received := range ana.Receive(ctx) {
		if m, ok := received.(*client.Message); ok && m.Sender.UserID == "bot" {
			fmt.Println(m.Content)
			break
		}
	}
	// Output: pong, ana
}
