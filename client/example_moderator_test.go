package client_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/parley-chat/parley/client"
)

// moderate deletes messages with a word, and disconnects who has sent three of them.
func moderate(ctx context.Context, room *client.Room, word string) error {
	strikes := map[string]int{} // by user id
	for received, err := range room.Receive(ctx) {
		if err != nil {
			return err
		}
		m, ok := received.(*client.Message)
		if !ok || !strings.Contains(strings.ToLower(m.Content), word) {
			continue
		}
		if _, err := room.DeleteMessage(ctx, m.ID, "language"); err != nil {
			log.Print(err)
		}
		user := m.Sender.UserID
		if strikes[user]++; strikes[user] < 3 {
			continue
		}
		delete(strikes, user)
		if _, err := room.DisconnectUser(ctx, user, "three strikes"); err != nil {
			log.Print(err)
		}
	}
	return nil
}

func Example_moderator() {
	demo := startDemo() // a server, and an application that makes tokens
	defer demo.Close()
	ctx := context.Background()

	room, err := client.Dial(ctx, demo.URL, demo.Tokens("moderator"), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close()
	go moderate(ctx, room, "darn")

	ben, err := client.Dial(ctx, demo.URL, demo.Tokens("ben"), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer ben.Close()
	for range 3 {
		if _, err := ben.Send(ctx, "Darn it!", nil); err != nil {
			log.Fatal(err)
		}
	}
	err = ben.Handle(ctx, client.Handlers{
		MessageDeleted: func(d *client.MessageDeleted) { fmt.Println("a message was deleted:", d.Reason) },
	})
	fmt.Println(err)
	// Output:
	// a message was deleted: language
	// a message was deleted: language
	// a message was deleted: language
	// disconnected by the server: code 1000: three strikes
}
